/**
 * HMAC-SHA-256 (RFC 2104, FIPS 198-1) and HKDF-SHA-256 (RFC 5869) on the block function of `sha256-block.ts`.
 *
 * The chain of a macaroon is HMAC keyed by the last HMAC, so the hot form is `hmacStep`: state in, state out, nothing allocated.
 */
import { MacaroonError } from './errors.js';
import {
  absorbMessage,
  blockBytes,
  bytesToState,
  digestBytes,
  initialState,
  sha256,
  stateToBytes,
  stateWords,
} from './sha256.js';
import { block, compressBlock } from './sha256-block.js';

const innerPad = 0x36363636;
const outerPad = 0x5c5c5c5c;
const inner = new Int32Array(stateWords);
const outer = new Int32Array(stateWords);

/** Inner and outer state of an HMAC key after its padded block: 16 words that save two compressions a use. */
export type KeyMidstate = Int32Array;

/** Midstate of the 32-byte key held in the 8 words of `key`. */
export function keyMidstate(key: Int32Array): KeyMidstate {
  const midstate = new Int32Array(stateWords * 2);
  padKey(key, innerPad, inner);
  padKey(key, outerPad, outer);
  for (let i = 0; i < stateWords; i++) {
    midstate[i] = inner[i] as number;
    midstate[stateWords + i] = outer[i] as number;
  }
  return midstate;
}

/** `chain` = HMAC(key of `midstate`, `message` from `start` to `end`; defaults: all of it). `chain` has 8 words. */
export function hmacFromMidstate(
  midstate: KeyMidstate,
  message: Uint8Array,
  chain: Int32Array,
  start = 0,
  end: number = message.length,
): void {
  for (let i = 0; i < stateWords; i++) {
    inner[i] = midstate[i] as number;
    outer[i] = midstate[stateWords + i] as number;
  }
  finish(message, chain, start, end);
}

/** `chain` = HMAC(`chain`, `message` from `start` to `end`; defaults: all of it): one first-party step of a macaroon. `chain` has 8 words. */
export function hmacStep(chain: Int32Array, message: Uint8Array, start = 0, end: number = message.length): void {
  padKey(chain, innerPad, inner);
  padKey(chain, outerPad, outer);
  finish(message, chain, start, end);
}

/** Written out, as is `finish`: a loop over the words of a block takes a fifth of what compressing it does. */
function padKey(key: Int32Array, pad: number, state: Int32Array): void {
  block[0] = (key[0] as number) ^ pad;
  block[1] = (key[1] as number) ^ pad;
  block[2] = (key[2] as number) ^ pad;
  block[3] = (key[3] as number) ^ pad;
  block[4] = (key[4] as number) ^ pad;
  block[5] = (key[5] as number) ^ pad;
  block[6] = (key[6] as number) ^ pad;
  block[7] = (key[7] as number) ^ pad;
  block[8] = pad;
  block[9] = pad;
  block[10] = pad;
  block[11] = pad;
  block[12] = pad;
  block[13] = pad;
  block[14] = pad;
  block[15] = pad;
  compressBlock(state, initialState);
}

function finish(message: Uint8Array, chain: Int32Array, start: number, end: number): void {
  absorbMessage(inner, message, blockBytes, start, end);
  block[0] = inner[0] as number;
  block[1] = inner[1] as number;
  block[2] = inner[2] as number;
  block[3] = inner[3] as number;
  block[4] = inner[4] as number;
  block[5] = inner[5] as number;
  block[6] = inner[6] as number;
  block[7] = inner[7] as number;
  block[8] = 0x80000000;
  block[9] = 0;
  block[10] = 0;
  block[11] = 0;
  block[12] = 0;
  block[13] = 0;
  block[14] = 0;
  block[15] = (blockBytes + digestBytes) * 8;
  compressBlock(chain, outer);
}

/** HMAC-SHA-256 of `message` under `key` (any length): 32 bytes. */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  const padded = new Uint8Array(blockBytes);
  padded.set(key.length > blockBytes ? sha256(key) : key);
  loadPadded(padded, innerPad, inner);
  loadPadded(padded, outerPad, outer);
  const chain = new Int32Array(stateWords);
  finish(message, chain, 0, message.length);
  return stateToBytes(chain);
}

function loadPadded(padded: Uint8Array, pad: number, state: Int32Array): void {
  const half = new Int32Array(stateWords);
  bytesToState(padded.subarray(0, digestBytes), half);
  for (let i = 0; i < stateWords; i++) block[i] = (half[i] as number) ^ pad;
  bytesToState(padded.subarray(digestBytes), half);
  for (let i = 0; i < stateWords; i++) block[stateWords + i] = (half[i] as number) ^ pad;
  compressBlock(state, initialState);
}

/**
 * HKDF-SHA-256 (RFC 5869): `length` bytes (at most 8,160) from `secret`, `salt` and `info`.
 * Throws `ERR_ARGUMENT` for another length.
 */
export function hkdfSha256(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (!Number.isInteger(length) || length < 0 || length > 255 * digestBytes) {
    throw new MacaroonError('ERR_ARGUMENT', 'HKDF gives 0 to 8160 bytes', { argument: 'length' });
  }
  const pseudorandomKey = hmacSha256(salt, secret);
  const output = new Uint8Array(length);
  let previous = new Uint8Array(0);
  for (let offset = 0, counter = 1; offset < length; offset += digestBytes, counter++) {
    const input = new Uint8Array(previous.length + info.length + 1);
    input.set(previous, 0);
    input.set(info, previous.length);
    input[input.length - 1] = counter;
    previous = new Uint8Array(hmacSha256(pseudorandomKey, input));
    output.set(previous.subarray(0, Math.min(digestBytes, length - offset)), offset);
  }
  return output;
}
