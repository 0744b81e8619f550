/**
 * Makes answers: JSON and problems, with the headers that all of them carry. Plain header objects and one string keep the adapter on its
 * fast path; nothing of an answer is changed after it was made.
 */
import type { AnswerSigner } from '../../protocol/answer-signer.js';
import { type ProblemCode, problemMediaType, problemOf, problems } from '../../protocol/problem.js';
import type { ProblemDetails } from './problem-error.js';

/** On every answer: never stored, never sniffed, never framed. */
export const commonHeaders: Readonly<Record<string, string>> = Object.freeze({
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
});

const jsonMediaType = 'application/json';

/** `json`, a text or its bytes in UTF-8, with `status`. `headers` may replace the common ones. */
export function jsonAnswer(
  status: number,
  json: string | Uint8Array<ArrayBuffer>,
  requestId: string,
  headers?: Readonly<Record<string, string>>,
): Response {
  return new Response(json, {
    status,
    headers: headersOf(jsonMediaType, requestId, headers),
  });
}

/** What is spread stands last: V8 takes a hundred times as long to add members after a spread. */
function headersOf(
  mediaType: string,
  requestId: string,
  headers?: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  const own = { 'Content-Type': mediaType, 'X-Request-Id': requestId, ...commonHeaders };
  return headers === undefined ? own : { ...own, ...headers };
}

/** An answer that is not JSON. */
export interface RawAnswer {
  readonly mediaType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** `bytes` of any media type with `status`. */
export function bytesAnswer(status: number, { mediaType, bytes }: RawAnswer, requestId: string): Response {
  return new Response(bytes, { status, headers: headersOf(mediaType, requestId) });
}

/** 204. */
export function emptyAnswer(requestId: string): Response {
  return new Response(null, { status: 204, headers: { 'X-Request-Id': requestId, ...commonHeaders } });
}

/** The problem `code` as an answer. */
export function problemAnswer(code: ProblemCode, requestId: string, details: ProblemDetails = {}): Response {
  return new Response(problemText(code, requestId, details), {
    status: problems[code].status,
    headers: headersOf(problemMediaType, requestId, details.headers),
  });
}

/** Body of the problem `code`. */
export function problemText(code: ProblemCode, requestId: string, details: ProblemDetails = {}): string {
  const { detail, errors, members } = details;
  return JSON.stringify(problemOf(code, { detail, errors, ...members, instance: `urn:request:${requestId}` }));
}

/** `answer` to a request with `method`, with the headers by which it proves itself; for this request alone, so never stored. */
export async function signedAnswer(answer: Response, method: string, sign: AnswerSigner): Promise<Response> {
  const { status } = answer;
  const content = new Uint8Array(await answer.arrayBuffer());
  const headers = { ...Object.fromEntries(answer.headers), 'cache-control': 'no-store' };
  const proof = await sign({ status, headers, body: method === 'HEAD' ? new Uint8Array(0) : content });
  return new Response(status === 204 ? null : content, { status, headers: { ...headers, ...proof } });
}
