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

const nonceBytes = 24;
const tagBytes = 16;
const keyBytes = 32;
/** Bytes of a verification id: nonce, authenticator, key. */
const verificationIdBytes = nonceBytes + tagBytes + keyBytes;

/** All that is worked on, in one piece, so that one call wipes it. */
const memory = new Int32Array(42);
const key = memory.subarray(0, 8);
const nonce = memory.subarray(8, 14);
/** The key of the authenticator, then what the message is combined with. */
const stream = memory.subarray(14, 30);
const ciphertext = memory.subarray(30, 38);
const tag = memory.subarray(38, 42);

/** `caveatKey` (32 bytes) encrypted under `signature` (32 bytes) with a fresh nonce: 72 bytes. Throws `ERR_ARGUMENT` for a nonce of another length. */
export function sealVerificationId(signature: Uint8Array, caveatKey: Uint8Array, randomBytes: RandomBytes): Uint8Array {
  const fresh = randomBytes(nonceBytes);
  if (fresh.length !== nonceBytes) {
    throw new MacaroonError('ERR_ARGUMENT', `randomBytes must give as many bytes as it is asked for`, {
      argument: 'randomBytes',
    });
  }
  const sealed = new Uint8Array(verificationIdBytes);
  sealed.set(fresh);
  startStream(signature, sealed);
  for (let i = 0; i < 8; i++) ciphertext[i] = wordAt(caveatKey, i * 4) ^ (stream[i + 8] as number);
  poly1305(stream, ciphertext, 8, tag);
  const view = new DataView(sealed.buffer);
  for (let i = 0; i < 4; i++) view.setInt32(nonceBytes + i * 4, tag[i] as number, true);
  for (let i = 0; i < 8; i++) view.setInt32(nonceBytes + tagBytes + i * 4, ciphertext[i] as number, true);
  memory.fill(0);
  return sealed;
}

/** The caveat key in `verificationId`, or `undefined` when it does not open under `signature` (32 bytes). Authenticators are compared in constant time. */
export function openVerificationId(signature: Uint8Array, verificationId: Uint8Array): Uint8Array | undefined {
  if (verificationId.length !== verificationIdBytes) return undefined;
  startStream(signature, verificationId);
  for (let i = 0; i < 8; i++) ciphertext[i] = wordAt(verificationId, nonceBytes + tagBytes + i * 4);
  poly1305(stream, ciphertext, 8, tag);
  let difference = 0;
  for (let i = 0; i < 4; i++) difference |= (tag[i] as number) ^ wordAt(verificationId, nonceBytes + i * 4);
  const caveatKey = difference === 0 ? new Uint8Array(keyBytes) : undefined;
  if (caveatKey !== undefined) {
    for (let i = 0; i < keyBytes; i++)
      caveatKey[i] = ((ciphertext[i >>> 2] as number) ^ (stream[(i >>> 2) + 8] as number)) >>> ((i & 3) * 8);
  }
  memory.fill(0);
  return caveatKey;
}

/** `stream` for the 32 bytes of `signature` and the nonce that `verificationId` begins with. */
function startStream(signature: Uint8Array, verificationId: Uint8Array): void {
  for (let i = 0; i < 8; i++) key[i] = wordAt(signature, i * 4);
  for (let i = 0; i < 6; i++) nonce[i] = wordAt(verificationId, i * 4);
  xsalsa20Block(key, nonce, stream);
}

/** Four bytes, little-endian. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}
