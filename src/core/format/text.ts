/**
 * The text form of a token: `mcr_<payload>.<checksum>`, or the bare payload.
 *
 * The payload is the V2 binaries in unpadded base64url; the checksum is the CRC-32 of the payload's characters, 4 bytes big-endian in
 * base64url, so that a token that was cut or mistyped is told from a forged one without any key.
 */
import { decodeBase64url, groupOf, quadOf, readBase64url, writeBase64url } from '../base64url.js';
import { asciiText, readUint32, writeAscii, writeUint32 } from '../bytes.js';
import { MacaroonError } from '../errors.js';
import { limits } from '../limits.js';
import type { UnverifiedMacaroon } from '../macaroon.js';
import { readV2Token, writeV2Token } from './v2.js';

/** What the text form starts with; secret scanners look for it. */
export const textPrefix = 'mcr_';
const checksumLength = 6;
const dotCode = 0x2e;

/** What texts are written into on their way in and out, so that nothing is allocated for that. Not reentrant, which synchronous code cannot notice. */
const ascii = new Uint8Array(limits.maxTextLength);
/** The same, for four characters at a time. */
const quads = new DataView(ascii.buffer);
/** The payload that `readPayload` read last. Valid until the next text is read. */
export const payload = new Uint8Array((limits.maxTextLength * 3) >>> 2);
/** How often `payload` was written: who was away sees whether it is still the same. */
export let payloadReads = 0;
const checksum = new Uint8Array(4);

/** Text form of `token`, with prefix and checksum. Throws `ERR_LIMIT_TEXT` past `limits.maxTextLength` characters, `ERR_LIMIT_DISCHARGES`. */
export function encode(token: UnverifiedMacaroon): string {
  return textOf(writeV2Token(token));
}

/** Text form of the token whose V2 binaries are `bytes`. Throws `ERR_LIMIT_TEXT`. */
export function textOf(bytes: Uint8Array): string {
  const length = textPrefix.length + Math.ceil((bytes.length * 4) / 3) + 1 + checksumLength;
  if (length > limits.maxTextLength) {
    throw new MacaroonError('ERR_LIMIT_TEXT', `the token would be longer than ${limits.maxTextLength} characters`, {
      limit: limits.maxTextLength,
    });
  }
  for (let i = 0; i < textPrefix.length; i++) ascii[i] = textPrefix.charCodeAt(i);
  let sum = -1;
  let out = textPrefix.length;
  let i = 0;
  // Characters and checksum in one pass: the sum waits for itself, and the characters are made meanwhile.
  for (; i + 3 <= bytes.length; i += 3, out += 4) {
    const quad = quadOf(((bytes[i] as number) << 16) | ((bytes[i + 1] as number) << 8) | (bytes[i + 2] as number));
    quads.setInt32(out, quad, true);
    sum = addQuad(sum, quad);
  }
  const dot = writeBase64url(bytes, ascii, out, i);
  ascii[dot] = dotCode;
  writeUint32(finishedSum(sum, out, dot), checksum, 0);
  writeBase64url(checksum, ascii, dot + 1);
  return asciiText(ascii.subarray(0, length));
}

/**
 * Reads the payload of `text` into `payload` and gives its length in bytes; -1 for a text that is not `mcr_<payload>.<checksum>` in its one
 * spelling, of which `decode` tells why.
 */
export function readPayload(text: string): number {
  payloadReads++;
  const dot = text.length - checksumLength - 1;
  if (dot < textPrefix.length || !text.startsWith(textPrefix) || !writeAscii(text, ascii) || ascii[dot] !== dotCode) return -1;
  const fullEnd = dot - ((dot - textPrefix.length) & 3);
  let sum = -1;
  let faults = 0;
  let out = 0;
  let i: number = textPrefix.length;
  for (; i < fullEnd; i += 4) {
    const quad = quads.getInt32(i, true);
    const group = groupOf(quad);
    faults |= group;
    payload[out++] = group >>> 16;
    payload[out++] = group >>> 8;
    payload[out++] = group;
    sum = addQuad(sum, quad);
  }
  const left = readBase64url(ascii, i, dot, payload, out);
  return faults < 0 || left < 0 || !endsInChecksum(dot, finishedSum(sum, i, dot)) ? -1 : out + left;
}

/** Whether the characters after `dot` in `ascii` are the checksum `sum`. */
function endsInChecksum(dot: number, sum: number): boolean {
  return readBase64url(ascii, dot + 1, dot + 1 + checksumLength, checksum) === 4 && readUint32(checksum, 0) === sum;
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
  const length = readPayload(text);
  if (length >= 0) return readV2Token(payload.slice(0, length));
  if (!text.startsWith(textPrefix)) return readV2Token(decodePayload(text, 0, text.length));
  const dot = text.length - checksumLength - 1;
  if (dot < textPrefix.length || text[dot] !== '.') {
    throw new MacaroonError('ERR_FORMAT_CHECKSUM', 'the token is cut: its checksum is missing', { offset: text.length });
  }
  if (!writeAscii(text, ascii) || !endsInChecksum(dot, finishedSum(-1, textPrefix.length, dot))) throw mistyped(text, dot);
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

/** `sum`, which begins as -1, after four more characters, the first in the low byte of `quad`. */
function addQuad(sum: number, quad: number): number {
  const crc = sum ^ quad;
  return (
    (crcTables[768 + (crc & 0xff)] as number) ^
    (crcTables[512 + ((crc >>> 8) & 0xff)] as number) ^
    (crcTables[256 + ((crc >>> 16) & 0xff)] as number) ^
    (crcTables[crc >>> 24] as number)
  );
}

/** CRC-32 (IEEE 802.3) of what is in `sum` and, behind it, the characters in `ascii` from `start` to `end`. */
function finishedSum(sum: number, start: number, end: number): number {
  let crc = sum;
  for (let i = start; i < end; i++) crc = (crc >>> 8) ^ (crcTables[(crc ^ (ascii[i] as number)) & 0xff] as number);
  return (crc ^ -1) >>> 0;
}
