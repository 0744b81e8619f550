/**
 * HMAC-SHA-256 (RFC 2104) of texts under a key of the store. Every mint takes one: a one-shot hash of the platform is called twice for it, as an `Hmac`
 * object, which must be made and collected, costs more than both.
 */
import { hash, type KeyObject } from 'node:crypto';
import { encodeUtf8 } from '../../core/index.js';

const blockBytes = 64;
const digestBytes = 32;

/** The padded key, and after it room for what is hashed. */
interface PaddedKey {
  inner: Buffer;
  readonly outer: Buffer;
}

const paddedKeys = new WeakMap<KeyObject, PaddedKey>();

/** The length of a text, as it is written before it. */
export type LengthOf = (text: string) => number;

/**
 * base64url HMAC-SHA-256 under `key`, which has at most 64 bytes, of the UTF-8 bytes of what `build` makes with the function that it is given: texts after
 * their lengths in bytes. Throws `ERR_FORMAT_UTF8` for text that would come back as another one.
 */
export function macOfTexts(key: KeyObject, build: (lengthOf: LengthOf) => string): string {
  const padded = paddedKeys.get(key) ?? padKey(key);
  const text = build(charactersOf);
  let end = writeText(padded, text);
  // Almost everything is ASCII, where characters are bytes: that shows when it is written.
  if (end !== blockBytes + text.length) end = writeText(padded, build(bytesOf));
  const { inner, outer } = padded;
  // As a text of one character a byte: a buffer of its own costs as much as the hash.
  outer.write(hash('sha256', inner.subarray(0, end), 'binary'), blockBytes, 'latin1');
  return hash('sha256', outer, 'base64url');
}

function charactersOf(text: string): number {
  return text.length;
}

function bytesOf(text: string): number {
  return encodeUtf8(text).length;
}

/** Writes `text` behind the padded key; gives where it ends. */
function writeText(padded: PaddedKey, text: string): number {
  // A character takes at most three bytes.
  const needed = blockBytes + text.length * 3;
  if (padded.inner.length < needed) {
    const larger = Buffer.alloc(needed * 2);
    padded.inner.copy(larger, 0, 0, blockBytes);
    padded.inner = larger;
  }
  return blockBytes + padded.inner.write(text, blockBytes);
}

function padKey(key: KeyObject): PaddedKey {
  const padded = { inner: Buffer.alloc(blockBytes), outer: Buffer.alloc(blockBytes + digestBytes) };
  const bytes = key.export();
  if (bytes.length > blockBytes) throw new RangeError('a key of the store has at most 64 bytes');
  for (let i = 0; i < blockBytes; i++) {
    const byte = bytes[i] ?? 0;
    padded.inner[i] = byte ^ 0x36;
    padded.outer[i] = byte ^ 0x5c;
  }
  paddedKeys.set(key, padded);
  return padded;
}
