/**
 * Unpadded base64url, RFC 4648 §5, one spelling only: no padding, no white space, no second alphabet, no stray trailing bits.
 * `Buffer.from(text, 'base64url')` accepts many spellings of the same bytes, so it is never used on input.
 */
import { asciiText, encodeUtf8 } from './bytes.js';
import { MacaroonError } from './errors.js';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const codeOfValue = encodeUtf8(alphabet);
/** Value of each ASCII character; negative, also after a shift, for one that the alphabet does not have. */
const valueOfCode = new Int32Array(256).fill(-1);
codeOfValue.forEach((code, value) => {
  valueOfCode[code] = value;
});

/** The two characters of each twelve bits, the first in the low byte. */
const pairs = new Uint16Array(64 * 64);
/** The twelve bits of each two characters; negative, also after a shift, for two of which the alphabet does not have both. */
const bitsOfPair = new Int16Array(0x10000).fill(-1);
for (let bits = 0; bits < pairs.length; bits++) {
  const pair = (codeOfValue[bits >>> 6] as number) | ((codeOfValue[bits & 63] as number) << 8);
  pairs[bits] = pair;
  bitsOfPair[pair] = bits;
}

/** The four characters of `group` (24 bits), the first in the low byte. */
export function quadOf(group: number): number {
  return (pairs[group >>> 12] as number) | ((pairs[group & 0xfff] as number) << 16);
}

/** The 24 bits of the four characters in `quad`, the first in the low byte; negative when one of them is none of the alphabet. */
export function groupOf(quad: number): number {
  return ((bitsOfPair[quad & 0xffff] as number) << 12) | (bitsOfPair[quad >>> 16] as number);
}

