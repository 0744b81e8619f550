/** Whatever a handler throws, as an answer. What is not known by its code becomes a constant: an internal message never leaves. */
import { MacaroonError } from '../../core/index.js';
import type { ProblemCode } from '../../protocol/problem.js';
import { IssuerError } from '../domain/issuer-error.js';
import { type ProblemDetails, ProblemError } from './problem-error.js';

/** What to answer, and whether it is our fault and belongs in the log. */
export interface ErrorVerdict {
  readonly code: ProblemCode;
  readonly details: ProblemDetails;
  readonly isFault: boolean;
}

const retryAfterSeconds = '1';

/** The problem of `error`. */
export function judgeError(error: unknown): ErrorVerdict {
  if (error instanceof ProblemError) return { code: error.code, details: error.details, isFault: false };
  if (error instanceof IssuerError) return { code: error.code, details: issuerDetails(error), isFault: false };
  if (error instanceof MacaroonError && error.code === 'ERR_STORE_FULL') {
    return { code: 'storage_full', details: { headers: { 'Retry-After': retryAfterSeconds } }, isFault: true };
  }
  if (error instanceof MacaroonError && error.code.startsWith('ERR_STORE_')) {
    return { code: 'unavailable', details: { headers: { 'Retry-After': retryAfterSeconds } }, isFault: true };
  }
  return { code: 'internal_error', details: {}, isFault: true };
}

/** A use case's message is written for the caller; with a pointer it belongs to that member. */
function issuerDetails(error: IssuerError): ProblemDetails {
  if (error.pointer === undefined) return { detail: error.message };
  return { detail: error.message, errors: [{ pointer: error.pointer, detail: error.message }] };
}
