/**
 * Reads a JSON body of at most 64 KiB. With a Content-Length Node vouches for the size; a chunked body is counted while it comes in, so
 * that no more than the limit is ever held.
 */
import type { HonoRequest } from 'hono';
import { concatBytes, decodeUtf8 } from '../../core/index.js';
import { ProblemError } from './problem-error.js';

/** Bytes of a request body. */
export const maxBodyBytes = 64 * 1024;

const jsonMediaTypePattern = /^application\/json(?:[ \t]*;[ \t]*charset="?utf-8"?)?[ \t]*$/i;

/** What the body holds; `{}` for an empty one. Throws `payload_too_large`, `unsupported_media_type`, `invalid_request`. */
export async function readJsonBody(request: HonoRequest): Promise<unknown> {
  const bytes = await readBytes(request);
  if (bytes.length === 0) return {};
  if (!jsonMediaTypePattern.test(request.header('content-type') ?? '')) throw new ProblemError('unsupported_media_type');
  try {
    return JSON.parse(decodeUtf8(bytes));
  } catch {
    throw new ProblemError('invalid_request', { detail: 'the body is not JSON in UTF-8' });
  }
}

/** The problem of a body past the limit. What is left of it is not read, so the connection cannot go on. */
function tooLarge(): ProblemError {
  return new ProblemError('payload_too_large', {
    detail: `a body has at most ${maxBodyBytes} bytes`,
    headers: { Connection: 'close' },
  });
}

async function readBytes(request: HonoRequest): Promise<Uint8Array> {
  const declared = request.header('content-length');
  const isChunked = request.header('transfer-encoding') !== undefined;
  if (declared === undefined || isChunked) return await readCounted(request.raw.body);
  if (Number(declared) > maxBodyBytes) throw tooLarge();
  return new Uint8Array(await request.raw.arrayBuffer());
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
