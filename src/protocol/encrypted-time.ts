/**
 * `encrypted_time`: what a client encrypts to the issuer's public key. Anybody can encrypt to a public key, so a MAC of the client is inside, over
 * the time, a nonce and the request that it is for.
 *
 * Plaintext, 89 bytes: version 1 (1) ‖ time sent, Unix milliseconds (8, big-endian) ‖ nonce (16) ‖ request hash (32) ‖ MAC (32). Ciphertext:
 * RSA-OAEP with SHA-256 (also in MGF1) and the label below. Header: `Macaroond-Encrypted-Time: kid="…", client="…", ct=:…:`.
 */
import { concatBytes, hmacSha256, lengthPrefixed } from '../core/index.js';

export const encryptedTimeHeader = 'macaroond-encrypted-time';
/** OAEP label, UTF-8. */
export const encryptedTimeLabel = 'macaroond/encrypted-time/v1';
/** How far the time may lie from the issuer's, milliseconds. */
export const encryptedTimeWindowMs = 30_000;

const version = 1;
/** Of the last day that there is (ECMA-262 §21.4.1.1). */
const maxTimeMs = 8.64e15;
const nonceBytes = 16;
const hashBytes = 32;
const macBytes = 32;
const signedBytes = 1 + 8 + nonceBytes + hashBytes;

/** What stands in the plaintext. */
export interface EncryptedTime {
  readonly sentAtMs: number;
  /** 16 bytes. */
  readonly nonce: Uint8Array;
  /** 32 bytes; see `requestHash`. */
  readonly requestHash: Uint8Array;
}

/** The plaintext of `time` by `client`, whose secret's UTF-8 bytes are `secret`. */
export function encodeEncryptedTime(time: EncryptedTime, client: string, secret: Uint8Array): Uint8Array {
  const signed = concatBytes(new Uint8Array([version]), timeBytes(time.sentAtMs), time.nonce, time.requestHash);
  return concatBytes(signed, macOf(signed, client, secret));
}

/** A plaintext in its parts. `signed` and `mac` are what `macOf` is compared with. */
export interface ReadEncryptedTime extends EncryptedTime {
  readonly signed: Uint8Array;
  readonly mac: Uint8Array;
}

/** `plaintext` in its parts, nothing of it checked; `undefined` for another length, version or a time that is none. */
export function readEncryptedTime(plaintext: Uint8Array): ReadEncryptedTime | undefined {
  if (plaintext.length !== signedBytes + macBytes || plaintext[0] !== version) return undefined;
  const sentAtMs = Number(new DataView(plaintext.buffer, plaintext.byteOffset).getBigUint64(1));
  if (sentAtMs > maxTimeMs) return undefined;
  return {
    sentAtMs,
    nonce: plaintext.subarray(9, 9 + nonceBytes),
    requestHash: plaintext.subarray(9 + nonceBytes, signedBytes),
    signed: plaintext.subarray(0, signedBytes),
    mac: plaintext.subarray(signedBytes),
  };
}

/** The MAC that `signed` must have: HMAC-SHA-256 under the secret, over LP(label, client, signed). */
export function macOf(signed: Uint8Array, client: string, secret: Uint8Array): Uint8Array {
  return hmacSha256(secret, lengthPrefixed(encryptedTimeLabel, client, signed));
}

function timeBytes(timeMs: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(timeMs));
  return bytes;
}
