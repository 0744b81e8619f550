/**
 * Reads a JSON body of at most 64 KiB. With a Content-Length Node vouches for the size; a chunked body is counted while it comes in, so
 * that no more than the limit is ever held. What every body must be, whatever the route, is decided here.
 */
import type { Context } from 'hono';
import { concatBytes, decodeUtf8 } from '../../core/index.js';
import { type HeaderFields, joinedField } from '../../protocol/header-fields.js';
import type { AppEnv } from './app-env.js';
import { ProblemError } from './problem-error.js';
import { writtenProblem } from './raw-problem.js';
import { parseStrictJson } from './strict-json.js';

/** Bytes of a request body. */
export const maxBodyBytes = 64 * 1024;

const jsonMediaTypePattern = /^application\/json(?:[ \t]*;[ \t]*charset="?utf-8"?)?[ \t]*$/i;

/**
 * What the body holds; `{}` for an empty one. Throws `payload_too_large`, `unsupported_media_type`, `invalid_request`, and
 * `request_timeout` or `invalid_request` for one that does not arrive in full. `read` gives its bytes.
 */
export async function readJsonBody(headers: HeaderFields, read: () => Promise<Uint8Array>): Promise<unknown> {
  if ((joinedField(headers, 'content-encoding') ?? 'identity').toLowerCase() !== 'identity') {
    const detail = 'a body is sent without a content encoding';
    throw new ProblemError('unsupported_media_type', { detail, headers: { 'Accept-Encoding': 'identity' } });
  }
  const bytes = await read();
  if (bytes.length === 0) return {};
  if (!jsonMediaTypePattern.test(joinedField(headers, 'content-type') ?? '')) throw new ProblemError('unsupported_media_type');
  let text: string;
  try {
    text = decodeUtf8(bytes);
  } catch {
    throw new ProblemError('invalid_request', { detail: 'the body is not JSON in UTF-8' });
  }
  return parseStrictJson(text);
}

/** The problem of a body past the limit. What is left of it is not read, so the connection cannot go on. */
function tooLarge(): ProblemError {
  return new ProblemError('payload_too_large', {
    detail: `a body has at most ${maxBodyBytes} bytes`,
    headers: { Connection: 'close' },
  });
}

/**
 * The body as sent; empty for a request without one. Can be called once a request. Throws `payload_too_large`, and `request_timeout` or
 * `invalid_request` for one that does not arrive in full: that a client breaks off or stalls is no fault of ours.
 */
export async function readBodyBytes(c: Context<AppEnv>, headers: HeaderFields): Promise<Uint8Array> {
  try {
    return await readAll(c.req.raw, headers);
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    const socket = c.env?.incoming?.socket;
    const told = socket === undefined ? undefined : writtenProblem(socket);
    throw new ProblemError(told ?? 'invalid_request', { detail: 'the body did not arrive in full' });
  }
}

/** `headers` are those of `request`, whose own cost more to read. */
async function readAll(request: Request, headers: HeaderFields): Promise<Uint8Array> {
  const declared = joinedField(headers, 'content-length');
  if (declared === undefined || headers.has('transfer-encoding')) return await readCounted(request.body);
  if (Number(declared) > maxBodyBytes) throw tooLarge();
  return new Uint8Array(await request.arrayBuffer());
}

async function readCounted(stream: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  if (stream === null) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concatBytes(...chunks);
    length += value.length;
    if (length > maxBodyBytes) throw tooLarge();
    chunks.push(value);
  }
}
