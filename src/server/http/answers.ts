/**
 * Makes answers: JSON and problems, with the headers that all of them carry. An answer is plain data, so that it can be signed and sent without
 * being taken apart again; nothing of it is changed after it was made.
 */
import { encodeUtf8 } from '../../core/index.js';
import type { AnswerSigner } from '../../protocol/answer-signer.js';
import { type ProblemCode, problemMediaType, problemOf, problems } from '../../protocol/problem.js';
import type { ProblemDetails } from './problem-error.js';

type AnswerHeaders = Readonly<Record<string, string>>;

/** What goes back for a request. */
export interface Answer {
  readonly status: number;
  /** Without `Content-Length`, which whoever sends it adds. */
  readonly headers: AnswerHeaders;
  /** Absent with 204 alone. That HEAD gets none is up to whoever sends it. */
  readonly body?: string | Uint8Array | undefined;
}

/** On every answer: never stored, never sniffed, never framed. */
export const commonHeaders: AnswerHeaders = Object.freeze({
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
});

const jsonMediaType = 'application/json';

/** `json`, a text or its bytes in UTF-8, with `status`. `headers` may replace the common ones. */
export function jsonAnswer(status: number, json: string | Uint8Array, requestId: string, headers?: AnswerHeaders): Answer {
  return { status, headers: headersOf(jsonMediaType, requestId, headers), body: json };
}

/** What is spread stands last: V8 takes a hundred times as long to add members after a spread. */
function headersOf(mediaType: string, requestId: string, headers?: AnswerHeaders | undefined): AnswerHeaders {
  const own = { 'Content-Type': mediaType, 'X-Request-Id': requestId, ...commonHeaders };
  return headers === undefined ? own : { ...own, ...headers };
}

/** An answer that is not JSON. */
export interface RawAnswer {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** `bytes` of any media type with `status`. */
export function bytesAnswer(status: number, { mediaType, bytes }: RawAnswer, requestId: string): Answer {
  return { status, headers: headersOf(mediaType, requestId), body: bytes };
}

/** 204. */
export function emptyAnswer(requestId: string): Answer {
  return { status: 204, headers: { 'X-Request-Id': requestId, ...commonHeaders } };
}

/** The problem `code` as an answer. */
export function problemAnswer(code: ProblemCode, requestId: string, details: ProblemDetails = {}): Answer {
  const headers = headersOf(problemMediaType, requestId, details.headers);
  return { status: problems[code].status, headers, body: problemText(code, requestId, details) };
}

/** Body of the problem `code`. */
export function problemText(code: ProblemCode, requestId: string, details: ProblemDetails = {}): string {
  const { detail, errors, members } = details;
  return JSON.stringify(problemOf(code, { detail, errors, ...members, instance: `urn:request:${requestId}` }));
}

/** `answer` to a request with `method`, with the headers by which it proves itself; for this request alone, so never stored. */
export async function signedAnswer({ status, headers, body }: Answer, method: string, sign: AnswerSigner): Promise<Answer> {
  const lowerCase = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  const signed = { ...Object.fromEntries(lowerCase), 'cache-control': 'no-store' };
  const bytes = typeof body === 'string' ? encodeUtf8(body) : body;
  const isSent = bytes !== undefined && method !== 'HEAD';
  const proof = await sign({ status, headers: signed, body: isSent ? bytes : new Uint8Array(0) });
  return { status, headers: { ...signed, ...proof }, body: bytes };
}
