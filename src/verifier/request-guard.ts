/**
 * What both middlewares do with a request, free of any framework: refuse what could be read in two ways, tell method, path and address
 * as they came, verify, and turn the outcome into an answer.
 */
import type { IpRange } from '../caveats/ip-address.js';
import { isAction, MacaroonError } from '../core/index.js';
import { readAuthorization } from './authorization.js';
import { clientAddress, parseTrustedProxies } from './client-address.js';
import { checkRealm, type RefusalCause, type RefusalResponse, type RequestFault, refusalResponse } from './denial-response.js';
import type { VerifiedMacaroon } from './result.js';
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
  /** What `WWW-Authenticate` calls the service; the verifier's audience when absent. */
  readonly realm?: string | undefined;
  /** Told of each refused request, with the exact reason that the answer keeps back: for logs. */
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
}

type GuardResult =
  | { readonly ok: true; readonly macaroon: VerifiedMacaroon }
  | { readonly ok: false; readonly response: RefusalResponse };

/** Decides about one request. Never throws: what goes wrong is an answer too. */
export type RequestGuard<Incoming> = (incoming: Incoming, raw: RawRequest) => Promise<GuardResult>;

const optionNames: readonly string[] = ['action', 'trustedProxies', 'address', 'realm', 'onRefused'];

/** The guard for `options`. Throws `ERR_ARGUMENT` for an option that is unknown or cannot be used. */
export function createRequestGuard<Incoming>(
  verifier: Verifier,
  options: RequireMacaroonOptions<Incoming>,
): RequestGuard<Incoming> {
  for (const name of Object.keys(options)) {
    if (!optionNames.includes(name)) throw badArgument(name, 'is no option of requireMacaroon');
  }
  const { action, onRefused } = options;
  if (typeof action !== 'function' && (typeof action !== 'string' || !isAction(action))) {
    throw badArgument('action', 'must be an action such as invoices:read, or a function that tells it');
  }
  const trustedProxies = parseTrustedProxies(options.trustedProxies ?? []);
  const realm = checkRealm(options.realm ?? verifier.audience);
  const decide = async (incoming: Incoming, raw: RawRequest): Promise<VerifiedMacaroon | RefusalCause> => {
    try {
      const request = readRequest(
        raw,
        options.address === undefined ? raw.socketAddress : options.address(incoming),
        trustedProxies,
      );
      if ('fault' in request) return { kind: 'request', fault: request.fault };
      const needed = typeof action === 'function' ? action(incoming) : action;
      const { ip, path } = request;
      const result = await verifier.verify(request.text, { action: needed, method: raw.method, path, ip });
      return result.ok ? result : { kind: 'denial', denial: result };
    } catch (error) {
      return { kind: 'error', error };
    }
  };
  const tell = (cause: RefusalCause, incoming: Incoming): RefusalCause => {
    try {
      onRefused?.(cause, incoming);
      return cause;
    } catch (error) {
      return { kind: 'error', error };
    }
  };
  return async (incoming, raw) => {
    const outcome = await decide(incoming, raw);
    if (!('kind' in outcome)) return { ok: true, macaroon: outcome };
    return { ok: false, response: refusalResponse(tell(outcome, incoming), realm) };
  };
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
