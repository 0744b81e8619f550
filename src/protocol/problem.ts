/** RFC 9457 problems: the shape of every error over HTTP, and the one list of their codes. */

/** Stable codes of problems; `core/errors.ts` codes are mapped to them coarsely, so that an answer tells a stranger little. */
export type ProblemCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'caveat_denied'
  | 'request_stale'
  | 'request_repeated'
  | 'forbidden'
  | 'grant_exceeded'
  | 'not_found'
  | 'method_not_allowed'
  | 'request_timeout'
  | 'conflict'
  | 'payload_too_large'
  | 'headers_too_large'
  | 'unsupported_media_type'
  | 'rate_limited'
  | 'internal_error'
  | 'unavailable'
  | 'storage_full';

/** Status and title of each code. */
export const problems: Readonly<Record<ProblemCode, { readonly status: number; readonly title: string }>> = Object.freeze({
  invalid_request: { status: 400, title: 'The request is not valid' },
  invalid_client: { status: 401, title: 'The client could not be authenticated' },
  invalid_token: { status: 401, title: 'The token is not valid' },
  insufficient_scope: { status: 403, title: 'The token does not cover the action' },
  caveat_denied: { status: 403, title: 'A caveat of the token denies the request' },
  request_stale: { status: 401, title: 'The time of the sealed request is outside the window' },
  request_repeated: { status: 401, title: 'The sealed request was used before' },
  forbidden: { status: 403, title: 'The caller may not do this' },
  grant_exceeded: { status: 403, title: 'The request goes beyond the grant' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  request_timeout: { status: 408, title: 'The request took too long to arrive' },
  conflict: { status: 409, title: 'The request conflicts with what is there' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  headers_too_large: { status: 431, title: 'The request has too many headers' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json' },
  rate_limited: { status: 429, title: 'Too many failed attempts' },
  internal_error: { status: 500, title: 'Internal error' },
  unavailable: { status: 503, title: 'The service cannot answer now' },
  storage_full: { status: 503, title: 'The disk is full' },
});

/** Body of an `application/problem+json` answer. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail?: string;
  /** `urn:request:<id>` */
  readonly instance?: string;
  readonly [member: string]: unknown;
}

/** The problem for `code`, with further members such as `detail` or `caveat_index`. */
export function problemOf(code: ProblemCode, members: Readonly<Record<string, unknown>> = {}): Problem {
  const { status, title } = problems[code];
  return { type: `urn:macaroond:problem:${code}`, title, status, code, ...members };
}

/** Media type of a problem. */
export const problemMediaType = 'application/problem+json';
