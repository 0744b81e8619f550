/**
 * Verification ids: a caveat key in NaCl secretbox (XSalsa20-Poly1305) under the signature so far, as libmacaroons writes them.
 *
 * Own code because every discharge has one to open, and a message of 32 bytes is one block of the cipher and two of the authenticator: what libraries
 * spend on allocating and on general lengths is several times that.
 */

import { MacaroonError } from './errors.js';
import type { RandomBytes } from './keys.js';
import { poly1305 } from './poly1305.js';
import { xsalsa20Block } from './salsa20.js';
import { digestBytes, stage, wipeStaged } from './sha256.js';

const nonceBytes = 24;
const tagBytes = 16;
/** Bytes of a verification id: nonce, authenticator, key. */
const verificationIdBytes = nonceBytes + tagBytes + digestBytes;

/** All that is worked on, in one piece, so that one call wipes it. */
const memory = new Int32Array(42);
const key = memory.subarray(0, 8);
const nonce = memory.subarray(8, 14);
/** The key of the authenticator, then what the message is combined with. */
const stream = memory.subarray(14, 30);
const ciphertext = memory.subarray(30, 38);
const tag = memory.subarray(38, 42);

/**
 * `caveatKey` (32 bytes) encrypted under `signature` (8 words, as a chain has them) with a fresh nonce: 72 bytes.
 * Throws `ERR_ARGUMENT` for a nonce of another length.
 */
export function sealVerificationId(signature: Int32Array, caveatKey: Uint8Array, randomBytes: RandomBytes): Uint8Array {
  const fresh = randomBytes(nonceBytes);
  if (fresh.length !== nonceBytes) {
    throw new MacaroonError('ERR_ARGUMENT', `randomBytes must give as many bytes as it is asked for`, {
      argument: 'randomBytes',
    });
  }
  const sealed = new Uint8Array(verificationIdBytes);
  sealed.set(fresh);
  const view = new DataView(sealed.buffer);
  startStream(signature, view, 0);
  const message = stage(caveatKey);
  for (let i = 0; i < 8; i++) ciphertext[i] = message.getInt32(i * 4, true) ^ (stream[i + 8] as number);
  poly1305(stream, ciphertext, 8, tag);
  for (let i = 0; i < 4; i++) view.setInt32(nonceBytes + i * 4, tag[i] as number, true);
  for (let i = 0; i < 8; i++) view.setInt32(nonceBytes + tagBytes + i * 4, ciphertext[i] as number, true);
  memory.fill(0);
  wipeStaged();
  return sealed;
}

/**
 * Reads the caveat key in `verificationId` into `caveatKey`; whether it opens under `signature`. Keys and signatures are 8 words, as a chain has them.
 * Authenticators are compared in constant time.
 */
export function openVerificationId(signature: Int32Array, verificationId: Uint8Array, caveatKey: Int32Array): boolean {
  if (verificationId.length !== verificationIdBytes) return false;
  return openVerificationIdAt(signature, stage(verificationId), 0, verificationIdBytes, caveatKey);
}

/** As `openVerificationId`, for the one that stands in `view` from `start` to `end`. */
export function openVerificationIdAt(
  signature: Int32Array,
  view: DataView,
  start: number,
  end: number,
  caveatKey: Int32Array,
): boolean {
  if (end - start !== verificationIdBytes) return false;
  startStream(signature, view, start);
  for (let i = 0; i < 8; i++) ciphertext[i] = view.getInt32(start + nonceBytes + tagBytes + i * 4, true);
  poly1305(stream, ciphertext, 8, tag);
  let difference = 0;
  for (let i = 0; i < 4; i++) difference |= (tag[i] as number) ^ view.getInt32(start + nonceBytes + i * 4, true);
  if (difference === 0) for (let i = 0; i < 8; i++) caveatKey[i] = swapped((ciphertext[i] as number) ^ (stream[i + 8] as number));
  memory.fill(0);
  return difference === 0;
}

/** A word of the chain, big-endian, as one of the cipher, little-endian, and back. */
function swapped(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

/** `stream` for the 8 words of `signature` and the nonce at `start` of `view`. */
function startStream(signature: Int32Array, view: DataView, start: number): void {
  for (let i = 0; i < 8; i++) key[i] = swapped(signature[i] as number);
  for (let i = 0; i < 6; i++) nonce[i] = view.getInt32(start + i * 4, true);
  xsalsa20Block(key, nonce, stream);
}
