/** Plain byte work that every format needs: joining, comparing, strict UTF-8, length prefixes. No Node API: runs in browsers. */
import { MacaroonError } from './errors.js';

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Up to so many characters, writing bytes one by one is quicker than a call into the platform. */
const shortText = 128;
/** Up to so many bytes, making a text of a list of character codes is. */
const shortBytes = 48;

/** UTF-8 bytes of `text`. Throws `ERR_FORMAT_UTF8` for a lone surrogate, which UTF-8 cannot hold. */
export function encodeUtf8(text: string): Uint8Array {
  const ascii = text.length <= shortText ? encodeAscii(text) : undefined;
  if (ascii !== undefined) return ascii;
  const bytes = utf8Encoder.encode(text);
  if (!isWellFormed(text)) throw new MacaroonError('ERR_FORMAT_UTF8', 'text holds a lone surrogate');
  return bytes;
}

/** Bytes of a text that is all ASCII, which short ones mostly are; `undefined` for another. */
function encodeAscii(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return undefined;
    bytes[i] = code;
  }
  return bytes;
}

/**
 * Writes `text` into `target`, where it is all ASCII and fits in; whether it was.
 * One call into the platform: to ask for character after character costs several times as much.
 */
export function writeAscii(text: string, target: Uint8Array): boolean {
  const { read, written } = utf8Encoder.encodeInto(text, target);
  return read === text.length && written === text.length;
}

/** Text of UTF-8 `bytes`. Throws `ERR_FORMAT_UTF8` when they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  const ascii = decodeAscii(bytes);
  if (ascii !== undefined) return ascii;
  try {
    return utf8Decoder.decode(bytes);
  } catch {
    throw new MacaroonError('ERR_FORMAT_UTF8', 'bytes are not UTF-8');
  }
}

/** Short ASCII, which is most of what tokens hold; `undefined` for anything else. */
function decodeAscii(bytes: Uint8Array): string | undefined {
  if (bytes.length > shortBytes) return undefined;
  for (let i = 0; i < bytes.length; i++) if ((bytes[i] as number) > 0x7f) return undefined;
  return asciiText(bytes);
}

/**
 * `text` as the engine keeps the names of members, each once: two of those are compared by where they stand. For what is read once and compared often,
 * such as a part of a longer text, which the engine keeps as a view of it.
 */
export function internText(text: string): string {
  return Object.keys({ [text]: 0 })[0] ?? text;
}

/** Text of `bytes`, which are ASCII. */
export function asciiText(bytes: Uint8Array): string {
  if (bytes.length > shortBytes) return utf8Decoder.decode(bytes);
  // The engine takes a plain list several times as quickly as a typed one.
  const codes = new Array<number>(bytes.length);
  for (let i = 0; i < bytes.length; i++) codes[i] = bytes[i] as number;
  return Reflect.apply(String.fromCharCode, undefined, codes);
}

/**
 * A reader of what stands in `bytes`, which is ASCII, up to an end, from their start or another, as a text. By Node's `Buffer` where there is one: with a
 * decoder, which is what browsers have, minting takes a tenth longer.
 */
export function asciiReader(bytes: Uint8Array): (end: number, start?: number) => string {
  // By way of `globalThis`, so that no bundler brings a `Buffer` along for browsers. A page may call anything so: what shares no memory is none.
  const buffer = globalThis.Buffer?.from?.(bytes.buffer, bytes.byteOffset, bytes.length);
  if (buffer?.buffer !== bytes.buffer) return (end, start = 0) => utf8Decoder.decode(bytes.subarray(start, end));
  return (end, start = 0) => buffer.toString('latin1', start, end);
}

function isWellFormed(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    const next = text.charCodeAt(i + 1);
    if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return false;
    i++;
  }
  return true;
}

/** A copy of `bytes`, of a Node `Buffer` too, whose own `slice` shares the memory. */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

/** Up to so many bytes an array has its buffer to itself at no cost: V8 keeps such ones in its own heap. */
const ownBufferBytes = 64;
const slabBytes = 8192;
/** It has no length any more when somebody gave its buffer away with a copy. */
let slab = new Uint8Array(0);
/** That of `slab`, kept as to ask for it is a call into the engine. */
let slabBuffer = slab.buffer;
let slabUsed = 0;

/**
 * A copy of `bytes` from `start` to `end` (defaults: all of it) that may share its buffer with other copies: a buffer of its own costs as much as three
 * hashed blocks. For what is no secret alone, as whoever holds the copy can reach its neighbours.
 */
export function copyPublicBytes(bytes: Uint8Array, start = 0, end: number = bytes.length): Uint8Array {
  const length = end - start;
  if (length <= ownBufferBytes || length > slabBytes / 8) return copyRange(bytes, start, end);
  if (slabUsed + length > slab.length) {
    slab = new Uint8Array(slabBytes);
    slabBuffer = slab.buffer;
    slabUsed = 0;
  }
  const copy = new Uint8Array(slabBuffer, slabUsed, length);
  slabUsed += length;
  copy.set(length === bytes.length ? bytes : bytes.subarray(start, end));
  return copy;
}

/** A copy of `bytes` from `start` to `end` in a buffer of its own. */
export function copyRange(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - start);
  for (let i = 0; i < copy.length; i++) copy[i] = bytes[start + i] as number;
  return copy;
}

/** One array that holds `parts` in order. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Whether `a` and `b` hold the same bytes, in a time that depends on their lengths only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

/** `value` (0 to 2^32-1) as 4 bytes, big-endian. Throws `ERR_ARGUMENT` for another number. */
export function uint32Bytes(value: number): Uint8Array {
  if (value >>> 0 !== value) {
    throw new MacaroonError('ERR_ARGUMENT', 'must be an integer from 0 to 4294967295', { argument: 'value' });
  }
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** Reads 4 bytes, big-endian. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  return (
    (((bytes[offset] as number) << 24) |
      ((bytes[offset + 1] as number) << 16) |
      ((bytes[offset + 2] as number) << 8) |
      (bytes[offset + 3] as number)) >>>
    0
  );
}

/** LP of the design: each part as its length (4 bytes, big-endian), then its bytes. Strings are taken as UTF-8. */
export function lengthPrefixed(...parts: readonly (Uint8Array | string)[]): Uint8Array {
  const framed: Uint8Array[] = [];
  for (const part of parts) {
    const bytes = typeof part === 'string' ? encodeUtf8(part) : part;
    framed.push(uint32Bytes(bytes.length), bytes);
  }
  return concatBytes(...framed);
}
