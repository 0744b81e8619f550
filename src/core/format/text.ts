/**
 * The text form of a token: `mcr_<payload>.<checksum>`, or the bare payload.
 *
 * The payload is the V2 binaries in unpadded base64url; the checksum is the CRC-32 of the payload's characters, 4 bytes big-endian in
 * base64url, so that a token that was cut or mistyped is told from a forged one without any key.
 */
import { decodeBase64url, groupOf, quadOf, readBase64url } from '../base64url.js';
import { asciiReader, asciiText, writeAscii } from '../bytes.js';
import { MacaroonError } from '../errors.js';
import { limits } from '../limits.js';
import type { UnverifiedMacaroon } from '../macaroon.js';
import { slackBytes } from '../sha256.js';
import { decodeV2Token, writeV2Token } from './v2.js';

/** What the text form starts with; secret scanners look for it. */
export const textPrefix = 'mcr_';
/** The same, the first character in the low byte. */
const prefixQuad = 0x5f72636d;
const checksumLength = 6;
const dotCode = 0x2e;

/** What texts are written into on their way in and out, so that nothing is allocated for that. Not reentrant, which synchronous code cannot notice. */
const ascii = new Uint8Array(limits.maxTextLength + 4);
/** The same, for four characters at a time: the engine reads and writes them at once. */
const quads = new DataView(ascii.buffer);
const textUpTo = asciiReader(ascii);
/** The payload that `readPayload` read last. Valid until the next text is read. */
export const payload = new Uint8Array(((limits.maxTextLength * 3) >>> 2) + slackBytes);
/** The same, for what is read and written by words. */
export const payloadView = new DataView(payload.buffer);
/** What is exported or imported, the engine looks up and checks at each use: these for loops over whole texts. */
const payloadWords = payloadView;
const groupAt = groupOf;
const payloadUpTo = asciiReader(payload);
/** Where the last characters of a payload begin: its signature is in them, and all that a longer token has otherwise comes behind. */
const tailCharacters = 56;
/** Up to where `ascii` has been summed up, and to what: of the text that was read last. */
let headEnd = 0;
let headSum = 0;
/** How often `payload` was written: who was away sees whether it is still the same. */
export let payloadReads = 0;

/** Text form of `token`, with prefix and checksum. Throws `ERR_LIMIT_TEXT` past `limits.maxTextLength` characters, `ERR_LIMIT_DISCHARGES`. */
export function encode(token: UnverifiedMacaroon): string {
  const { view, length } = writeV2Token(token);
  quads.setInt32(0, prefixQuad, true);
  headEnd = textPrefix.length;
  headSum = -1;
  return writeText(view, 0, length);
}

/**
 * Text form of the first `length` bytes of `payload`, of which those before `known` are as they were read last, with at least a signature behind them then:
 * what stands for them in the text and in its checksum is taken over. Throws `ERR_LIMIT_TEXT`.
 */
export function textOfPayload(known: number, length: number): string {
  payloadReads++;
  return writeText(payloadView, known, length);
}

