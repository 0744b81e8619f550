/**
 * SHA-256 (FIPS 180-4): absorbing messages, and one-shot hashing.
 *
 * Own code because one call into the platform costs more than the two blocks of a caveat, and because browsers have no
 * synchronous HMAC. Nothing is allocated per block. Not reentrant, which synchronous code cannot notice.
 */
import { block, compressBlock } from './sha256-block.js';

/** Words of a hash state. */
export const stateWords = 8;
/** Bytes of a block. */
export const blockBytes = 64;
/** Bytes of a digest. */
export const digestBytes = 32;

/** The state that a hash starts from. */
export const initialState: Int32Array = new Int32Array([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);

/**
 * Feeds `message` from `start` to `end` (defaults: all of it) into `state`, then the padding. `bytesBefore` is what `state` has already
 * absorbed (a multiple of 64).
 */
export function absorbMessage(
  state: Int32Array,
  message: Uint8Array,
  bytesBefore: number,
  start = 0,
  end: number = message.length,
): void {
  let offset = start;
  for (; offset + blockBytes <= end; offset += blockBytes) {
    for (let i = 0, at = offset; i < 16; i++, at += 4) block[i] = wordAt(message, at);
    compressBlock(state);
  }
  let i = 0;
  for (; offset + 4 <= end; offset += 4) block[i++] = wordAt(message, offset);
  block[i++] = lastWord(message, offset, end);
  if (i > 14) {
    if (i === 15) block[15] = 0;
    compressBlock(state);
    i = 0;
  }
  while (i < 14) block[i++] = 0;
  const total = bytesBefore + end - start;
  block[14] = Math.floor(total / 0x20000000);
  block[15] = total << 3;
  compressBlock(state);
}

/** The 0 to 3 bytes from `at` to `end`, and the bit that ends a message. */
function lastWord(message: Uint8Array, at: number, end: number): number {
  switch (end - at) {
    case 0:
      return 0x80000000;
    case 1:
      return ((message[at] as number) << 24) | 0x800000;
    case 2:
      return ((message[at] as number) << 24) | ((message[at + 1] as number) << 16) | 0x8000;
    default:
      return ((message[at] as number) << 24) | ((message[at + 1] as number) << 16) | ((message[at + 2] as number) << 8) | 0x80;
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

/** The 8 words of `state` as 32 bytes, big-endian. */
export function stateToBytes(state: Int32Array): Uint8Array {
  const bytes = new Uint8Array(digestBytes);
  for (let i = 0; i < stateWords; i++) {
    const word = state[i] as number;
    bytes[i * 4] = word >>> 24;
    bytes[i * 4 + 1] = word >>> 16;
    bytes[i * 4 + 2] = word >>> 8;
    bytes[i * 4 + 3] = word;
  }
  return bytes;
}

/** Whether the 8 words of `state` are the 32 bytes at `start` of `bytes`, in constant time. */
export function isState(state: Int32Array, bytes: Uint8Array, start: number): boolean {
  let difference = 0;
  for (let i = 0; i < stateWords; i++) difference |= (state[i] as number) ^ wordAt(bytes, start + i * 4);
  return difference === 0;
}

/** Reads the 32 bytes at `start` (default: 0) of `bytes`, big-endian, into the 8 words of `state`. */
export function bytesToState(bytes: Uint8Array, state: Int32Array, start = 0): void {
  for (let i = 0; i < stateWords; i++) state[i] = wordAt(bytes, start + i * 4);
}

/** SHA-256 of `message`: 32 bytes. */
export function sha256(message: Uint8Array): Uint8Array {
  const state = initialState.slice();
  absorbMessage(state, message, 0);
  return stateToBytes(state);
}
