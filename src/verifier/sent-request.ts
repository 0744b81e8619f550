/**
 * The request at hand, for tokens that are bound to it: what a service tells of it, and what is read out of that once the signature of the token held.
 * Which authority it was sent to, the service's configured origins decide; `Host` only chooses among them, and must where there are several.
 */
import { authorityOf } from '../caveats/authority.js';
import type { RequestFacts } from '../caveats/caveat-type.js';
import { encodeBase64url, MacaroonError, sha256, whenKnown } from '../core/index.js';
import type { AnswerSigner } from '../protocol/answer-signer.js';
import type { HeaderFields } from '../protocol/header-fields.js';
import type { AnswerKey } from '../protocol/sealed-answer.js';
import { methodOverrideHeaders, requestContent, requestDigest } from '../protocol/sealed-request.js';
import type { Binding } from './binding.js';
import { type KeyProof, readKeyProof } from './key-proof.js';

/** The request as it came over the wire. */
export interface SentRequest {
  /** Raw path and query. */
  readonly target: string;
  /** Every header. */
  readonly headers: HeaderFields;
  /** The body as sent. Called at most once, and only for a token whose signature held. What it throws, `verify` throws. */
  readonly body: () => Uint8Array | Promise<Uint8Array>;
  /** The certificate (DER) that the peer showed in its TLS handshake, if it did. */
  readonly certificate?: (() => Uint8Array | undefined) | undefined;
  /** Where the connection tells which of the service's origins was meant; the verifier's `origins` when absent. Of several, `Host` or `:authority` must name one. */
  readonly origins?: readonly string[] | undefined;
  /** Told how the answer must be signed once the signature of a sealed token held, also where `verify` throws afterwards. */
  readonly onSigner?: ((sign: AnswerSigner) => void) | undefined;
}

/** The request as another verifier, whose word counts, tells of it. */
export interface ToldRequest {
  /** `host[:port]`, as `authorityOf` spells it. */
  readonly authority: string;
  /** Raw path and query. */
  readonly target: string;
  /** `requestDigest` of the content. */
  readonly digest: string;
  /** Told what the answer must be signed with once the signature of a sealed token held. */
  readonly onAnswerKey?: ((key: AnswerKey) => void) | undefined;
}

const arrivals = new WeakMap<SentRequest, object>();

/**
 * `sent`, which its maker knows to stand for the request that came over the wire once as `arrival`: several guards on the way of that request may ask
 * about it, each in its own words. Without this, what is asked about twice came twice.
 */
export function asOneArrival(sent: SentRequest, arrival: object): SentRequest {
  arrivals.set(sent, arrival);
  return sent;
}

/** What `sent` is one telling of; `undefined` when nobody knows. */
export function arrivalOf(sent: SentRequest): object | undefined {
  return arrivals.get(sent);
}

/** One origin of a service. */
export interface Origin {
  /** Without a slash at its end. */
  readonly url: string;
  readonly authority: string;
}

/** `texts` as origins, such as `https://invoice.example:8443`. Throws `ERR_ARGUMENT` for another text, and for none at all. */
export function parseOrigins(texts: readonly string[]): readonly Origin[] {
  if (!Array.isArray(texts)) throw badOrigins();
  const origins = texts.map((text: unknown) => {
    if (typeof text !== 'string') throw badOrigins();
    const authority = authorityOf(text);
    if (authority === undefined) throw badOrigins();
    return { url: `${text.slice(0, text.indexOf('://')).toLowerCase()}://${authority}`, authority };
  });
  if (origins.length === 0) throw badOrigins();
  return origins;
}

function badOrigins(): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', 'origins must be a list of URLs such as https://invoice.example, without a path', {
    argument: 'origins',
  });
}

/** Whether `headers` say that `origin` was called: by `Host`, by `:authority` of HTTP/2, or by both alike. */
function isMeant({ url, authority }: Origin, headers: HeaderFields): boolean {
  const hosts = [...(headers.get('host') ?? []), ...(headers.get(':authority') ?? [])];
  const scheme = url.slice(0, url.indexOf(':'));
  return hosts.length > 0 && hosts.every((host) => authorityOf(`${scheme}://${host}`) === authority);
}

/** Reads `sent` for a token that asks for it, each part once. */
export class RequestReader {
  readonly #sent: SentRequest;
  readonly #method: string;
  readonly #origins: readonly Origin[];
  #body: Uint8Array | Promise<Uint8Array> | undefined;

  /** `configured`: the verifier's own origins. Throws `ERR_ARGUMENT` for origins that are none. */
  constructor(sent: SentRequest, method: string, configured: readonly Origin[]) {
    this.#sent = sent;
    this.#method = method;
    const all = sent.origins === undefined ? configured : parseOrigins(sent.origins);
    this.#origins = all.length > 1 ? all.filter((origin) => isMeant(origin, sent.headers)) : all;
  }

  /** What a `request` caveat is compared with; `undefined` where no origin is configured, or none of several is the one that was called. */
  facts({ seal }: Binding, windowMs: number): RequestFacts | undefined | Promise<RequestFacts | undefined> {
    const { target, headers } = this.#sent;
    const [first] = this.#origins;
    if (first === undefined) return undefined;
    const { authority } = this.#origins.find((origin) => origin.authority === seal?.authority) ?? first;
    return whenKnown(this.#read(), (body) => {
      const digest = requestDigest(requestContent(headers, body));
      return { authority, target, digest, windowMs, overridesMethod: this.overridesMethod };
    });
  }

  /** Whether a header asks to take the request for one with another method. */
  get overridesMethod(): boolean {
    return methodOverrideHeaders.some((name) => this.#sent.headers.has(name));
  }

  /** SHA-256 of the peer's certificate, base64url; `undefined` when it showed none. */
  certificateThumbprint(): string | undefined {
    const der: unknown = this.#sent.certificate?.();
    if (der === undefined) return undefined;
    if (!(der instanceof Uint8Array))
      throw noBytes('certificate', 'must tell the certificate as bytes (DER), at once, or undefined');
    return encodeBase64url(sha256(der));
  }

  /** The proof that the one key with all of `thumbprints` signed the request, if it did. */
  async key(thumbprints: readonly string[], nowMs: number): Promise<KeyProof | undefined> {
    const { target, headers } = this.#sent;
    // Programs differ in which of two they read.
    if ((headers.get('content-type')?.length ?? 0) > 1) return undefined;
    const targetUris = this.#origins.map(({ url }) => `${url}${target}`);
    return await readKeyProof({ method: this.#method, targetUris, headers, body: await this.#read(), thumbprints }, nowMs);
  }

  #read(): Uint8Array | Promise<Uint8Array> {
    this.#body ??= whenKnown<unknown, Uint8Array>(this.#sent.body(), (body) => {
      if (body instanceof Uint8Array) return body;
      throw noBytes('body', 'must tell the body as bytes, none for an empty one');
    });
    return this.#body;
  }
}

/** What is no bytes would be hashed as something else than it is. */
function noBytes(argument: string, fault: string): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', `${argument} of the request ${fault}`, { argument });
}
