/**
 * Tokens as they come by far the most often, a text with prefix, read by offsets and without allocating: the macaroon and its discharges. It is the same
 * strict V2 as `v2.ts` reads, and accepts nothing else; what it does not take, `decode` reads, or says why nobody can.
 */
import { limits } from '../limits.js';
import {
  payloadReads,
  payloadView,
  readPayload,
  readPayloadAfter,
  payload as sharedPayload,
  type TextBeginning,
} from './text.js';

/** What is imported, the engine looks up and checks at each use. */
const payload = sharedPayload;
const { maxCaveats, maxConditionBytes, maxDischarges, maxIdentifierBytes, maxLocationBytes, maxTextLength } = limits;

/** Where the parts of one macaroon stand. Its caveats are those of the token from `firstCaveat` on. */
export interface FlatMacaroon {
  readonly identifierStart: number;
  readonly identifierEnd: number;
  readonly firstCaveat: number;
  readonly caveatCount: number;
  readonly signatureStart: number;
}

/** Where the parts of a token stand in `bytes`: those of its root macaroon, whose first caveat is 0, and those of its discharges. */
export interface FlatToken extends FlatMacaroon {
  readonly bytes: Uint8Array;
  /** Of the same bytes and some more, so that it can be hashed. */
  readonly view: DataView;
  /** Starts and ends of the conditions, by caveat; of a third-party caveat, those of its identifier. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Starts and ends of verification ids, by caveat; 0 where a caveat has none: it is a first-party one then. */
  readonly verificationIdStarts: Int32Array;
  readonly verificationIdEnds: Int32Array;
  /** Whether it is one macaroon with first-party caveats alone. */
  readonly isPlain: boolean;
  readonly dischargeCount: number;
  /** The first `dischargeCount` count. */
  readonly discharges: readonly FlatMacaroon[];
}

type Writable<Type> = { -readonly [Name in keyof Type]: Type[Name] };

function newMacaroon(): Writable<FlatMacaroon> {
  return { identifierStart: 0, identifierEnd: 0, firstCaveat: 0, caveatCount: 0, signatureStart: 0 };
}

const maxTokenCaveats = maxCaveats * (1 + maxDischarges);
const discharges = Array.from({ length: maxDischarges }, newMacaroon);
/** The one there is: valid until the next text is read. */
const flat: Writable<FlatToken> = {
  ...newMacaroon(),
  bytes: payload,
  view: payloadView,
  starts: new Int32Array(maxTokenCaveats),
  ends: new Int32Array(maxTokenCaveats),
  verificationIdStarts: new Int32Array(maxTokenCaveats),
  verificationIdEnds: new Int32Array(maxTokenCaveats),
  isPlain: true,
  dischargeCount: 0,
  discharges,
};

const version = 2;
const field = { end: 0, location: 1, identifier: 2, verificationId: 4, signature: 6 } as const;
const signatureBytes = 32;

let dataStart = 0;
let dataEnd = 0;

/** How many texts were read so far. Ask before and after anything is called that may read one: where it differs, a flat token is another by now. */
export function textsRead(): number {
  return payloadReads;
}

/**
 * The token in `text` when it is in the usual form; `undefined` for every other text, good or bad. The answer is overwritten when the next text is read
 * by anyone, so it must be used at once. `beginning`: what `text` begins with, where that is known.
 */
export function readFlat(text: string, beginning?: TextBeginning): FlatToken | undefined {
  if (text.length > maxTextLength) return undefined;
  const length = beginning === undefined ? readPayload(text) : readPayloadAfter(text, beginning);
  if (length < 1) return undefined;
  flat.isPlain = true;
  let at = readMacaroon(flat, 0, 0, length);
  let count = 0;
  let caveats = flat.caveatCount;
  while (at > 0 && at < length) {
    const discharge = discharges[count++];
    if (discharge === undefined) return undefined;
    at = readMacaroon(discharge, at, caveats, length);
    caveats += discharge.caveatCount;
  }
  flat.dischargeCount = count;
  flat.isPlain &&= count === 0;
  return at < 0 ? undefined : flat;
}

/** Reads the macaroon at `start`, whose caveats are `firstCaveat` and those behind it; gives where it ends, or -1. */
function readMacaroon(macaroon: Writable<FlatMacaroon>, start: number, firstCaveat: number, end: number): number {
  if (payload[start] !== version) return -1;
  let at = readLocation(start + 1, end);
  at = readField(field.identifier, at, end, maxIdentifierBytes);
  if (at < 0 || at >= end || payload[at++] !== field.end) return -1;
  macaroon.identifierStart = dataStart;
  macaroon.identifierEnd = dataEnd;
  const endCaveat = firstCaveat + maxCaveats;
  let caveat = firstCaveat;
  while (at < end && payload[at] !== field.end) {
    if (caveat === endCaveat) return -1;
    at = readCaveat(caveat++, at, end);
    if (at < 0 || at >= end || payload[at++] !== field.end) return -1;
  }
  macaroon.firstCaveat = firstCaveat;
  macaroon.caveatCount = caveat - firstCaveat;
  at = readField(field.signature, at + 1, end, signatureBytes);
  if (dataEnd - dataStart !== signatureBytes) return -1;
  macaroon.signatureStart = dataStart;
  return at;
}

/** Reads the caveat at `start`, up to what ends it; gives where that is, or -1. */
function readCaveat(caveat: number, start: number, end: number): number {
  const identifierAt = readLocation(start, end);
  let at = readField(field.identifier, identifierAt, end, maxConditionBytes);
  if (at < 0) return -1;
  flat.starts[caveat] = dataStart;
  flat.ends[caveat] = dataEnd;
  flat.verificationIdStarts[caveat] = 0;
  if (at < end && payload[at] === field.verificationId) {
    at = readField(field.verificationId, at, end, maxConditionBytes);
    flat.verificationIdStarts[caveat] = dataStart;
    flat.verificationIdEnds[caveat] = dataEnd;
    flat.isPlain = false;
    return at;
  }
  // Third parties alone have a location.
  return identifierAt === start ? at : -1;
}

/** Passes over the location at `start`, if there is one; gives where it ends, or -1. */
function readLocation(start: number, end: number): number {
  if (start >= end || payload[start] !== field.location) return start;
  const at = readField(field.location, start, end, maxLocationBytes);
  return at >= 0 && isAscii(dataStart, dataEnd) ? at : -1;
}

/** Reads the field of `type` at `at`, 1 to `limit` bytes, into `dataStart` and `dataEnd`; gives where it ends, or -1, also where `at` is that. */
function readField(type: number, at: number, end: number, limit: number): number {
  if (at < 0 || at + 2 > end || payload[at] !== type) return -1;
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
