/**
 * What both middlewares do with a request, free of any framework: refuse what could be read in two ways, tell method, path and address
 * as they came, verify, and turn the outcome into an answer.
 */
import { catchPromise } from '../caveats/catch-promise.js';
import { type IpRange, parseAddress, rangeContains } from '../caveats/ip-address.js';
import { isAction, MacaroonError, requireKnownNames } from '../core/index.js';
import type { AnswerSigner } from '../protocol/answer-signer.js';
import { readClientCertField } from '../protocol/client-cert-field.js';
import { type HeaderFields, headerFields } from '../protocol/header-fields.js';
import type { AnnouncingRequest } from './announced-body.js';
import { readAuthorization } from './authorization.js';
import { clientAddress, parseTrustedProxies } from './client-address.js';
import { checkRealm, type RefusalCause, type RefusalResponse, type RequestFault, refusalResponse } from './denial-response.js';
import type { VerifiedMacaroon } from './result.js';
import { asOneArrival, type SentRequest } from './sent-request.js';
import type { Verifier } from './verifier.js';

/** Above it a request is refused; far above it Node drops headers without a word. */
const maxHeaders = 64;

/** Options of `requireMacaroon` for requests of type `Incoming` (Hono's context, Node's request). */
export interface RequireMacaroonOptions<Incoming> {
  /** The action that the route needs, e.g. `invoices:read`, or what tells it for a request. */
  readonly action: string | ((incoming: Incoming) => string);
  /** Proxies whose `X-Forwarded-For` counts: addresses or ranges such as `10.0.0.0/8`. None when absent. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Address of the peer, where there is no socket to ask; used instead of the socket's. */
  readonly address?: ((incoming: Incoming) => string | undefined) | undefined;
  /**
   * Certificate (DER) that the peer showed in its TLS handshake, where there is no socket to ask; used instead of the socket's. Behind
   * `trustedProxies` neither counts, but what they say in `Client-Cert` (RFC 9440).
   */
  readonly certificate?: ((incoming: Incoming) => Uint8Array | undefined) | undefined;
  /** Largest body in bytes that is read to compare it with a token that is bound to it, 1 to 2^31-1; 1 MiB when absent. */
  readonly maxBodyBytes?: number | undefined;
  /** What `WWW-Authenticate` calls the service; the verifier's audience when absent. */
  readonly realm?: string | undefined;
  /** Told of each refused request, with the exact reason that the answer keeps back: for logs. Not waited for when it is async. */
  readonly onRefused?: ((cause: RefusalCause, incoming: Incoming) => void) | undefined;
}

/** A request as it came over the wire. */
export interface RawRequest {
  readonly method: string;
  /** Request target as sent. */
  readonly target: string;
  /** Every header in order, repeated ones repeated. */
  readonly headers: Iterable<readonly [name: string, value: string]>;
  readonly socketAddress: string | undefined;
  /** Certificate (DER) that the peer showed to the socket. */
  readonly certificate: () => Uint8Array | undefined;
  /** The body as sent, which the handler can read all the same afterwards. Throws `BodyFault`, also past `maxBytes`. */
  readonly body: (maxBytes: number) => Promise<Uint8Array>;
  /** Told how the answer must be signed, before there is one. */
  readonly onSigner: (sign: AnswerSigner) => void;
}

/** A body that cannot be compared with the token. */
export class BodyFault extends Error {
  readonly fault: Extract<RequestFault, 'body-too-large' | 'body-incomplete' | 'body-unexpected'>;

  constructor(fault: BodyFault['fault']) {
    super(fault);
    this.fault = fault;
  }
}

/** The error for a body that somebody read before us, so that nobody can tell any more what was sent. */
export function bodyWasRead(): MacaroonError {
  return badArgument('request', 'has a body that was read already: put requireMacaroon before whatever reads bodies');
}

type GuardResult =
  | { readonly ok: true; readonly macaroon: VerifiedMacaroon }
  | { readonly ok: false; readonly response: RefusalResponse };

