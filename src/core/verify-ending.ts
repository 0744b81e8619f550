/**
 * Plain tokens that begin as one whose signature held and go on with one condition, as those that are sealed to a request: only what comes after the
 * beginning is read and hashed. What goes on otherwise, `flat.ts` reads.
 */
import {
  beginningOfText,
  readEndAfter,
  payload as sharedPayload,
  payloadView as sharedView,
  type TextBeginning,
} from './format/text.js';
import { beginsWithBlock, firstBlockAt, hmacAfterBlockAt, hmacFromMidstateAt } from './hmac.js';
import { limits } from './limits.js';
import { blockBytes, isStateAt, stateWords } from './sha256.js';
import { type ChainPosition, midstateOf } from './verify-flat.js';

/** What is imported, the engine looks up and checks at each use. */
const payload = sharedPayload;
const payloadView = sharedView;
const { maxConditionBytes, maxTextLength } = limits;
/** What stands between two conditions of a plain token, before the length of the second: an end, and the type of what comes. */
const betweenConditions = [0, 2] as const;
/** What stands between the last condition of a plain token and its signature: two ends, type and length of what comes. */
const betweenWord = 0x00000620;
const betweenBytes = 4;
const signatureBytes = 32;

/** How texts begin, as far as a caveat of theirs. */
export interface Opening {
  readonly beginning: TextBeginning;
  /** What comes then, up to the length of the next condition. */
  readonly joint: Uint8Array;
}

/** How `text`, which was read last, begins: with the first `length` bytes of its payload, which end in a condition or an identifier. */
export function openingOf(text: string, length: number): Opening {
  const beginning = beginningOfText(text, length);
  return { beginning, joint: Uint8Array.of(...payload.subarray(beginning.bytes.length, length), ...betweenConditions) };
}

/** Where a condition stands in `bytes`. */
export interface FlatCondition {
  readonly bytes: Uint8Array;
  /** Of the same bytes. */
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
}

const chain = new Int32Array(stateWords);
/** The one there is: valid until the next text is read. */
const last = { bytes: payload, view: payloadView, start: 0, end: 0 };

/**
 * The one condition with which the token in `text` goes on after `opening`, which `text` begins with and whose chain comes to `position`, where the signature
 * holds; `undefined` for any other text. It is overwritten when the next text is read by anyone.
 */
export function conditionAfter(text: string, { beginning, joint }: Opening, position: ChainPosition): FlatCondition | undefined {
  if (text.length > maxTextLength) return undefined;
  const length = readEndAfter(text, beginning, 0);
  for (let i = 0; i < joint.length; i++) if (payload[i] !== joint[i]) return undefined;
  let start = joint.length + 1;
  let size = payload[joint.length] as number;
  if (size > 0x7f) {
    // As of any field: zero in the second byte would not be the shortest spelling.
    const high = payload[start++] as number;
    if (high === 0 || high > 0x7f) return undefined;
    size = (size & 0x7f) | (high << 7);
  }
  const end = start + size;
  if (size === 0 || size > maxConditionBytes || end + betweenBytes + signatureBytes !== length) return undefined;
  if (payloadView.getInt32(end) !== betweenWord) return undefined;
  const first = position.firstBlock;
  const isFirst = first !== undefined && beginsWithBlock(first, payloadView, start, end);
  if (isFirst) hmacAfterBlockAt(midstateOf(position), first, payloadView, start, end, chain);
  else hmacFromMidstateAt(midstateOf(position), payloadView, start, end, chain);
  if (!isStateAt(chain, payloadView, end + betweenBytes)) return undefined;
  // What a stranger makes up does not take its place.
  if (!isFirst && size >= blockBytes) position.firstBlock = firstBlockAt(first, payloadView, start);
  last.start = start;
  last.end = end;
  return last;
}
