/**
 * Plain tokens that go on as one whose signature held, up to somewhere in their last condition: only what follows is read and hashed, as for tokens that are
 * sealed to one request again and again. What does not end as such a token must, `flat.ts` reads.
 */
import type { FlatToken } from './format/flat.js';
import { beginningOfText, payload, payloadView, readPayloadAfter, type TextBeginning } from './format/text.js';
import { hmacFromStateAt, type KeyMidstate } from './hmac.js';
import { absorbBlocks, blockBytes, isStateAt, stateWords } from './sha256.js';

/** What stands between the last condition of a plain token and its signature: two ends, type and length of what comes. */
const betweenWord = 0x00000620;
const betweenBytes = 4;
const signatureBytes = 32;

/** How texts begin that differ in the end of their last condition, which is of one length, and in what comes after it. */
export interface Opening {
  /** Its bytes are those of the last condition that `inner` has not absorbed. */
  readonly beginning: TextBeginning;
  /** State of the inner hash after the first `absorbedBytes` of the last condition: whole blocks. */
  readonly inner: Int32Array;
  readonly absorbedBytes: number;
  /** State that the outer hash goes on from. */
  readonly outer: Int32Array;
  /** Where the end of the condition begins and ends in what `endingOf` gives. */
  readonly start: number;
  readonly end: number;
}

const chain = new Int32Array(stateWords);

/**
 * How `text`, whose token was read last, goes on from its character `textStart`, but for the last `endingLength` bytes (2 or more) of its last condition.
 * `midstate` is that of the chain before this condition.
 */
export function openingOf(
  text: string,
  textStart: number,
  { view, starts, ends, caveatCount }: FlatToken,
  midstate: KeyMidstate,
  endingLength: number,
): Opening {
  const conditionStart = starts[caveatCount - 1] as number;
  const sameEnd = (ends[caveatCount - 1] as number) - endingLength;
  const absorbedBytes = (sameEnd - conditionStart) & -blockBytes;
  const absorbedEnd = conditionStart + absorbedBytes;
  const inner = absorbBlocks(new Int32Array(stateWords), midstate.inner, view, conditionStart, absorbedEnd);
  // To the end of a group, so that what comes then stands for whole bytes.
  const { text: same, bytes, sum } = beginningOfText(text, sameEnd + 2, textStart);
  const beginning = { start: textStart, text: same, bytes: bytes.slice(absorbedEnd), sum };
  const start = sameEnd - absorbedEnd;
  return { beginning, inner, absorbedBytes, outer: midstate.outer, start, end: start + endingLength };
}

/**
 * Bytes in which the last condition of the token in `text`, which begins with `opening`, ends from its `start` to its `end`, where the signature holds;
 * `undefined` for any other text. They are overwritten when the next text is read by anyone.
 */
export function endingOf(text: string, { beginning, inner, absorbedBytes, outer, end }: Opening): Uint8Array | undefined {
  const length = readPayloadAfter(text, beginning);
  if (length !== end + betweenBytes + signatureBytes || payloadView.getInt32(end) !== betweenWord) return undefined;
  hmacFromStateAt(inner, blockBytes + absorbedBytes, outer, payloadView, 0, end, chain);
  return isStateAt(chain, payloadView, end + betweenBytes) ? payload : undefined;
}