/**
 * Decides about one request, and runs `pass`, where there is one, when it is allowed. Never throws: what goes wrong, in `pass` too, is
 * an answer.
 */
export type RequestGuard<Incoming> = (
  incoming: Incoming,
  raw: RawRequest,
  pass?: (macaroon: VerifiedMacaroon) => unknown,
) => Promise<GuardResult>;

/** What Node's incoming message tells, as far as it is needed here. */
export interface NodeIncoming extends AnnouncingRequest {
  readonly url?: string | undefined;
  /** What came over the wire, where a framework rewrites `url` for mounted routers. */
  readonly originalUrl?: string | undefined;
  readonly rawHeaders: readonly string[];
  /** Whether somebody has begun to read the body. */
  readonly readableDidRead?: boolean | undefined;
  readonly socket?:
    | {
        readonly remoteAddress?: string | undefined;
        /** Of a TLS socket. It is there for a resumed session only where the session had one: never look at `authorized` instead. */
        readonly getPeerX509Certificate?: (() => { readonly raw: Uint8Array } | undefined) | undefined;
      }
    | undefined;
}

/** The request as `incoming` has it from the wire, but for its body. */
export function readNodeRequest(
  method: string,
  incoming: NodeIncoming,
): Pick<RawRequest, 'method' | 'target' | 'headers' | 'socketAddress' | 'certificate'> {
  const { url = '', originalUrl = url, rawHeaders, socket } = incoming;
  return {
    method,
    target: originalUrl,
    headers: [...headerPairs(rawHeaders)],
    socketAddress: socket?.remoteAddress,
    certificate: () => socket?.getPeerX509Certificate?.()?.raw,
  };
}

function* headerPairs(rawHeaders: readonly string[]): Generator<readonly [string, string]> {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) yield [rawHeaders[i] ?? '', rawHeaders[i + 1] ?? ''];
}

const optionNames: readonly string[] = [
  'action',
  'trustedProxies',
  'address',
  'certificate',
  'maxBodyBytes',
  'realm',
  'onRefused',
];
const defaultMaxBodyBytes = 1024 * 1024;
const mostBodyBytes = 2 ** 31 - 1;

/** The guard for `options`. Throws `ERR_ARGUMENT` for an option that is unknown or cannot be used. */
export function createRequestGuard<Incoming>(
  verifier: Verifier,
  options: RequireMacaroonOptions<Incoming>,
): RequestGuard<Incoming> {
  requireKnownNames(options, optionNames, 'options');
  const { action, onRefused } = options;
  if (typeof action !== 'function' && (typeof action !== 'string' || !isAction(action))) {
    throw badArgument('action', 'must be an action such as invoices:read, or a function that tells it');
  }
  const maxBodyBytes = options.maxBodyBytes ?? defaultMaxBodyBytes;
  if (!Number.isSafeInteger(maxBodyBytes) || maxBodyBytes < 1 || maxBodyBytes > mostBodyBytes) {
    throw badArgument('maxBodyBytes', `must be a whole number from 1 to ${mostBodyBytes}`);
  }
  const trustedProxies = parseTrustedProxies(options.trustedProxies ?? []);
  const realm = checkRealm(options.realm ?? verifier.audience);
  /** The token, or why there is none. Options that are async, which they must not be, are awaited so that they fail in here. */
  const decide = async (incoming: Incoming, raw: RawRequest): Promise<VerifiedMacaroon | RefusalCause> => {
    const peerAddress = options.address === undefined ? raw.socketAddress : await options.address(incoming);
    const request = readRequest(raw, peerAddress, trustedProxies);
    if ('fault' in request) return { kind: 'request', fault: request.fault };
    const needed = typeof action === 'function' ? await action(incoming) : action;
    const { ip, path } = request;
    const isProxied = isListed(peerAddress, trustedProxies);
    const certificateOf = options.certificate;
    const certificate = () => (certificateOf === undefined ? raw.certificate() : certificateOf(incoming));
    const result = await verifier.verify(request.text, {
      action: needed,
      method: raw.method,
      path,
      ip,
      request: readSent(arrivalFor(incoming), raw, isProxied, certificate, maxBodyBytes),
    });
    return result.ok === true ? result : { kind: 'denial', denial: result };
  };
  const refuse = (cause: RefusalCause, incoming: Incoming): GuardResult => {
    try {
      catchPromise(onRefused?.(cause, incoming));
      return { ok: false, response: refusalResponse(cause, realm) };
    } catch (error) {
      return { ok: false, response: refusalResponse({ kind: 'error', error }, realm) };
    }
  };
  return async (incoming, raw, pass) => {
    try {
      const outcome = await decide(incoming, raw);
      if ('kind' in outcome) return refuse(outcome, incoming);
      await pass?.(outcome);
      return { ok: true, macaroon: outcome };
    } catch (error) {
      return refuse(error instanceof BodyFault ? { kind: 'request', fault: error.fault } : { kind: 'error', error }, incoming);
    }
  };
}

