/**
 * How texts go on that are known to begin alike (`prefix-cache.ts`) and are sealed to one request again and again, as those of a client that polls are: all of
 * the seal but for its time of sending, its nonce, and the signature, which alone are read and hashed then.
 *
 * Found by the length of the text and some characters of it, where target and digest mostly stand; then all characters up to there are compared, and the
 * signature is. Admitted when a second text goes on so. What else is true of beginnings is true of these.
 */
import { type ReadCondition, sealedBy } from '../caveats/clear-caveats.js';
import {
  readSealAfter,
  readSealHead,
  request,
  type SealHead,
  type SealReading,
  sealEndingLength,
} from '../caveats/types/request.js';
import { endingOf, type FlatToken, goesOnWith, type Opening, openingOf } from '../core/index.js';
import { Generations } from './generations.js';
import { type KnownText, weightOfText } from './prefix-cache.js';
import type { AudienceKey } from './result.js';
import { Sightings } from './sightings.js';

/** What all seals that are remembered weigh in bytes, where they may be ten thousand. */
const weightOfTenThousand = 32 * 1024 * 1024;
/** What one weighs beside its text and what it comes after, which it holds. */
const baseBytes = 256;
/** So many texts in a row of its number must go on otherwise before another with the same beginning takes the place of one. */
const maxMissedCount = 16;
/** Characters in which, counted from the end of a text, the end of the target mostly stands, and some of the digest. */
const targetCharacters = { start: 206, end: 194 } as const;
const digestCharacters = { start: 150, end: 142 } as const;

/** A seal up to its time of sending, on tokens that begin alike. */
interface KnownSeal {
  readonly text: KnownText;
  readonly opening: Opening;
  readonly head: SealHead;
  /** The signature held under its key, which is the one that the beginning is known under. */
  readonly entry: AudienceKey;
  /** Texts of its number that went on otherwise, genuine or not, since the last that went on so. */
  missedCount: number;
}

export class SealCache {
  readonly #seals: Generations<KnownSeal>;
  readonly #sightings: Sightings;

  /** For `maxCount` seals at most, and the bytes that are the share of so many. */
  constructor(maxCount: number) {
    this.#seals = new Generations(maxCount, (maxCount / 10_000) * weightOfTenThousand, weightOfSeal);
    this.#sightings = new Sightings(maxCount);
  }

  /** How `text`, which begins as `known`, goes on, where that is known. */
  after(text: string, known: KnownText): KnownSeal | undefined {
    if (!known.hasSeals) return undefined;
    const seal = this.#seals.get(numberOf(text, known));
    if (seal === undefined) return undefined;
    if (seal.text === known && goesOnWith(text, seal.opening.beginning)) {
      seal.missedCount = 0;
      return seal;
    }
    seal.missedCount++;
    return undefined;
  }

  /**
   * Remembers how `text` goes on, which is that of `token`, begins as `known`, with all but its last condition, and ends in that seal, if another of its
   * number was seen of late. Its signature held under the key of `entry`, which its beginning is known under.
   */
  see(text: string, known: KnownText, token: FlatToken, { reading }: ReadCondition, entry: AudienceKey): void {
    const { midstate, caveatCount } = known.entry.prefix;
    const number = numberOf(text, known);
    if (midstate === undefined || this.#sightings.see(number, 0) === 'none') return;
    const other = this.#seals.get(number);
    if (other?.text === known && other.missedCount < maxMissedCount) return;
    const start = token.starts[caveatCount] as number;
    const endingLength = sealEndingLength((reading as SealReading).value);
    const end = (token.ends[caveatCount] as number) - endingLength;
    const head = readSealHead(token.bytes, start, end, start + request.name.length + 1);
    if (head === undefined) return;
    const { beginning } = known;
    const opening = openingOf(text, beginning.text.length, token, midstate, endingLength);
    this.#seals.set(number, { text: known, opening, head, entry, missedCount: 0 });
    known.hasSeals = true;
  }

  clear(): void {
    this.#seals.clear();
  }
}

function weightOfSeal({ opening, text }: KnownSeal): number {
  return opening.beginning.text.length + weightOfText(text) + baseBytes;
}

/** The seal of the token in `text`, which goes on as `known`, where its signature holds; `undefined` for any other text. */
export function sealAfter(text: string, { opening, head, text: { entry } }: KnownSeal): ReadCondition | undefined {
  const ending = endingOf(text, opening);
  const reading = ending && readSealAfter(head, ending, opening.start, opening.end);
  return reading && sealedBy(reading, entry.prefix.caveatCount);
}

function numberOf(text: string, known: KnownText): number {
  const { length } = text;
  const target = sumOf(known.number ^ length, text, length - targetCharacters.start, length - targetCharacters.end);
  return sumOf(target, text, length - digestCharacters.start, length - digestCharacters.end);
}

function sumOf(number: number, text: string, start: number, end: number): number {
  let sum = number;
  for (let i = start; i < end; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  return sum;
}
