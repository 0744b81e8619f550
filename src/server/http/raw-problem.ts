/** Problems below the application: for what the guard refuses, and for what Node's parser could not even make a request of. */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ProblemCode, problemMediaType, problems } from '../../protocol/problem.js';
import { commonHeaders, problemText } from './answers.js';
import { endGently } from './end-gently.js';

interface Refusal {
  readonly code: ProblemCode;
  readonly detail: string;
}

/** Answers with the refusal; the connection ends with it, as what follows on it cannot be trusted. */
export function sendProblem(response: ServerResponse, { code, detail }: Refusal, requestId: string): void {
  const text = problemText(code, requestId, { detail });
  response.writeHead(problems[code].status, headersOf(text, requestId));
  response.end(response.req.method === 'HEAD' ? undefined : text);
}

/** What was written to a connection whose request did not arrive in full. */
const written = new WeakMap<Duplex, ProblemCode>();

/** Writes the problem `code` to a connection without a request, and ends it. */
export function writeProblem(socket: Duplex, code: ProblemCode, requestId: string): void {
  written.set(socket, code);
  const { status } = problems[code];
  const text = problemText(code, requestId);
  const lines = Object.entries(headersOf(text, requestId)).map(([name, value]) => `${name}: ${value}`);
  endGently(socket, `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('\r\n')}\r\n\r\n${text}`);
}

/** The problem that `writeProblem` has told on `socket`. */
export function writtenProblem(socket: Duplex): ProblemCode | undefined {
  return written.get(socket);
}

/** What Node's parser complains about, as a problem. */
export function problemOfParserError(error: NodeJS.ErrnoException): ProblemCode {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return 'headers_too_large';
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return 'payload_too_large';
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'request_timeout';
    default:
      return 'invalid_request';
  }
}

function headersOf(text: string, requestId: string): Readonly<Record<string, string>> {
  return {
    ...commonHeaders,
    'Content-Type': problemMediaType,
    'Content-Length': String(Buffer.byteLength(text)),
    'X-Request-Id': requestId,
    Connection: 'close',
  };
}