/** The text of the first `length` bytes in `view`, which has one more word; what stands in `ascii` for those before `known` is right. */
function writeText(view: DataView, known: number, length: number): string {
  const dot = textPrefix.length + Math.ceil((length * 4) / 3);
  const end = dot + 1 + checksumLength;
  if (end > limits.maxTextLength) {
    throw new MacaroonError('ERR_LIMIT_TEXT', `the token would be longer than ${limits.maxTextLength} characters`, {
      limit: limits.maxTextLength,
    });
  }
  const knownGroups = Math.floor(known / 3);
  let i = knownGroups * 3;
  let out = textPrefix.length + knownGroups * 4;
  let sum = headSum;
  let summedEnd = headEnd;
  if (out === headEnd) {
    // Eight characters at a time, which are summed up while they are at hand.
    for (; i + 6 <= length; i += 6, out += 8) {
      const left = quadOf(view.getInt32(i) >>> 8);
      const right = quadOf(view.getInt32(i + 3) >>> 8);
      quads.setInt32(out, left, true);
      quads.setInt32(out + 4, right, true);
      sum = sumOfQuad(sum ^ left, 1024) ^ sumOfQuad(right, 0);
    }
    summedEnd = out;
  }
  for (; i + 3 <= length; i += 3, out += 4) quads.setInt32(out, quadOf(view.getInt32(i) >>> 8), true);
  // One or two bytes at the end are written as if there were three; what is too much, the dot and the checksum are written over.
  if (i < length) quads.setInt32(out, quadOf((view.getInt32(i) >>> 8) & (i + 1 === length ? 0xff0000 : 0xffff00)), true);
  ascii[dot] = dotCode;
  sum = addToSum(sum, summedEnd, dot) ^ -1;
  quads.setInt32(dot + 1, quadOf(sum >>> 8), true);
  quads.setInt32(dot + 5, quadOf((sum & 0xff) << 16), true);
  return textUpTo(end);
}

/**
 * Reads the payload of `text` into `payload` and gives its length in bytes; -1 for a text that is not `mcr_<payload>.<checksum>` in its one
 * spelling, of which `decode` tells why. For a text that `textOfPayload` made, `known` bytes of it need not be read again.
 */
export function readPayload(text: string, known = 0): number {
  payloadReads++;
  const dot = text.length - checksumLength - 1;
  if (dot < textPrefix.length || !writeAscii(text, ascii) || quads.getInt32(0, true) !== prefixQuad) return -1;
  if (known === 0) {
    headEnd = textPrefix.length + Math.max(0, (dot - textPrefix.length - tailCharacters) & -8);
    headSum = addToSum(-1, textPrefix.length, headEnd);
  }
  if (ascii[dot] !== dotCode || !endsInChecksum(dot, addToSum(headSum, headEnd, dot) ^ -1)) return -1;
  const knownGroups = Math.floor(known / 3);
  return readGroups(textPrefix.length + knownGroups * 4, dot, knownGroups * 3);
}

/** A beginning of texts that was read before: up to a whole group of characters, so that it stands for whole bytes. */
export interface TextBeginning {
  readonly text: string;
  /** What it stands for. */
  readonly bytes: Uint8Array;
  /** What it adds to the checksum. */
  readonly sum: number;
}

/** `text`, which was read last, as far as whole groups of it stand for the first `length` bytes of its payload. */
export function beginningOfText(text: string, length: number): TextBeginning {
  const groups = Math.floor(length / 3);
  const end = textPrefix.length + groups * 4;
  // If only the end of it was read, it is not there.
  writeAscii(text, ascii);
  return { text: textUpTo(end), bytes: payload.slice(0, groups * 3), sum: addToSum(-1, textPrefix.length, end) };
}

/** Whether `text` begins with `beginning`. */
export function beginsWith(text: string, { text: wanted }: TextBeginning): boolean {
  return text.slice(0, wanted.length) === wanted;
}

/** Does what `readPayload` does for a `text` that begins with `beginning`, of which only what comes after it is looked at. */
export function readPayloadAfter(text: string, beginning: TextBeginning): number {
  const length = readEndAfter(text, beginning, beginning.bytes.length);
  if (length >= 0) payload.set(beginning.bytes);
  return length;
}

/** Reads only the bytes that come after `beginning`, which `text` begins with, into `payload` from `at` on; gives where they end, or -1 as `readPayload` does. */
export function readEndAfter(text: string, { text: known, sum }: TextBeginning, at: number): number {
  payloadReads++;
  const rest = text.slice(known.length);
  const dot = rest.length - checksumLength - 1;
  if (!writeAscii(rest, ascii) || ascii[dot] !== dotCode) return -1;
  if (!endsInChecksum(dot, addToSum(sum, 0, dot) ^ -1)) return -1;
  return readGroups(0, dot, at);
}

