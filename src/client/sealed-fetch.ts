/**
 * A `fetch` for services that verify tokens of this project: each request carries a copy of the token that is sealed to it, and each answer must prove
 * that it is the service's answer to this very request. Nothing that travels can be used again, by whoever reads it.
 */
import { authorityOf } from '../caveats/authority.js';
import { type Clock, decode, type Macaroon, MacaroonError, type RandomBytes, requireKnownNames } from '../core/index.js';
import { type AsymmetricAlgorithm, contentDigest } from '../protocol/http-signature/index.js';
import { type AnswerProof, checkSealedAnswer } from '../protocol/sealed-answer.js';
import { type SealedRequest, sealRequest } from '../protocol/sealed-request.js';
import type { OutgoingMessage, WholeAnswer } from '../transport/exchange.js';
import { ServiceHttp, type ServiceHttpOptions } from '../transport/service-http.js';
import { type KeySigner, keySigner } from './key-signer.js';
import { readOutgoing, type SealedInit } from './outgoing-request.js';
import { SeenNonces } from './seen-nonces.js';
import { asksForAnother, isFinal, isStale } from './signed-refusal.js';

export type { SealedInit } from './outgoing-request.js';

/** How the service is recognised, and what else the token asks for. */
export interface SealedFetchOptions extends ServiceHttpOptions {
  /** The key that a `cnf jkt` caveat of the token names: PEM, PKCS #8. */
  readonly signingKey?: { readonly privateKey: string; readonly algorithm: AsymmetricAlgorithm } | undefined;
  /** Discharges of the token's third-party caveats as texts, not bound yet. */
  readonly discharges?: readonly string[] | undefined;
  /** Time; the machine's when absent. Signed answers correct it. */
  readonly clock?: Clock | undefined;
  readonly randomBytes?: RandomBytes | undefined;
}

/** An answer that proved itself. */
export interface SealedAnswer extends Response {
  /**
   * `unknown`: it is a refusal, which speaks for one copy of the request. Somebody in between may have brought another copy that was carried out: find
   * out before you send the request again. Always `known` for GET and HEAD.
   */
  readonly outcome: 'known' | 'unknown';
}

export interface SealedFetch {
  /**
   * Sends one request, and once more, newly sealed, when GET or HEAD is refused as stale, repeated or altered. Redirects are answers like others.
   * Throws `InterferenceError` for an answer that does not prove itself, `ERR_SERVICE_*` for none, `ERR_ARGUMENT` for what cannot be sealed.
   */
  (url: string | URL, init?: SealedInit): Promise<SealedAnswer>;
  /** Ends all connections. */
  close(): Promise<void>;
}

const optionNames = [
  'ca',
  'caFile',
  'pinSha256',
  'tls',
  'timeoutMs',
  'maxAnswerBytes',
  'signingKey',
  'discharges',
  'clock',
  'randomBytes',
] as const satisfies readonly (keyof SealedFetchOptions)[];
/** An answer that took longer says too little about the present. */
const maxRoundTripMs = 5_000;
const systemRandomBytes: RandomBytes = (length) => globalThis.crypto.getRandomValues(new Uint8Array(length));

/** A `fetch` with `token`, the text of a token. Throws `ERR_ARGUMENT`, and `ERR_FORMAT_*`, `ERR_LIMIT_*` for a text that is no token. */
export function sealedFetch(token: string, options: SealedFetchOptions = {}): SealedFetch {
  requireKnownNames(options, optionNames, 'options');
  const sender = new SealedSender(token, options);
  const send = (url: string | URL, init?: SealedInit): Promise<SealedAnswer> => sender.fetch(url, init);
  return Object.assign(send, { close: () => sender.close() });
}

/** What became of one copy of a request. */
interface Exchange {
  readonly answer: WholeAnswer;
  readonly proof: AnswerProof;
  readonly roundTripMs: number;
}

