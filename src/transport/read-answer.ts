/** What an issuer's answer says: the JSON of a success, or the error that its problem stands for. */
import { decodeUtf8, MacaroonError, printable } from '../core/index.js';
import type { PlainAnswer } from '../protocol/answer-signer.js';
import { problemMediaType } from '../protocol/problem.js';
import type { Party } from './connection-error.js';

const maxMessageLength = 1000;
const maxProblemLength = 100;
/** Statuses of refusals that are made before a proof was accepted and its nonce was used up. */
const statusesBeforeProof: ReadonlySet<number> = new Set([400, 401, 408, 413, 429, 431]);
/** What the issuer answers as text: certificates and lists in PEM. */
const textMediaTypes: readonly string[] = ['application/pem-certificate-chain', 'application/x-pem-file'];

/**
 * The parsed JSON of a 2xx answer, its text where it is PEM, or `undefined` when it has no body.
 * Throws `ERR_ISSUER_REFUSED` (with `problem` and `status`, texts printable) for a problem, `ERR_ISSUER_ANSWER` for what is not this API.
 * `isOfOneCopy`: the answer proves itself, and the request changes something. Then a refusal by which no copy of the request was used up has the outcome
 * `unknown`: somebody in between may have altered or delayed the copy that it is for, and brought another.
 */
export function readAnswer({ status, headers, body }: PlainAnswer, isOfOneCopy = false): unknown {
  const text = readText(body);
  const mediaType = mediaTypeOf(headers['content-type'] ?? '');
  const problem = status >= 400 && mediaType === problemMediaType ? parseJson(text) : undefined;
  if (status >= 400) throw refusal(status, problem, isOfOneCopy && (status >= 500 || statusesBeforeProof.has(status)));
  if (status >= 300) throw answerError('it is a redirect, which is not followed: check the issuer URL', status);
  if (text === '') return undefined;
  if (textMediaTypes.includes(mediaType)) return text;
  if (mediaType !== 'application/json') throw answerError('it is not JSON: check the issuer URL', status);
  return parseJson(text);
}

/** `ERR_ISSUER_ANSWER` or `ERR_SERVICE_ANSWER`, with `fault` in words. */
export function answerError(fault: string, status?: number, party: Party = 'issuer'): MacaroonError {
  const details = status === undefined ? {} : { status };
  const code = party === 'issuer' ? 'ERR_ISSUER_ANSWER' : 'ERR_SERVICE_ANSWER';
  return new MacaroonError(code, `the ${party}'s answer cannot be used: ${fault}`, details);
}

function refusal(status: number, problem: unknown, isUnknown: boolean): MacaroonError {
  const code = memberText(problem, 'code');
  if (code === undefined)
    return answerError(`it has status ${status} and is no answer of this API: check the issuer URL`, status);
  const told = memberText(problem, 'detail') ?? fieldErrors(problem) ?? memberText(problem, 'title');
  const message = told ?? `the issuer refused with status ${status}`;
  // Both end up in logs and on screens, where line feeds and escape sequences would be obeyed.
  const outcome = isUnknown ? ({ outcome: 'unknown' } as const) : {};
  const details = { problem: printable(code.slice(0, maxProblemLength)), status, ...outcome };
  return new MacaroonError('ERR_ISSUER_REFUSED', printable(message.slice(0, maxMessageLength)), details);
}

/** The members of our request that the issuer found wrong, on one line. */
function fieldErrors(problem: unknown): string | undefined {
  const errors = member(problem, 'errors');
  if (!Array.isArray(errors) || errors.length === 0) return undefined;
  const told = errors.map((error) => `${memberText(error, 'pointer') ?? ''}: ${memberText(error, 'detail') ?? 'not valid'}`);
  return `the request is not valid: ${told.join('; ')}`;
}

function memberText(value: unknown, name: string): string | undefined {
  const text = member(value, name);
  return typeof text === 'string' && text !== '' ? text : undefined;
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw answerError('it is broken JSON');
  }
}

function readText(body: Uint8Array): string {
  try {
    return decodeUtf8(body);
  } catch {
    throw answerError('it is not UTF-8');
  }
}

function mediaTypeOf(contentType: string): string {
  const [mediaType = ''] = contentType.split(';', 1);
  return mediaType.trim().toLowerCase();
}
