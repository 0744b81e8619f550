/**
 * HMAC-SHA-256 (RFC 2104) of texts under a key of the store. Every mint takes two: a one-shot hash of the platform is called twice for each, as an
 * `Hmac` object, which must be made and collected, costs more than both.
 */
import { hash, type KeyObject } from 'node:crypto';

const blockBytes = 64;
const digestBytes = 32;

/** The padded key, and after it room for what is hashed. */
interface PaddedKey {
  inner: Buffer;
  readonly outer: Buffer;
}

const paddedKeys = new WeakMap<KeyObject, PaddedKey>();

/** base64url HMAC-SHA-256 of the UTF-8 bytes of `text` under `key`, which has at most 64 bytes. */
export function macOfText(key: KeyObject, text: string): string {
  const padded = paddedKeys.get(key) ?? padKey(key);
  // A character takes at most three bytes.
  const needed = blockBytes + text.length * 3;
  if (padded.inner.length < needed) {
    const larger = Buffer.alloc(needed * 2);
    padded.inner.copy(larger, 0, 0, blockBytes);
    padded.inner = larger;
  }
  const { inner, outer } = padded;
  const end = blockBytes + inner.write(text, blockBytes);
  // As a text of one character a byte: a buffer of its own costs as much as the hash.
  outer.write(hash('sha256', inner.subarray(0, end), 'binary'), blockBytes, 'latin1');
  return hash('sha256', outer, 'base64url');
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
