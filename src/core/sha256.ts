/**
 * SHA-256 (FIPS 180-4): absorbing messages, and one-shot hashing.
 *
 * Own code because one call into the platform costs more than the two blocks of a caveat, and because browsers have no
 * synchronous HMAC. Words are read through a `DataView`, which the engine does in one instruction. Views that are hashed have `slackBytes` behind what
 * they hold, so that a whole block can be read wherever a message ends. Nothing is allocated per block. Not reentrant, which synchronous code cannot notice.
 */
import { compressBlock, block as sharedBlock } from './sha256-block.js';

/** By a name of its own: see there. */
const block = sharedBlock;

/** Words of a hash state. */
export const stateWords = 8;
/** Bytes of a block. */
export const blockBytes = 64;
/** Bytes of a digest. */
export const digestBytes = 32;
/** So many bytes must there be in a view behind the end of a message; what they hold does not count. */
export const slackBytes = 64;

/** The state that a hash starts from. */
export const initialState: Int32Array = new Int32Array([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);

/** Bytes that are copied in one go to be hashed: whole blocks, and more than all that a token holds in one piece. */
const stagedBytes = 1024;
const staged = new Uint8Array(stagedBytes + slackBytes);
const stagedView = new DataView(staged.buffer);

/**
 * `state` = `from` (8 words, after `bytesBefore` bytes, a multiple of 64; `state` itself is fine) with what is in `view` from `start` to `end` and the padding
 * absorbed.
 */
export function absorbAt(
  state: Int32Array,
  from: Int32Array,
  bytesBefore: number,
  view: DataView,
  start: number,
  end: number,
): void {
  const fullEnd = start + ((end - start) & -blockBytes);
  let before = absorbBlocks(state, from, view, start, fullEnd);
  loadBlock(view, fullEnd);
  const left = end - fullEnd;
  let word = left >>> 2;
  const bits = (left & 3) * 8;
  // What was read from behind the end is taken away again, and the bit that ends a message stands there.
  block[word] = ((block[word] as number) & ~(-1 >>> bits)) | (0x80000000 >>> bits);
  word++;
  if (word > 14) {
    if (word === 15) block[15] = 0;
    compressBlock(state, before);
    before = state;
    word = 0;
  }
  for (; word < 14; word++) block[word] = 0;
  const total = bytesBefore + end - start;
  block[14] = Math.floor(total / 0x20000000);
  block[15] = total << 3;
  compressBlock(state, before);
}

/** Absorbs the whole blocks from `start` to `end`; gives where the state is afterwards: `from` where there is none. */
export function absorbBlocks(state: Int32Array, from: Int32Array, view: DataView, start: number, end: number): Int32Array {
  let before = from;
  for (let at = start; at < end; at += blockBytes) {
    loadBlock(view, at);
    compressBlock(state, before);
    before = state;
  }
  return before;
}

/** Written out: a loop over the words of a block takes a fifth of what compressing it does. */
function loadBlock(view: DataView, at: number): void {
  block[0] = view.getInt32(at);
  block[1] = view.getInt32(at + 4);
  block[2] = view.getInt32(at + 8);
  block[3] = view.getInt32(at + 12);
  block[4] = view.getInt32(at + 16);
  block[5] = view.getInt32(at + 20);
  block[6] = view.getInt32(at + 24);
  block[7] = view.getInt32(at + 28);
  block[8] = view.getInt32(at + 32);
  block[9] = view.getInt32(at + 36);
  block[10] = view.getInt32(at + 40);
  block[11] = view.getInt32(at + 44);
  block[12] = view.getInt32(at + 48);
  block[13] = view.getInt32(at + 52);
  block[14] = view.getInt32(at + 56);
  block[15] = view.getInt32(at + 60);
}

/** As `absorbAt`, for a message of any length that stands anywhere. */
export function absorbMessage(state: Int32Array, from: Int32Array, bytesBefore: number, message: Uint8Array): void {
  if (message.length <= stagedBytes) {
    absorbAt(state, from, bytesBefore, stage(message), 0, message.length);
    return;
  }
  let before = from;
  let start = 0;
  for (; start + stagedBytes <= message.length; start += stagedBytes) {
    before = absorbBlocks(state, before, stage(message.subarray(start, start + stagedBytes)), 0, stagedBytes);
  }
  absorbAt(state, before, bytesBefore + start, stage(message.subarray(start)), 0, message.length - start);
}

/** A view of a copy of `bytes` (at most 1024), with slack behind it; valid until the next. One call into the platform, which costs a tenth of a block. */
export function stage(bytes: Uint8Array): DataView {
  staged.set(bytes);
  return stagedView;
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

/** Writes the 8 words of `state` as 32 bytes, big-endian, to `start` of `view`. */
export function writeState(state: Int32Array, view: DataView, start: number): void {
  for (let i = 0; i < stateWords; i++) view.setInt32(start + i * 4, state[i] as number);
}

/** Whether the 8 words of `state` are the 32 bytes at `start` of `view`, in constant time. */
export function isStateAt(state: Int32Array, view: DataView, start: number): boolean {
  let difference = 0;
  for (let i = 0; i < stateWords; i++) difference |= (state[i] as number) ^ view.getInt32(start + i * 4);
  return difference === 0;
}

/** Whether the 8 words of `state` are `bytes`, which are 32, in constant time. */
export function isState(state: Int32Array, bytes: Uint8Array): boolean {
  return isStateAt(state, stage(bytes), 0);
}

/** Reads the 32 bytes at `start` of `view`, big-endian, into the 8 words of `state`. */
export function readState(view: DataView, start: number, state: Int32Array): void {
  for (let i = 0; i < stateWords; i++) state[i] = view.getInt32(start + i * 4);
}

/** Reads 32 `bytes`, big-endian, into the 8 words of `state`. */
export function bytesToState(bytes: Uint8Array, state: Int32Array): void {
  readState(stage(bytes), 0, state);
}

/** SHA-256 of `message`: 32 bytes. */
export function sha256(message: Uint8Array): Uint8Array {
  const state = new Int32Array(stateWords);
  absorbMessage(state, initialState, 0, message);
  wipeStaged();
  return stateToBytes(state);
}

/** Leaves nothing behind of what was copied to be hashed: for what may be a secret. */
export function wipeStaged(): void {
  staged.fill(0);
}