/** Reads the characters in `ascii` from `start` to `end` into `payload` from `at` on; gives where that ends, or -1 for any but their one spelling. */
function readGroups(start: number, end: number, at: number): number {
  const fullEnd = end - ((end - start) & 3);
  let faults = 0;
  // Known to be 32 bits, they stay in registers.
  let out = at | 0;
  let i = start | 0;
  for (; i < fullEnd; i += 4, out += 3) {
    const group = groupAt(quads.getInt32(i, true));
    faults |= group;
    // Three bytes and a fourth, which what comes next is written over: one store instead of three.
    payloadWords.setInt32(out, group << 8);
  }
  const left = readBase64url(ascii, i, end, payload, out);
  return faults < 0 || left < 0 ? -1 : out + left;
}

/** Text of the ASCII in `bytes` from `start` to `end`: with less ado where they are those of a token that is read by offsets. */
export function asciiAt(bytes: Uint8Array, start: number, end: number): string {
  return bytes === payload ? payloadUpTo(end, start) : asciiText(bytes.subarray(start, end));
}

/** Whether the characters after `dot` in `ascii` are those of the checksum `sum`. */
function endsInChecksum(dot: number, sum: number): boolean {
  return (
    quads.getInt32(dot + 1, true) === quadOf(sum >>> 8) &&
    quads.getUint16(dot + 5, true) === (quadOf((sum & 0xff) << 16) & 0xffff)
  );
}

/**
 * The token that `text` holds; nothing of it is verified. Its bytes, but for signatures, may share their buffer with those of other tokens: copy what you
 * hand over to a worker.
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
  if (length >= 0) return decodeV2Token(payload.subarray(0, length));
  if (!text.startsWith(textPrefix)) return decodeV2Token(decodePayload(text, 0, text.length));
  const dot = text.length - checksumLength - 1;
  if (dot < textPrefix.length || text[dot] !== '.') {
    throw new MacaroonError('ERR_FORMAT_CHECKSUM', 'the token is cut: its checksum is missing', { offset: text.length });
  }
  if (!writeAscii(text, ascii) || !endsInChecksum(dot, addToSum(-1, textPrefix.length, dot) ^ -1)) throw mistyped(text, dot);
  return decodeV2Token(decodePayload(text, textPrefix.length, dot));
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

/** Eight tables of 256: what a byte does to the sum when 0 to 7 bytes follow it, so that eight characters make one step, which waits for the one before. */
const crcTables = new Int32Array(2048);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  crcTables[byte] = crc;
}
for (let i = 256; i < crcTables.length; i++) {
  const shorter = crcTables[i - 256] as number;
  crcTables[i] = (shorter >>> 8) ^ (crcTables[shorter & 0xff] as number);
}

/** The register of CRC-32 (IEEE 802.3), `sum` before, after the characters in `ascii` from `start` to `end`. It begins as -1 and is inverted in the end. */
function addToSum(sum: number, start: number, end: number): number {
  const last = (end | 0) - 8;
  // As in `readGroups`.
  let crc = sum | 0;
  let i = start | 0;
  for (; i <= last; i += 8) {
    crc = sumOfQuad(crc ^ quads.getInt32(i, true), 1024) ^ sumOfQuad(quads.getInt32(i + 4, true), 0);
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ (crcTables[(crc ^ (ascii[i] as number)) & 0xff] as number);
  return crc;
}

/** What four characters add to the sum, the first in the low byte of `quad`; `tables` says where the tables for what follows them begin. */
function sumOfQuad(quad: number, tables: number): number {
  return (
    (crcTables[tables + 768 + (quad & 0xff)] as number) ^
    (crcTables[tables + 512 + ((quad >>> 8) & 0xff)] as number) ^
    (crcTables[tables + 256 + ((quad >>> 16) & 0xff)] as number) ^
    (crcTables[tables + (quad >>> 24)] as number)
  );
}
