/** What a client asks its issuer for: tokens, and the revocation of its own. */
import { parseDurationMs } from '../caveats/duration.js';
import { formatRfc3339, parseRfc3339 } from '../caveats/rfc3339.js';
import { isActionPattern, isUuidText, MacaroonError, requireName } from '../core/index.js';
import type { MintRequest, RevokeRequest } from '../protocol/wire.js';
import { type BasicProof, basicAuthorization } from '../transport/basic-authorization.js';
import { type IssuerEndpoint, IssuerHttp, type IssuerHttpOptions } from '../transport/issuer-http.js';
import { type MintedToken, readMintedToken } from './mint-answer.js';

/** Where the issuer is, and what proves the client: a `Credential`, or the same told one by one. */
export interface IssuerClientOptions extends IssuerEndpoint, BasicProof {}

/** What a token shall be for; never more than the client's grant. */
export interface MintOptions {
  /** The service that the token is for. */
  readonly audience: string;
  /** Actions or patterns such as `invoices:*`; all of the grant when absent. */
  readonly actions?: readonly string[] | undefined;
  /** A duration such as `10m`, or whole seconds; an hour or the grant's longest, whichever is shorter, when absent. */
  readonly expiresIn?: string | number | undefined;
  /** Conditions to add at once. */
  readonly caveats?: readonly string[] | undefined;
}

/** Which of the client's own tokens to revoke. */
export type RevokeTarget =
  | { readonly tokenId: string }
  /** All that were issued at this time or earlier: `now`, RFC 3339 in UTC, Unix milliseconds, or a `Date`. */
  | { readonly allBefore: 'now' | (string & {}) | number | Date };

/** Talks to one issuer as one client. Every method throws `ERR_ISSUER_*` for what went wrong there. */
export interface IssuerClient {
  /** A new token. Throws `ERR_ARGUMENT` for options that cannot be sent, `ERR_ISSUER_REFUSED` for more than the grant allows. */
  mint(options: MintOptions): Promise<MintedToken>;
  /** Resolves once the revocation is on the issuer's disk. Throws `ERR_ARGUMENT` unless exactly one target is told. */
  revoke(target: RevokeTarget): Promise<void>;
  /** Ends all connections. */
  close(): Promise<void>;
}

/**
 * A client of the issuer that `credential` names. Connects at the first call.
 * Throws `ERR_ARGUMENT` for an issuer URL, a pin or a name that cannot be one.
 */
export function issuerClient(credential: IssuerClientOptions, options: IssuerHttpOptions = {}): IssuerClient {
  const client = requireName(credential.client, 'client');
  const authorization = basicAuthorization(credential);
  const http = new IssuerHttp(credential, options);
  return {
    async mint(wanted) {
      const body = mintRequest(wanted);
      const answer = await http.request('POST', '/v1/tokens', { body, authorization });
      return readMintedToken(answer, client, body.audience);
    },
    async revoke(target) {
      await http.request('POST', '/v1/revocations', { body: revokeRequest(target, client), authorization });
    },
    close: () => http.close(),
  };
}

function mintRequest(options: MintOptions): MintRequest {
  const { actions, caveats, expiresIn } = options;
  const audience = requireName(options.audience, 'audience');
  if (actions !== undefined && (actions.length === 0 || !actions.every(isActionPattern))) {
    throw argumentError('actions', 'a list of at least one action such as invoices:read or invoices:*');
  }
  return { audience, actions, caveats, expires_in: expiresIn === undefined ? undefined : secondsOf(expiresIn) };
}

function secondsOf(expiresIn: string | number): number {
  const seconds = typeof expiresIn === 'number' ? expiresIn : (parseDurationMs(expiresIn) ?? Number.NaN) / 1000;
  if (Number.isSafeInteger(seconds) && seconds > 0) return seconds;
  throw argumentError('expiresIn', 'a duration such as 90s, 10m or 1h30m, or whole seconds');
}

function revokeRequest(target: RevokeTarget, client: string): RevokeRequest {
  // A token id that is missing by accident must never turn into the revocation of everything.
  if ('tokenId' in target === 'allBefore' in target) throw argumentError('target', 'either tokenId or allBefore');
  if ('tokenId' in target) {
    if (!isUuidText(target.tokenId)) throw argumentError('tokenId', 'a token id as mint and inspect show it');
    return { kind: 'token', token_id: target.tokenId };
  }
  const { allBefore } = target;
  return allBefore === 'now' ? { kind: 'client', client } : { kind: 'client', client, before: timeText(allBefore) };
}

function timeText(time: string | number | Date): string {
  const timeMs = typeof time === 'string' ? parseRfc3339(time) : Number(time);
  if (timeMs === undefined || !Number.isFinite(timeMs)) {
    throw argumentError('allBefore', 'now, or a UTC time such as 2026-11-21T22:21:00Z');
  }
  return formatRfc3339(timeMs);
}

function argumentError(argument: string, expected: string): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', `${argument} must be ${expected}`, { argument });
}
