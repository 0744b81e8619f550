/**
 * HMAC-SHA-256 (RFC 2104, FIPS 198-1) and HKDF-SHA-256 (RFC 5869) on the block function of `sha256-block.ts`.
 *
 * The chain of a macaroon is HMAC keyed by the last HMAC, so the hot forms are those whose keys and results are words: state in, state out, nothing
 * allocated. Those that end in `At` hash what stands in a view, which has `slackBytes` behind it.
 */
import { MacaroonError } from './errors.js';
import {
  absorbAt,
  absorbBlocks,
  absorbMessage,
  blockBytes,
  digestBytes,
  initialState,
  sha256,
  stateToBytes,
  stateWords,
  wipeStaged,
} from './sha256.js';
import { compressBlock, block as sharedBlock } from './sha256-block.js';

/** By a name of its own: see there. */
const block = sharedBlock;
const innerPad = 0x36363636;
const outerPad = 0x5c5c5c5c;
const inner = new Int32Array(stateWords);

/** Inner and outer state (8 words each) of an HMAC key after its padded block: they save two compressions a use. */
export interface KeyMidstate {
  readonly inner: Int32Array;
  readonly outer: Int32Array;
}

/** A midstate to be set by `setMidstate`. */
export function newMidstate(): KeyMidstate {
  return { inner: new Int32Array(stateWords), outer: new Int32Array(stateWords) };
}

/** Makes `midstate` that of the 32-byte key held in the 8 words of `key`. */
export function setMidstate(midstate: KeyMidstate, key: Int32Array): void {
  padKey(key, innerPad, midstate.inner);
  padKey(key, outerPad, midstate.outer);
}

/** `chain` (8 words) = HMAC(key of `midstate`, `message`). */
export function hmacFromMidstate(midstate: KeyMidstate, message: Uint8Array, chain: Int32Array): void {
  absorbMessage(inner, midstate.inner, blockBytes, message);
  finish(midstate.outer, chain);
}

/** `chain` (8 words) = HMAC(key of `midstate`, what is in `view` from `start` to `end`). */
export function hmacFromMidstateAt(midstate: KeyMidstate, view: DataView, start: number, end: number, chain: Int32Array): void {
  absorbAt(inner, midstate.inner, blockBytes, view, start, end);
  finish(midstate.outer, chain);
}

/** The block that the last message under one key began with. */
export interface FirstBlock {
  readonly words: Int32Array;
  /** The inner hash after it, as secret as the key; made when it comes again. */
  readonly state: Int32Array;
  isHashed: boolean;
}

/** Whether what stands in `view` from `start` to `end` begins with `first`. */
export function beginsWithBlock({ words }: FirstBlock, view: DataView, start: number, end: number): boolean {
  if (end - start < blockBytes) return false;
  for (let i = 0; i < words.length; i++) if (view.getInt32(start + i * 4) !== words[i]) return false;
  return true;
}

/** The block in `view` from `start` on as a `FirstBlock`; `known`, where it is given, is made that. */
export function firstBlockAt(known: FirstBlock | undefined, view: DataView, start: number): FirstBlock {
  const first = known ?? { words: new Int32Array(blockBytes / 4), state: new Int32Array(stateWords), isHashed: false };
  for (let i = 0; i < first.words.length; i++) first.words[i] = view.getInt32(start + i * 4);
  first.isHashed = false;
  return first;
}

/** What `hmacFromMidstateAt` does, for a message that begins with `first`, which is of the key of `midstate` alone. */
export function hmacAfterBlockAt(
  midstate: KeyMidstate,
  first: FirstBlock,
  view: DataView,
  start: number,
  end: number,
  chain: Int32Array,
): void {
  const rest = start + blockBytes;
  if (!first.isHashed) absorbBlocks(first.state, midstate.inner, view, start, rest);
  first.isHashed = true;
  absorbAt(inner, first.state, 2 * blockBytes, view, rest, end);
  finish(midstate.outer, chain);
}

/** What is done by the key that is in a chain at the time. */
const stepKey = newMidstate();

/** `chain` (8 words) = HMAC(`chain`, `message`): one first-party step of a macaroon. */
export function hmacStep(chain: Int32Array, message: Uint8Array): void {
  setMidstate(stepKey, chain);
  hmacFromMidstate(stepKey, message, chain);
}

/** `chain` (8 words) = HMAC(`chain`, what is in `view` from `start` to `end`): the same step. */
export function hmacStepAt(chain: Int32Array, view: DataView, start: number, end: number): void {
  setMidstate(stepKey, chain);
  hmacFromMidstateAt(stepKey, view, start, end, chain);
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

/** `chain` = the hash of `inner` under the `outer` state of a key. */
function finish(outer: Int32Array, chain: Int32Array): void {
  loadDigest(inner);
  block[15] = (blockBytes + digestBytes) * 8;
  compressBlock(chain, outer);
}

/** The block of a message that is the 8 words of `digest`, but for its length. */
function loadDigest(digest: Int32Array): void {
  block[0] = digest[0] as number;
  block[1] = digest[1] as number;
  block[2] = digest[2] as number;
  block[3] = digest[3] as number;
  block[4] = digest[4] as number;
  block[5] = digest[5] as number;
  block[6] = digest[6] as number;
  block[7] = digest[7] as number;
  block[8] = 0x80000000;
  block[9] = 0;
  block[10] = 0;
  block[11] = 0;
  block[12] = 0;
  block[13] = 0;
  block[14] = 0;
}

/** `chain` (8 words) = HMAC(key of `midstate`, the 8 words of `digest` as bytes). */
export function hmacOfDigest(midstate: KeyMidstate, digest: Int32Array, chain: Int32Array): void {
  loadDigest(digest);
  block[15] = (blockBytes + digestBytes) * 8;
  compressBlock(inner, midstate.inner);
  finish(midstate.outer, chain);
}

/** `chain` (8 words) = HMAC(key of `midstate`, the 8 words of `left` and those of `right` as bytes). */
export function hmacOfPair(midstate: KeyMidstate, left: Int32Array, right: Int32Array, chain: Int32Array): void {
  for (let i = 0; i < stateWords; i++) {
    block[i] = left[i] as number;
    block[stateWords + i] = right[i] as number;
  }
  compressBlock(inner, midstate.inner);
  block.fill(0);
  block[0] = 0x80000000;
  block[15] = (blockBytes + 2 * digestBytes) * 8;
  compressBlock(inner);
  finish(midstate.outer, chain);
}

const paddedKey = new Uint8Array(blockBytes);
const paddedKeyView = new DataView(paddedKey.buffer);

/** HMAC-SHA-256 of `message` under `key` (any length): 32 bytes. */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  paddedKey.set(key.length > blockBytes ? sha256(key) : key);
  padLongKey(innerPad, stepKey.inner);
  padLongKey(outerPad, stepKey.outer);
  paddedKey.fill(0);
  const chain = new Int32Array(stateWords);
  hmacFromMidstate(stepKey, message, chain);
  wipeStaged();
  return stateToBytes(chain);
}

/** `state` after the block of `paddedKey`. */
function padLongKey(pad: number, state: Int32Array): void {
  for (let i = 0; i < block.length; i++) block[i] = paddedKeyView.getInt32(i * 4) ^ pad;
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