/** Unpadded base64url of `bytes`. */
export function encodeBase64url(bytes: Uint8Array): string {
  const codes = new Uint8Array(Math.ceil((bytes.length * 4) / 3));
  let out = 0;
  let i = 0;
  for (; i + 2 < bytes.length; i += 3) {
    const quad = quadOf(((bytes[i] as number) << 16) | ((bytes[i + 1] as number) << 8) | (bytes[i + 2] as number));
    codes[out++] = quad;
    codes[out++] = quad >>> 8;
    codes[out++] = quad >>> 16;
    codes[out++] = quad >>> 24;
  }
  if (i < bytes.length) {
    const quad = quadOf(((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8));
    codes[out++] = quad;
    codes[out++] = quad >>> 8;
    // Of one byte at the end nothing is left to be written: it is dropped.
    codes[out] = quad >>> 16;
  }
  return asciiText(codes);
}

/**
 * Reads the base64url that stands as character codes in `codes` from `start` to `end` into `bytes` from `at` on, which has room for it. Gives how many
 * bytes it is, or -1 for any but the one spelling; what is in `bytes` counts for nothing then.
 */
export function readBase64url(codes: Uint8Array, start: number, end: number, bytes: Uint8Array, at = 0): number {
  const left = (end - start) & 3;
  if (left === 1) return -1;
  let out = at;
  let faults = 0;
  let i = start;
  for (const fullEnd = end - left; i < fullEnd; i += 4) {
    const group =
      (sextetOf(codes, i) << 18) | (sextetOf(codes, i + 1) << 12) | (sextetOf(codes, i + 2) << 6) | sextetOf(codes, i + 3);
    faults |= group;
    bytes[out++] = group >>> 16;
    bytes[out++] = group >>> 8;
    bytes[out++] = group;
  }
  if (left > 0) {
    const group = (sextetOf(codes, i) << 18) | (sextetOf(codes, i + 1) << 12) | (left === 3 ? sextetOf(codes, i + 2) << 6 : 0);
    faults |= group;
    bytes[out++] = group >>> 16;
    if (left === 3) bytes[out++] = group >>> 8;
    if ((group & (left === 3 ? 0xff : 0xffff)) !== 0) return -1;
  }
  return faults < 0 ? -1 : out - at;
}

/** Characters that 32 bytes take: a digest, a nonce. */
export const base64urlOf32 = 43;
const lastOf32 = base64urlOf32 - 1;

/** Whether the 43 character codes from `start` on in `view`, which has so many, are the one spelling of 32 bytes. */
export function are32BytesAt(view: DataView, start: number): boolean {
  const last = start + lastOf32;
  let faults = 0;
  for (let i = start | 0; i < last; i += 2) faults |= bitsOfPair[view.getUint16(i, true)] as number;
  const value = valueOfCode[view.getUint8(last)] as number;
  // The last character holds four bits, and two that must be zero.
  return (faults | value) >= 0 && (value & 3) === 0;
}

/** Negative, also after a shift, for a code that the alphabet does not have. */
function sextetOf(codes: Uint8Array, at: number): number {
  return valueOfCode[codes[at] as number] as number;
}

/**
 * Bytes of the unpadded base64url that stands in `text` from `start` to `end` (defaults: all of it).
 * Throws `ERR_FORMAT_BASE64` with the character offset for every other spelling.
 */
export function decodeBase64url(text: string, start = 0, end = text.length): Uint8Array {
  const length = end - start;
  const left = length & 3;
  if (left === 1) throw new MacaroonError('ERR_FORMAT_BASE64', 'base64url of an impossible length', { offset: end });
  const bytes = new Uint8Array((length * 3) >>> 2);
  let out = 0;
  let i = start;
  const fullEnd = end - left;
  while (i < fullEnd) {
    const a = text.charCodeAt(i);
    const b = text.charCodeAt(i + 1);
    const c = text.charCodeAt(i + 2);
    const d = text.charCodeAt(i + 3);
    const group =
      ((valueOfCode[a & 127] as number) << 18) |
      ((valueOfCode[b & 127] as number) << 12) |
      ((valueOfCode[c & 127] as number) << 6) |
      (valueOfCode[d & 127] as number);
    if (group < 0 || (a | b | c | d) > 127) throw foreignCharacter(text, i);
    i += 4;
    bytes[out++] = group >>> 16;
    bytes[out++] = group >>> 8;
    bytes[out++] = group;
  }
  if (left === 0) return bytes;
  const a = sextet(text, i++);
  const b = sextet(text, i++);
  bytes[out++] = (a << 2) | (b >>> 4);
  let strayBits = b & 15;
  if (left === 3) {
    const c = sextet(text, i++);
    bytes[out++] = (b << 4) | (c >>> 2);
    strayBits = c & 3;
  }
  if (strayBits !== 0) {
    throw new MacaroonError('ERR_FORMAT_BASE64', 'base64url with stray trailing bits', { offset: end - 1 });
  }
  return bytes;
}

/**
 * Bytes of base64 as foreign formats allow it: either alphabet (not both in one text), padded or not; stray trailing bits are refused.
 * Throws `ERR_FORMAT_TEXT` for a character that neither alphabet has, `ERR_FORMAT_BASE64` otherwise, with the character offset.
 */
export function decodeBase64Any(text: string): Uint8Array {
  const foreign = text.search(/[^A-Za-z0-9+/_=-]/);
  if (foreign >= 0) throw new MacaroonError('ERR_FORMAT_TEXT', 'a character that base64 does not have', { offset: foreign });
  const padding = text.length % 4 === 0 ? /={0,2}$/.exec(text)?.[0].length : 0;
  const unpadded = text.slice(0, text.length - (padding ?? 0));
  const oneAlphabet = /[-_]/.test(unpadded) ? unpadded : unpadded.replaceAll('+', '-').replaceAll('/', '_');
  return decodeBase64url(oneAlphabet);
}

function sextet(text: string, offset: number): number {
  const value = sextetAt(text, offset);
  if (value < 0) throw foreignCharacter(text, offset);
  return value;
}

function sextetAt(text: string, offset: number): number {
  return valueOfCode[text.charCodeAt(offset)] ?? -1;
}

/** The error for the first character at or after `start` that the alphabet does not have. */
function foreignCharacter(text: string, start: number): MacaroonError {
  let offset = start;
  while (sextetAt(text, offset) >= 0) offset++;
  return new MacaroonError('ERR_FORMAT_BASE64', 'a character that base64url does not have', { offset });
}