class SealedSender {
  readonly #token: string;
  readonly #discharges: readonly Macaroon[];
  readonly #http: ServiceHttp;
  readonly #signer: Promise<KeySigner> | undefined;
  readonly #clock: Clock;
  readonly #randomBytes: RandomBytes;
  readonly #seen = new SeenNonces();
  /** How far the services' time is ahead of ours, as a signed answer told. */
  #aheadMs = 0;

  constructor(token: string, options: SealedFetchOptions) {
    const { signingKey, discharges = [], clock = Date.now, randomBytes = systemRandomBytes } = options;
    decode(token);
    this.#token = token;
    this.#discharges = discharges.map((text) => decode(text).root);
    this.#http = new ServiceHttp(options);
    this.#clock = clock;
    this.#randomBytes = randomBytes;
    this.#signer = signingKey === undefined ? undefined : keySigner(signingKey);
    // It is awaited at each request, and must not end the process before that.
    this.#signer?.catch(() => undefined);
  }

  async fetch(url: string | URL, init: SealedInit = {}): Promise<SealedAnswer> {
    const message = readOutgoing(url, init);
    const first = await this.#exchange(message);
    if (isStale(first.answer, message.method) && first.roundTripMs < maxRoundTripMs) {
      // In the middle of the second that it tells.
      this.#aheadMs = first.proof.createdAtMs + 500 - this.#clock();
    }
    const isSafe = message.method === 'GET' || message.method === 'HEAD';
    const { answer } = isSafe && asksForAnother(first.answer, message.method) ? await this.#exchange(message) : first;
    return sealedAnswer(answer, isSafe || isFinal(answer) ? 'known' : 'unknown');
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  async #exchange(message: OutgoingMessage): Promise<Exchange> {
    const { method, headers, body } = message;
    const sealed = this.#seal(message);
    const authorization = `Macaroon ${sealed.text}`;
    const digest = body.length === 0 || this.#signer === undefined ? {} : { 'content-digest': contentDigest(body) };
    const sent = { ...message, headers: { ...headers, ...digest, authorization } };
    const signer = await this.#signer;
    const signature = await signer?.(sent, this.#now(), this.#randomBytes);
    const startMs = this.#clock();
    const answer = await this.#http.request({ ...sent, headers: { ...sent.headers, ...signature } });
    const roundTripMs = this.#clock() - startMs;
    const { answerKey, tokenId } = sealed;
    const proof = await checkSealedAnswer(answerKey, { method, authorization, tokenId }, answer, (nonce) =>
      this.#seen.has(nonce),
    );
    this.#seen.add(proof.nonce, this.#clock());
    return { answer, proof, roundTripMs };
  }

  #seal({ method, origin, target, headers, body }: OutgoingMessage): SealedRequest {
    const parts = {
      method,
      authority: authorityOf(origin) ?? '',
      target,
      contentType: headers['content-type'],
      contentEncoding: headers['content-encoding'],
      body,
    };
    return sealRequest(this.#token, parts, { clock: () => this.#now(), randomBytes: this.#randomBytes }, this.#discharges);
  }

  #now(): number {
    return this.#clock() + this.#aheadMs;
  }
}

const bodilessStatuses: ReadonlySet<number> = new Set([101, 204, 205, 304]);

function sealedAnswer({ status, headers, body, setCookies }: WholeAnswer, outcome: SealedAnswer['outcome']): SealedAnswer {
  if (status < 200 || status > 599) {
    const message = `the service's answer cannot be used: HTTP has no status ${status}`;
    throw new MacaroonError('ERR_SERVICE_ANSWER', message, { status, outcome: 'unknown' });
  }
  const fields = new Headers();
  for (const [name, value] of Object.entries(headers)) if (name !== 'set-cookie') fields.append(name, value);
  for (const cookie of setCookies) fields.append('set-cookie', cookie);
  const response = new Response(bodilessStatuses.has(status) ? null : new Uint8Array(body), { status, headers: fields });
  return Object.defineProperty(response, 'outcome', { value: outcome, enumerable: true }) as SealedAnswer;
}
