/**
 * Reads a JSON body of at most 64 KiB. With a Content-Length Node vouches for the size; a chunked body is counted while it comes in, so
 * that no more than the limit is ever held. What every body must be, whatever the route, is decided here.
 */
import type { IncomingMessage } from 'node:http';
import { concatBytes, decodeUtf8, whenKnown } from '../../core/index.js';
import { type HeaderFields, joinedField } from '../../protocol/header-fields.js';
import type { Known } from '../domain/ports.js';
import { ProblemError } from './problem-error.js';
import { writtenProblem } from './raw-problem.js';
import { parseStrictJson } from './strict-json.js';

/** Bytes of a request body. */
export const maxBodyBytes = 64 * 1024;

const jsonMediaType = 'application/json';
const jsonMediaTypePattern = /^application\/json(?:[ \t]*;[ \t]*charset="?utf-8"?)?[ \t]*$/i;

/** A body, and what is said of it. */
interface SentBody {
  readonly headers: HeaderFields;
  /** Its bytes as they were sent. */
  body(): Known<Uint8Array>;
}

/**
 * What the body holds; `{}` for an empty one. Throws `payload_too_large`, `unsupported_media_type`, `invalid_request`, and
 * `request_timeout` or `invalid_request` for one that does not arrive in full.
 */
export function readJsonBody(sent: SentBody): Known<unknown> {
  const { headers } = sent;
  const encoding = joinedField(headers, 'content-encoding');
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    const detail = 'a body is sent without a content encoding';
    throw new ProblemError('unsupported_media_type', { detail, headers: { 'Accept-Encoding': 'identity' } });
  }
  return whenKnown(sent.body(), (bytes) => jsonOf(headers, bytes));
}

function jsonOf(headers: HeaderFields, bytes: Uint8Array): unknown {
  if (bytes.length === 0) return {};
  const mediaType = joinedField(headers, 'content-type') ?? '';
  if (mediaType !== jsonMediaType && !jsonMediaTypePattern.test(mediaType)) throw new ProblemError('unsupported_media_type');
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
export function readBodyBytes(incoming: IncomingMessage, headers: HeaderFields): Known<Uint8Array> {
  const declared = joinedField(headers, 'content-length');
  if (Number(declared ?? 0) > maxBodyBytes) throw tooLarge();
  return takeArrived(incoming, declared) ?? collect(incoming);
}

/**
 * The body if all of it is here, which small ones are: they come with their headers. To take them at once costs less than to wait for a stream to
 * tell of them. `undefined` for one that is still on its way. Throws `payload_too_large`.
 */
function takeArrived(incoming: IncomingMessage, declared: string | undefined): Uint8Array | undefined {
  const { readableLength } = incoming;
  // Node notes the end of a request only after it has given us time to look at its last bytes.
  if (!incoming.complete && (declared === undefined || Number(declared) !== readableLength)) return undefined;
  if (readableLength > maxBodyBytes) throw tooLarge();
  const bytes: Uint8Array | null = incoming.read();
  // One that is complete has ended with this.
  if (!incoming.complete) incoming.resume();
  return bytes ?? new Uint8Array(0);
}

/** Waits for the body to its end. */
function collect(incoming: IncomingMessage): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const take = (chunk: Uint8Array): void => {
      chunks.push(chunk);
      length += chunk.length;
      if (length <= maxBodyBytes) return;
      incoming.off('data', take).pause();
      reject(tooLarge());
    };
    const breakOff = (): void => {
      const told = writtenProblem(incoming.socket);
      reject(new ProblemError(told ?? 'invalid_request', { detail: 'the body did not arrive in full' }));
    };
    if (incoming.destroyed) breakOff();
    incoming.on('data', take);
    incoming.once('error', breakOff);
    incoming.once('close', breakOff);
    incoming.once('end', () => {
      incoming.off('close', breakOff);
      resolve(concatBytes(...chunks));
    });
  });
}
