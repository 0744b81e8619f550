/**
 * Beginnings of tokens whose chain was verified, so that a descendant costs the hashing of what its holder added. Who seals each request, or gives every
 * helper a narrower token, shows a new text each time, which no cache of texts knows, with an old beginning.
 *
 * A beginning is found by the id of the token and its number of caveats; then the key object, the length of the identifier, and every byte up to there are
 * compared: what the chain depends on, no less. (The length too: without it, caveats could be moved into a longer identifier.) It is admitted when a second
 * text continues it, or when a token that is that beginning is remembered as a whole; `signature-cache.ts` says why that is safe, what a stranger can make
 * of it, and that entries are live tokens. Nothing but "the chain comes to this" is taken from it: the signature itself is always compared.
 *
 * Of what a second text continued, the text is remembered too: of one that begins so, only the end is summed up and decoded.
 */
import {
  beginsWith,
  type ChainPosition,
  type FlatToken,
  type IdentifierFacts,
  type MacaroonKey,
  type Opening,
  openingOf,
  readUint32,
  tokenIdStart,
} from '../core/index.js';
import type { ConditionList } from './condition-list.js';
import { Generations } from './generations.js';
import type { RevocationSubject } from './result.js';
import { type Sighting, Sightings } from './sightings.js';

/** What all beginnings that are remembered weigh in bytes, where they may be ten thousand; their texts as much again. */
const weightOfTenThousand = 32 * 1024 * 1024;
/** What is kept of a caveat that was read weighs so much, however short it is: its holder writes dozens of them in a few bytes each. */
const caveatBytes = 512;
/** So many texts in a row of its number must begin otherwise before one whose beginning was known all along takes its place. */
const maxMissedCount = 16;

/** A beginning of a token: its identifier and its first caveats. */
export interface Prefix extends ChainPosition {
  readonly facts: IdentifierFacts;
  /** What revocation looks at; frozen. */
  readonly subject: RevocationSubject;
  /** Its conditions, as a longer token begins with them that is sealed or not; read for the first of each. */
  readonly lists: { sealed: ConditionList | undefined; open: ConditionList | undefined };
  /** What the nonces of requests that are sealed with such tokens are kept under; made for the first. */
  sealScope: string | undefined;
}

/** What is remembered of a token whose signature held. */
type PrefixParts = Pick<Prefix, 'facts' | 'subject' | 'chain'>;

/** Characters of a text without location, in all of which the last eight bytes of a token id stand, which are random. */
const idCharacters = { start: 51, end: 60 } as const;

export interface Entry {
  readonly prefix: Prefix;
  readonly key: MacaroonKey;
  readonly identifierLength: number;
  /** From the identifier to the end of the last caveat, in words: they are compared four bytes at a time. */
  readonly words: Int32Array;
  readonly length: number;
}

/** A beginning of texts, which holds all of a beginning of a token but for two bytes at the most. */
export interface KnownText {
  readonly opening: Opening;
  readonly entry: Entry;
  /** Texts of its number that began otherwise since the last that began so. */
  missedCount: number;
}

export class PrefixCache {
  readonly #entries: Generations<Entry>;
  readonly #texts: Generations<KnownText>;
  readonly #sightings: Sightings;

  /** For `maxCount` beginnings at most, and as many of texts, and the bytes that are the share of so many. */
  constructor(maxCount: number) {
    const maxWeight = (maxCount / 10_000) * weightOfTenThousand;
    this.#entries = new Generations(maxCount, maxWeight, weightOfEntry);
    this.#texts = new Generations(maxCount, maxWeight, weightOfText);
    this.#sightings = new Sightings(maxCount);
  }

