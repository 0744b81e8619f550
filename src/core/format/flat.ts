/**
 * The form in which tokens come by far the most often, a text with prefix that holds one macaroon with first-party caveats, read by offsets and without
 * allocating. It is the same strict V2 as `v2.ts` reads, and accepts nothing else; what it does not take, `decode` reads, or says why nobody can.
 */
import { limits } from '../limits.js';
import { payload, payloadReads, payloadView, readPayload } from './text.js';

/** Where the parts of a token stand in `bytes`. */
export interface FlatToken {
  readonly bytes: Uint8Array;
  /** Of the same bytes and some more, so that it can be hashed. */
  readonly view: DataView;
  readonly identifierStart: number;
  readonly identifierEnd: number;
  readonly caveatCount: number;
  /** Starts and ends of the conditions, by caveat. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly signatureStart: number;
}

type Writable<Type> = { -readonly [Name in keyof Type]: Type[Name] };

/** The one there is: valid until the next text is read. */
const flat: Writable<FlatToken> = {
  bytes: payload,
  view: payloadView,
  identifierStart: 0,
  identifierEnd: 0,
  caveatCount: 0,
  starts: new Int32Array(limits.maxCaveats),
  ends: new Int32Array(limits.maxCaveats),
  signatureStart: 0,
};

const version = 2;
const field = { end: 0, location: 1, identifier: 2, signature: 6 } as const;
const signatureBytes = 32;

let dataStart = 0;
let dataEnd = 0;

/** How many texts were read so far. Ask before and after anything is called that may read one: where it differs, a flat token is another by now. */
export function textsRead(): number {
  return payloadReads;
}

/**
 * The token in `text` when it is in the usual form; `undefined` for every other text, good or bad. The answer is overwritten when the next text is read
 * by anyone, so it must be used at once.
 */
export function readFlat(text: string): FlatToken | undefined {
  if (text.length > limits.maxTextLength) return undefined;
  const length = readPayload(text);
  if (length < 1 || payload[0] !== version) return undefined;
  let at = 1;
  if (payload[at] === field.location) {
    at = readField(field.location, at, length, limits.maxLocationBytes);
    if (at < 0 || !isAscii(dataStart, dataEnd)) return undefined;
  }
  at = readField(field.identifier, at, length, limits.maxIdentifierBytes);
  if (at < 0 || at >= length || payload[at++] !== field.end) return undefined;
  flat.identifierStart = dataStart;
  flat.identifierEnd = dataEnd;
  let count = 0;
  while (at < length && payload[at] !== field.end) {
    if (count === limits.maxCaveats) return undefined;
    at = readField(field.identifier, at, length, limits.maxConditionBytes);
    if (at < 0 || at >= length || payload[at++] !== field.end) return undefined;
    flat.starts[count] = dataStart;
    flat.ends[count++] = dataEnd;
  }
  flat.caveatCount = count;
  at = readField(field.signature, at + 1, length, signatureBytes);
  if (at !== length || dataEnd - dataStart !== signatureBytes) return undefined;
  flat.signatureStart = dataStart;
  return flat;
}

/** Reads the field of `type` at `at`, 1 to `limit` bytes, into `dataStart` and `dataEnd`; gives where it ends, or -1. */
function readField(type: number, at: number, end: number, limit: number): number {
  if (at + 2 > end || payload[at] !== type) return -1;
  let length = payload[at + 1] as number;
  let start = at + 2;
  if (length > 0x7f) {
    // Two bytes hold more than any limit; zero in the second would not be the shortest spelling.
    if (start >= end) return -1;
    const high = payload[start++] as number;
    if (high === 0 || high > 0x7f) return -1;
    length = (length & 0x7f) | (high << 7);
  }
  if (length === 0 || length > limit || start + length > end) return -1;
  dataStart = start;
  dataEnd = start + length;
  return dataEnd;
}

function isAscii(start: number, end: number): boolean {
  for (let i = start; i < end; i++) if ((payload[i] as number) > 0x7f) return false;
  return true;
}
