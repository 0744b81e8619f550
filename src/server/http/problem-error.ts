/** What a handler throws to answer with a problem. */
import type { ProblemCode } from '../../protocol/problem.js';

/** One member of a request that is wrong. */
export interface FieldError {
  /** JSON pointer within the body; for a query or a path, `/` and the parameter's name. */
  readonly pointer: string;
  readonly detail: string;
}

export interface ProblemDetails {
  /** For people: how to mend the request. Holds no secret, no token and no internal message. */
  readonly detail?: string | undefined;
  readonly errors?: readonly FieldError[] | undefined;
  /** Further members of the problem. */
  readonly members?: Readonly<Record<string, unknown>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Not a fault, so nobody looks for where it came from: to note that would take longer than the rest of a refusal. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: ProblemCode;
  readonly details: ProblemDetails;

  constructor(code: ProblemCode, details: ProblemDetails = {}) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(code);
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.details = details;
  }
}

/** `invalid_request` about the members in `errors`. */
export function invalidFields(...errors: readonly FieldError[]): ProblemError {
  return new ProblemError('invalid_request', { errors });
}