/** What guards on the way of one request share, as it came once: everything else each of them judges for itself. */
interface Arrival {
  body?: Promise<Uint8Array>;
  isSigned: boolean;
}

const arrivals = new WeakMap<object, Arrival>();

function arrivalFor(incoming: unknown): Arrival {
  const made: Arrival = { isSigned: false };
  if (typeof incoming !== 'object' || incoming === null) return made;
  const known = arrivals.get(incoming);
  if (known !== undefined) return known;
  arrivals.set(incoming, made);
  return made;
}

/** `raw` as the verifier takes it. Its headers are sorted, and its body is read, only for a token that asks for them, and once. */
function readSent(
  arrival: Arrival,
  raw: RawRequest,
  isProxied: boolean,
  certificate: () => Uint8Array | undefined,
  maxBodyBytes: number,
): SentRequest {
  let fields: HeaderFields | undefined;
  const read = (): HeaderFields => {
    fields ??= headerFields(raw.headers);
    return fields;
  };
  const sent: SentRequest = {
    target: raw.target,
    get headers() {
      return read();
    },
    body: async () => {
      arrival.body ??= raw.body(maxBodyBytes);
      const body = await arrival.body;
      if (body.length > maxBodyBytes) throw new BodyFault('body-too-large');
      return body;
    },
    certificate: isProxied ? () => readClientCertField(read()) : certificate,
    onSigner: (sign) => {
      if (!arrival.isSigned) raw.onSigner(sign);
      arrival.isSigned = true;
    },
  };
  return asOneArrival(sent, arrival);
}

function isListed(text: string | undefined, ranges: readonly IpRange[]): boolean {
  const address = text === undefined ? undefined : parseAddress(text);
  return address !== undefined && ranges.some((range) => rangeContains(range, address));
}

interface ReadableRequest {
  readonly text: string;
  readonly path: string;
  readonly ip: string | undefined;
}

function readRequest(
  { headers, target }: RawRequest,
  peerAddress: string | undefined,
  trustedProxies: readonly IpRange[],
): ReadableRequest | { readonly fault: RequestFault } {
  let count = 0;
  let hosts = 0;
  const authorizations: string[] = [];
  const forwardedFor: string[] = [];
  for (const [name, value] of headers) {
    if (++count > maxHeaders) return { fault: 'too-many-headers' };
    const lowerCaseName = name.toLowerCase();
    if (lowerCaseName === 'host') hosts++;
    else if (lowerCaseName === 'authorization') authorizations.push(value);
    else if (lowerCaseName === 'x-forwarded-for') forwardedFor.push(value);
  }
  if (hosts > 1 || authorizations.length > 1) return { fault: 'repeated-header' };
  if (!target.startsWith('/')) return { fault: 'target-form' };
  const authorization = readAuthorization(authorizations);
  if (!authorization.ok) return { fault: authorization.fault };
  const queryAt = target.indexOf('?');
  const path = queryAt < 0 ? target : target.slice(0, queryAt);
  return { text: authorization.text, path, ip: clientAddress(peerAddress, forwardedFor, trustedProxies) };
}

function badArgument(argument: string, fault: string): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', `${argument} ${fault}`, { argument });
}