  /** What `text` begins with, where that is known. */
  ofText(text: string): KnownText | undefined {
    if (this.#texts.isEmpty) return undefined;
    const known = this.#texts.get(beginningNumber(text));
    if (known === undefined) return undefined;
    if (beginsWith(text, known.opening.beginning)) {
      known.missedCount = 0;
      return known;
    }
    known.missedCount++;
    return undefined;
  }

  /** The longest beginning of `token`, short of all of it, that is known under `key`. `text`: what its text was found to begin with. */
  longest(token: FlatToken, key: MacaroonKey, text: KnownText | undefined): Prefix | undefined {
    if (this.#entries.isEmpty) return undefined;
    const last = token.caveatCount - 1;
    if (text?.entry.key === key && isPrefix(text.entry, token, last, text.opening.beginning.bytes.length))
      return text.entry.prefix;
    const id = idOf(token);
    for (let count = last; count >= 0; count--) {
      const entry = this.#entries.get(numberOf(id, count));
      if (entry !== undefined && entry.key === key && isPrefix(entry, token, count, 0)) return entry.prefix;
    }
    return undefined;
  }

  /** How the first `count` caveats of `token` were seen before, of late: in another text, or in the same, whose `textNumber` is `number`. Call it when the signature held. */
  see(token: FlatToken, count: number, number: number): Sighting {
    return this.#sightings.see(numberOf(idOf(token), count), number);
  }

  /** Remembers that under `key` the chain of `token`, whose signature held and which states `facts`, comes to `chain` (kept as it is) after its first `count` caveats. */
  set(token: FlatToken, count: number, key: MacaroonKey, { facts, subject, chain }: PrefixParts): Entry {
    const { view, identifierStart, identifierEnd } = token;
    const length = endOf(token, count) - identifierStart;
    const words = new Int32Array(Math.ceil(length / 4));
    for (let i = 0; i < words.length; i++) words[i] = wordAt(view, identifierStart, length, i);
    const lists = { sealed: undefined, open: undefined };
    const prefix: Prefix = {
      facts,
      subject,
      caveatCount: count,
      chain,
      midstate: undefined,
      firstBlock: undefined,
      lists,
      sealScope: undefined,
    };
    const entry = { prefix, key, identifierLength: identifierEnd - identifierStart, words, length };
    this.#entries.set(numberOf(idOf(token), count), entry);
    return entry;
  }

  /** Remembers how `text`, that of `token`, begins, as far as `entry` was made of it. */
  setText(text: string, token: FlatToken, entry: Entry): void {
    const opening = openingOf(text, token.identifierStart + entry.length);
    this.#texts.set(beginningNumber(text), { opening, entry, missedCount: 0 });
  }

  /** Does it again for a `text` that is not known to begin so, though `known` is what its `token` begins with: others pushed that out, and no longer come. */
  setTextAgain(text: string, token: FlatToken, known: Prefix): void {
    const other = this.#texts.get(beginningNumber(text));
    if (other !== undefined && other.missedCount < maxMissedCount) return;
    const entry = this.#entries.get(numberOf(idOf(token), known.caveatCount));
    if (entry?.prefix === known) this.setText(text, token, entry);
  }

  clear(): void {
    this.#entries.clear();
    this.#texts.clear();
  }
}

function weightOfEntry({ length, prefix }: Entry): number {
  return length + prefix.caveatCount * caveatBytes;
}

/** With its beginning, which it may outlive. */
function weightOfText({ opening: { beginning }, entry }: KnownText): number {
  return beginning.text.length + beginning.bytes.length + weightOfEntry(entry);
}

/** Whether `token` begins with `entry`, which is its first `count` caveats then. Its first `same` bytes are known to be the same. */
function isPrefix({ prefix, identifierLength, words, length }: Entry, token: FlatToken, count: number, same: number): boolean {
  const { view, identifierStart, identifierEnd } = token;
  if (prefix.caveatCount !== count || identifierLength !== identifierEnd - identifierStart) return false;
  if (length !== endOf(token, count) - identifierStart) return false;
  const first = Math.max(0, same - identifierStart) >>> 2;
  for (let i = first; i < words.length; i++) if (words[i] !== wordAt(view, identifierStart, length, i)) return false;
  return true;
}

/** Four bytes, those from `start + i * 4` on in `view`, of which zeros stand for what is beyond `length` from `start` on. */
function wordAt(view: DataView, start: number, length: number, i: number): number {
  const left = length - i * 4;
  const word = view.getInt32(start + i * 4);
  return left >= 4 ? word : word & (-1 << (32 - left * 8));
}

/** Where the first `count` caveats of `token` end. */
function endOf({ identifierEnd, ends }: FlatToken, count: number): number {
  return count === 0 ? identifierEnd : (ends[count - 1] as number);
}

/** A number of the id of `token`: its last eight bytes, which are random. */
function idOf({ bytes, identifierStart }: FlatToken): number {
  const at = identifierStart + tokenIdStart + 8;
  return readUint32(bytes, at) ^ readUint32(bytes, at + 4);
}

/** A number of characters of `text` that the id of its token mostly stands in. */
function beginningNumber(text: string): number {
  let number = 0;
  for (let i = idCharacters.start; i < idCharacters.end; i++) number = Math.imul(number ^ text.charCodeAt(i), 0x01000193);
  return number;
}

function numberOf(id: number, count: number): number {
  return Math.imul(id + count, 0x9e3779b1);
}
