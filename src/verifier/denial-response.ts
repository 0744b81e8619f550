/**
 * What a service answers over HTTP when it lets a request not pass: RFC 9457 problem, status and `WWW-Authenticate` (RFC 6750 §3).
 * Coarse on purpose: of a token that is not good, a stranger learns just that. Failed caveats are told, as the holder can read them.
 */
import { MacaroonError } from '../core/index.js';
import { type Problem, type ProblemCode, problemMediaType, problemOf } from '../protocol/problem.js';
import type { AuthorizationFault } from './authorization.js';
import type { Denial, DenialCode } from './result.js';

/** The problem of every denial code. `docs/verifier.md` lists the same. */
export const denialProblems: Readonly<Record<DenialCode, ProblemCode>> = Object.freeze({
  ERR_FORMAT_EMPTY: 'invalid_token',
  ERR_FORMAT_TEXT: 'invalid_token',
  ERR_FORMAT_CHECKSUM: 'invalid_token',
  ERR_FORMAT_BASE64: 'invalid_token',
  ERR_FORMAT_TRUNCATED: 'invalid_token',
  ERR_FORMAT_VERSION: 'invalid_token',
  ERR_FORMAT_VARINT: 'invalid_token',
  ERR_FORMAT_FIELD: 'invalid_token',
  ERR_FORMAT_SIGNATURE: 'invalid_token',
  ERR_FORMAT_TRAILING: 'invalid_token',
  ERR_FORMAT_UTF8: 'invalid_token',
  ERR_FORMAT_JSON: 'invalid_token',
  ERR_FORMAT_IDENTIFIER: 'invalid_token',
  ERR_FORMAT_CONDITION: 'invalid_token',
  ERR_LIMIT_TEXT: 'invalid_token',
  ERR_LIMIT_CAVEATS: 'invalid_token',
  ERR_LIMIT_CONDITION: 'invalid_token',
  ERR_LIMIT_IDENTIFIER: 'invalid_token',
  ERR_LIMIT_LOCATION: 'invalid_token',
  ERR_LIMIT_DISCHARGES: 'invalid_token',
  ERR_LIMIT_DEPTH: 'invalid_token',
  ERR_KEY_UNKNOWN: 'invalid_token',
  ERR_KEY_DESTROYED: 'invalid_token',
  ERR_SIGNATURE_MISMATCH: 'invalid_token',
  ERR_SIGNATURE_VERIFICATION_ID: 'invalid_token',
  ERR_DISCHARGE_MISSING: 'invalid_token',
  ERR_DISCHARGE_REUSED: 'invalid_token',
  ERR_DISCHARGE_DUPLICATE: 'invalid_token',
  ERR_DISCHARGE_UNUSED: 'invalid_token',
  ERR_DISCHARGE_MISMATCH: 'invalid_token',
  ERR_REVOKED_TOKEN: 'invalid_token',
  ERR_REVOKED_CLIENT: 'invalid_token',
  ERR_REVOKED_ROOT_KEY: 'invalid_token',
  ERR_REVOKED_AUDIENCE_KEY: 'invalid_token',
  ERR_TOKEN_AUDIENCE: 'invalid_token',
  ERR_TOKEN_CLIENT: 'invalid_token',
  ERR_TOKEN_EXPIRED: 'invalid_token',
  ERR_TOKEN_NOT_YET: 'invalid_token',
  ERR_ACTION_NOT_GRANTED: 'insufficient_scope',
  ERR_REQUEST_PATH: 'caveat_denied',
  ERR_REQUEST_STALE: 'request_stale',
  ERR_REQUEST_REPEATED: 'request_repeated',
  ERR_CAVEAT_UNKNOWN: 'caveat_denied',
  ERR_CAVEAT_MALFORMED: 'caveat_denied',
  ERR_CAVEAT_CONTEXT: 'caveat_denied',
  ERR_CAVEAT_DENIED: 'caveat_denied',
});

/** What is wrong with how a request was made, whatever its token. */
export type RequestFault =
  | AuthorizationFault
  | 'too-many-headers'
  | 'repeated-header'
  | 'target-form'
  | 'body-too-large'
  | 'body-incomplete'
  | 'body-unexpected';

