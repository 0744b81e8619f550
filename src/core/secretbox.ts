/** Verification ids: a caveat key in NaCl secretbox (XSalsa20-Poly1305) under the signature so far, as libmacaroons writes them. */
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { concatBytes } from './bytes.js';
import type { RandomBytes } from './keys.js';

const nonceBytes = 24;
/** Bytes of a verification id: nonce, authenticator, key. */
const verificationIdBytes = nonceBytes + 16 + 32;

/** `caveatKey` (32 bytes) encrypted under `signature` (32 bytes) with a fresh nonce: 72 bytes. */
export function sealVerificationId(signature: Uint8Array, caveatKey: Uint8Array, randomBytes: RandomBytes): Uint8Array {
  const nonce = randomBytes(nonceBytes);
  return concatBytes(nonce, xsalsa20poly1305(signature, nonce).encrypt(caveatKey));
}

/** The caveat key in `verificationId`, or `undefined` when it does not open under `signature`. */
export function openVerificationId(signature: Uint8Array, verificationId: Uint8Array): Uint8Array | undefined {
  if (verificationId.length !== verificationIdBytes) return undefined;
  const nonce = verificationId.slice(0, nonceBytes);
  try {
    return xsalsa20poly1305(signature, nonce).decrypt(verificationId.slice(nonceBytes));
  } catch {
    return undefined;
  }
}
