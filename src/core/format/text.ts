/**
 * The text form of a token: `mcr_<payload>.<checksum>`, or the bare payload.
 *
 * The payload is the V2 binaries in unpadded base64url; the checksum is the CRC-32 of the payload's characters, 4 bytes big-endian in
 * base64url, so that a token that was cut or mistyped is told from a forged one without any key.
 */
import { decodeBase64url, encodeBase64url } from '../base64url.js';
import { uint32Bytes } from '../bytes.js';
import { MacaroonError } from '../errors.js';
import { limits } from '../limits.js';
import type { UnverifiedMacaroon } from '../macaroon.js';
import { encodeV2Token, readV2Token } from './v2.js';

/** What the text form starts with; secret scanners look for it. */
export const textPrefix = 'mcr_';
const checksumLength = 6;

/** Text form of `token`, with prefix and checksum. Throws `ERR_LIMIT_TEXT` past `limits.maxTextLength` characters, `ERR_LIMIT_DISCHARGES`. */
export function encode(token: UnverifiedMacaroon): string {
  const payload = encodeBase64url(encodeV2Token(token));
  const text = `${textPrefix}${payload}.${checksumOf(payload, 0, payload.length)}`;
  if (text.length > limits.maxTextLength) {
    throw new MacaroonError('ERR_LIMIT_TEXT', `the token would be longer than ${limits.maxTextLength} characters`, {
      limit: limits.maxTextLength,
    });
  }
  return text;
}

/**
 * The token that `text` holds; nothing of it is verified.
 * Throws `ERR_FORMAT_*` and `ERR_LIMIT_*`; offsets count characters for faults of the text, bytes for faults of the payload.
 * Throws `ERR_ARGUMENT` for what is no text.
 */
export function decode(text: string): UnverifiedMacaroon {
  if (typeof text !== 'string') throw new MacaroonError('ERR_ARGUMENT', 'text must be the text of a token', { argument: 'text' });
  if (text.length === 0) throw new MacaroonError('ERR_FORMAT_EMPTY', 'the token is empty', { offset: 0 });
  if (text.length > limits.maxTextLength) {
    throw new MacaroonError('ERR_LIMIT_TEXT', `a token has at most ${limits.maxTextLength} characters`, {
      limit: limits.maxTextLength,
      offset: limits.maxTextLength,
    });
  }
  if (!text.startsWith(textPrefix)) return readV2Token(decodePayload(text, 0, text.length));
  const dot = text.length - checksumLength - 1;
  if (dot < textPrefix.length || text[dot] !== '.') {
    throw new MacaroonError('ERR_FORMAT_CHECKSUM', 'the token is cut: its checksum is missing', { offset: text.length });
  }
  if (!text.endsWith(checksumOf(text, textPrefix.length, dot))) throw mistyped(text, dot);
  return readV2Token(decodePayload(text, textPrefix.length, dot));
}

/** A character that no token has is told by its place; any other slip by the checksum alone. */
function mistyped(text: string, dot: number): MacaroonError {
  const foreign = text.slice(0, dot).search(/[^\w-]/);
  return foreign >= 0
    ? new MacaroonError('ERR_FORMAT_TEXT', 'the token holds a character that it cannot have', { offset: foreign })
    : new MacaroonError('ERR_FORMAT_CHECKSUM', 'the token is cut or mistyped: its checksum differs', { offset: dot + 1 });
}

function decodePayload(text: string, start: number, end: number): Uint8Array {
  try {
    return decodeBase64url(text, start, end);
  } catch (cause) {
    const offset = cause instanceof MacaroonError ? (cause.offset ?? start) : start;
    const code = offset < end && !/[\w-]/.test(text[offset] ?? '') ? 'ERR_FORMAT_TEXT' : 'ERR_FORMAT_BASE64';
    throw new MacaroonError(code, 'the token holds a character or an ending that it cannot have', { offset, cause });
  }
}

/** Checksum of the payload in `text` from `start` to `end`. */
function checksumOf(text: string, start: number, end: number): string {
  return encodeBase64url(uint32Bytes(crc32(text, start, end)));
}

/** Four tables of 256: what a byte does to the sum when 0, 1, 2 or 3 bytes follow it, so that four characters make one step. */
const crcTables = new Int32Array(1024);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  crcTables[byte] = crc;
}
for (let i = 256; i < 1024; i++) {
  const shorter = crcTables[i - 256] as number;
  crcTables[i] = (shorter >>> 8) ^ (crcTables[shorter & 0xff] as number);
}

/** CRC-32 (IEEE 802.3) of the characters of `text` from `start` to `end`, which are ASCII. */
function crc32(text: string, start: number, end: number): number {
  let crc = -1;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    crc ^= text.charCodeAt(i) | (text.charCodeAt(i + 1) << 8) | (text.charCodeAt(i + 2) << 16) | (text.charCodeAt(i + 3) << 24);
    crc =
      (crcTables[768 + (crc & 0xff)] as number) ^
      (crcTables[512 + ((crc >>> 8) & 0xff)] as number) ^
      (crcTables[256 + ((crc >>> 16) & 0xff)] as number) ^
      (crcTables[crc >>> 24] as number);
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ (crcTables[(crc ^ text.charCodeAt(i)) & 0xff] as number);
  return (crc ^ -1) >>> 0;
}