/** Why a request does not pass. For logs and audits; what is answered tells less. */
export type RefusalCause =
  | { readonly kind: 'request'; readonly fault: RequestFault }
  | { readonly kind: 'denial'; readonly denial: Denial }
  | { readonly kind: 'error'; readonly error: unknown };

/** An answer ready to be sent. */
export interface RefusalResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly problem: Problem;
  /** `problem` as JSON. */
  readonly body: string;
}

/** What a client that is refused with 503 waits at least, seconds. */
const retryAfterSeconds = 1;

const faultDetails: Readonly<Record<RequestFault, string>> = {
  missing: 'send the token as "Authorization: Macaroon <token>"',
  'other-scheme': 'send the token as "Authorization: Macaroon <token>"',
  repeated: 'send one Authorization header with one token',
  malformed: 'the Authorization header must be "Macaroon", one space, and the token',
  'bearer-not-allowed': 'a token with cnf, request or request-required goes with the scheme Macaroon, not Bearer',
  'too-many-headers': 'the request has too many headers',
  'repeated-header': 'the request repeats the Authorization or the Host header',
  'target-form': 'the request target must be a path',
  'body-too-large': 'the body is larger than the service takes with a token that is bound to it',
  'body-incomplete': 'the body did not arrive in full',
  'body-unexpected': 'a request with this method cannot have a body here',
};

/** The answer to a request that does not pass for `cause`. `realm` names the service in `WWW-Authenticate`: see `checkRealm`. */
export function refusalResponse(cause: RefusalCause, realm: string): RefusalResponse {
  switch (cause.kind) {
    case 'request':
      return requestRefusal(cause.fault, realm);
    case 'denial':
      return denialRefusal(cause.denial, realm);
    case 'error':
      return errorRefusal(cause.error);
  }
}

/** `realm` if it can stand in `WWW-Authenticate` without escaping. Throws `ERR_ARGUMENT`. */
export function checkRealm(realm: string): string {
  if (/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(realm)) return realm;
  throw new MacaroonError('ERR_ARGUMENT', 'realm must be printable ASCII without quotes and backslashes', { argument: 'realm' });
}

function requestRefusal(fault: RequestFault, realm: string): RefusalResponse {
  const detail = faultDetails[fault];
  // Who showed no token is told how to, and of no error (RFC 6750 §3.1).
  if (fault === 'missing' || fault === 'other-scheme') {
    return responseOf(problemOf('invalid_token', { detail }), { 'www-authenticate': `Macaroon realm="${realm}"` });
  }
  // What is left of a body is not read, so the connection cannot go on.
  if (fault === 'body-too-large') return responseOf(problemOf('payload_too_large', { detail }), { connection: 'close' });
  return responseOf(problemOf('invalid_request', { detail }), {});
}

function denialRefusal(denial: Denial, realm: string): RefusalResponse {
  const code = denialProblems[denial.code];
  const headers = { 'www-authenticate': `Macaroon realm="${realm}", error="${code}"` };
  if (code === 'invalid_token') return responseOf(problemOf(code), headers);
  const { message: detail, caveatIndex, dischargeIndex } = denial;
  const members = {
    detail,
    ...(caveatIndex === undefined ? {} : { caveat_index: caveatIndex }),
    ...(dischargeIndex === undefined ? {} : { discharge_index: dischargeIndex }),
  };
  return responseOf(problemOf(code, members), headers);
}

/** Machinery that will be back is 503; a fault of the service's own code, and what we did not throw ourselves, is a constant 500. */
function errorRefusal(error: unknown): RefusalResponse {
  const isMachinery = error instanceof MacaroonError && /^ERR_(?:SOURCE|ISSUER|STORE)_/.test(error.code);
  if (!isMachinery) return responseOf(problemOf('internal_error'), {});
  return responseOf(problemOf('unavailable'), { 'retry-after': String(retryAfterSeconds) });
}

function responseOf(problem: Problem, headers: Readonly<Record<string, string>>): RefusalResponse {
  return Object.freeze({
    status: problem.status,
    headers: Object.freeze({ 'content-type': problemMediaType, 'cache-control': 'no-store', ...headers }),
    problem: Object.freeze(problem),
    body: JSON.stringify(problem),
  });
}
