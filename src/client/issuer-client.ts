/** What a client asks its issuer for: tokens, and the revocation of its own. */
import { parseDurationMs } from '../caveats/duration.js';
import { formatRfc3339, isRfc3339Time, parseRfc3339 } from '../caveats/rfc3339.js';
import { isActionPattern, isUuidText, MacaroonError, requireKnownNames, requireName } from '../core/index.js';
import type { MintRequest, RevokeRequest } from '../protocol/wire.js';
import type { Credential } from '../transport/credential.js';
import { clientEndpoint, type SecretCredential } from '../transport/given-credential.js';
import { IssuerHttp, type IssuerHttpOptions } from '../transport/issuer-http.js';
import { type MintedToken, readMintedToken } from './mint-answer.js';

/**
 * What a token shall be for; never more than the client's grant. A restriction that is there but `undefined` is refused, as nobody can tell
 * whether it was meant to restrict.
 */
export interface MintOptions {
  /** The service that the token is for. */
  readonly audience: string;
  /** Actions or patterns such as `invoices:*`; all of the grant when absent. */
  readonly actions?: readonly string[];
  /** A duration such as `10m`, or whole seconds; an hour or the grant's longest, whichever is shorter, when absent. */
  readonly expiresIn?: string | number;
  /** Conditions to add at once. */
  readonly caveats?: readonly string[];
}

const restrictionNames = ['actions', 'expiresIn', 'caveats'] as const satisfies readonly (keyof MintOptions)[];
const mintNames = ['audience', ...restrictionNames];
const targetNames = ['tokenId', 'allBefore'];

/** Which of the client's own tokens to revoke. */
export type RevokeTarget =
  | { readonly tokenId: string }
  /**
   * All that were issued at this time or earlier: `now`, RFC 3339 in UTC, whole Unix milliseconds, or a `Date`. The issuer raises it to the
   * issue time of the client's newest token, so a time in the past ends everything issued so far too.
   */
  | { readonly allBefore: 'now' | (string & {}) | number | Date };

/** Talks to one issuer as one client. Every method throws `ERR_ISSUER_*` for what went wrong there, and `ERR_INTERFERENCE` on the way. */
export interface IssuerClient {
  /**
   * A new token. Throws `ERR_ARGUMENT` for options that are unknown or cannot be sent, `ERR_ISSUER_REFUSED` for more than the grant allows,
   * `ERR_ISSUER_ANSWER` for a token that is not what was asked for.
   */
  mint(options: MintOptions): Promise<MintedToken>;
  /** Resolves once the revocation is on the issuer's disk. Throws `ERR_ARGUMENT` unless exactly one target is told. */
  revoke(target: RevokeTarget): Promise<void>;
  /** Ends all connections. */
  close(): Promise<void>;
}

/**
 * A client of the issuer that `credential` names, a `Credential` of any auth method or the name and secret of a client. Connects at the first call.
 * Throws `ERR_ARGUMENT` for an issuer URL, a pin, a name or a proof that cannot be one, a missing secret, and an unknown option.
 */
export function issuerClient(credential: Credential | SecretCredential, options: IssuerHttpOptions = {}): IssuerClient {
  const endpoint = clientEndpoint(credential);
  const client = requireName(endpoint.client, 'client');
  const http = new IssuerHttp(endpoint, options);
  return {
    async mint(wanted) {
      const body = mintRequest(wanted);
      const answer = await http.request('POST', '/v1/tokens', { body });
      return readMintedToken(answer, client, body);
    },
    async revoke(target) {
      await http.request('POST', '/v1/revocations', { body: revokeRequest(target, client) });
    },
    close: () => http.close(),
  };
}

function mintRequest(options: MintOptions): MintRequest {
  requireKnownNames(options, mintNames, 'options');
  for (const name of restrictionNames) {
    if (Object.hasOwn(options, name) && options[name] === undefined) {
      throw argumentError(name, 'given a value or left out, not undefined');
    }
  }
  const { actions, caveats, expiresIn } = options;
  const audience = requireName(options.audience, 'audience');
  if (actions !== undefined && (!isTextList(actions) || actions.length === 0 || !actions.every(isActionPattern))) {
    throw argumentError('actions', 'a list of at least one action such as invoices:read or invoices:*');
  }
  if (caveats !== undefined && !isTextList(caveats))
    throw argumentError('caveats', 'a list of conditions such as "ip 10.0.0.0/8"');
  return { audience, actions, caveats, expires_in: expiresIn === undefined ? undefined : secondsOf(expiresIn) };
}

function isTextList(value: unknown): boolean {
  // Spread, as `every` passes over the holes of a sparse list.
  return Array.isArray(value) && [...value].every((item) => typeof item === 'string');
}

function secondsOf(expiresIn: string | number): number {
  const durationMs = typeof expiresIn === 'string' ? parseDurationMs(expiresIn) : undefined;
  const seconds = durationMs === undefined ? expiresIn : durationMs / 1000;
  if (typeof seconds === 'number' && Number.isSafeInteger(seconds) && seconds > 0) return seconds;
  throw argumentError('expiresIn', 'a duration such as 90s, 10m or 1h30m, or whole seconds');
}

function revokeRequest(target: RevokeTarget, client: string): RevokeRequest {
  requireKnownNames(target, targetNames, 'target');
  // A token id that is missing by accident must never turn into the revocation of everything.
  if ('tokenId' in target === 'allBefore' in target) throw argumentError('target', 'either tokenId or allBefore');
  if ('tokenId' in target) {
    if (!isUuidText(target.tokenId)) throw argumentError('tokenId', 'a token id as mint and inspect show it');
    return { kind: 'token', token_id: target.tokenId };
  }
  const { allBefore } = target;
  return allBefore === 'now' ? { kind: 'client', client } : { kind: 'client', client, before: timeText(allBefore) };
}

function timeText(time: unknown): string {
  const timeMs = timeMsOf(time);
  if (timeMs !== undefined && isRfc3339Time(timeMs)) return formatRfc3339(timeMs);
  throw argumentError('allBefore', 'now, a UTC time such as 2026-11-21T22:21:00Z, whole Unix milliseconds, or a Date');
}

/** Converts nothing: `Number(null)` would be 1970, before which no token was issued. */
function timeMsOf(time: unknown): number | undefined {
  if (typeof time === 'number') return time;
  if (time instanceof Date) return time.getTime();
  // `Date.prototype.toISOString` always writes milliseconds; that spelling is welcome here.
  return typeof time === 'string' ? parseRfc3339(time.replace(/\.000Z$/, 'Z')) : undefined;
}

function argumentError(argument: string, expected: string): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', `${argument} must be ${expected}`, { argument });
}
