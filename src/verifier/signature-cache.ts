/**
 * Signatures that were verified, so that a token which is shown again costs a comparison and no hashing. Only "the signature held" is
 * remembered, and what the token says: revocation, expiry and caveats are looked at every time.
 *
 * Found by a number made of the last characters of its signature; the text as a whole is compared afterwards. A token is
 * admitted when it is seen for the second time: of one that comes once nothing is kept, and so nothing is copied out of the young heap. Nobody
 * gets in whose signature did not hold, and who has a genuine token can make as many of it as he likes, but pays two requests for each
 * that he gets in; an honest token that is used while a generation fills stays, and one that was pushed out costs its hashing, no more. What the time of an
 * answer tells is whether this very text was verified here before, to somebody who has the text already. An entry counts for the very key object it was
 * verified under, so that those of a key which was dropped or replaced count for nothing; they hold that key until others push them out. Entries hold live
 * tokens: the cache never leaves the process.
 */
import type { ReadCondition } from '../caveats/clear-caveats.js';
import type { IdentifierFacts } from '../core/index.js';
import type { Binding } from './binding.js';
import type { ConditionList } from './condition-list.js';
import { Generations } from './generations.js';
import type { Prefix } from './prefix-cache.js';
import type { AudienceKey, RevocationSubject, VerifiedMacaroon } from './result.js';
import { Sightings } from './sightings.js';

/** Where the characters that tell tokens apart begin and end, counted from the end of the text: six of the signature, 32 bits or more, before dot and checksum. */
const tail = { start: 13, end: 7 } as const;
/** Characters of all texts that are remembered, where they may be ten thousand. */
const lengthOfTenThousand = 8 * 1024 * 1024;

/** A token whose signature held under an audience key. Whether it may be used is not decided yet. */
export interface GenuineToken {
  readonly facts: IdentifierFacts;
  /** First-party conditions, read but still to be cleared. */
  readonly list: ConditionList;
  /** One more behind them, which claims to be a seal: it comes once, so no list holds it. */
  readonly seal: ReadCondition | undefined;
  /** What all of them ask of the request beyond the usual; absent for a bearer token. */
  readonly binding: Binding | undefined;
  /** Whether all are of types of this project, which change nothing of what they are shown. */
  readonly isStandard: boolean;
  /** What revocation looks at, for all tokens that begin alike; frozen. Absent where nothing of the token is remembered. */
  readonly subject: RevocationSubject | undefined;
  /** What it was found to begin with. */
  readonly prefix: Prefix | undefined;
  /** What a verification answers that denies nothing: the same each time. Made by the first. */
  verified: VerifiedMacaroon | undefined;
}

/** A text that is remembered: the token in it, and the key that its signature held under. */
export interface RememberedToken {
  readonly text: string;
  readonly token: GenuineToken;
  readonly entry: AudienceKey;
}

export class SignatureCache<Remembered extends RememberedToken = RememberedToken> {
  readonly #entries: Generations<Remembered>;
  readonly #sightings: Sightings;

  /** For `maxCount` texts at most, and the characters that are the share of so many. */
  constructor(maxCount: number) {
    this.#entries = new Generations(maxCount, (maxCount / 10_000) * lengthOfTenThousand, ({ text }) => text.length);
    this.#sightings = new Sightings(maxCount);
  }

  /** What `text`, whose `textNumber` is `number`, was found to be, and under which key; it counts only while that key object is still the one in force. */
  get(number: number, text: string): Remembered | undefined {
    const remembered = this.#entries.get(number);
    return remembered !== undefined && remembered.text === text ? remembered : undefined;
  }

  /** Whether the text of `number` was asked about before, of late: only then is it worth to be remembered. Call it when its signature held. */
  wasSeen(number: number): boolean {
    return this.#sightings.see(number, 0) !== 'none';
  }

  /** Remembers a text that is genuine, whose `textNumber` is `number`. */
  set(number: number, remembered: Remembered): void {
    this.#entries.set(number, remembered);
  }

  clear(): void {
    this.#entries.clear();
  }
}

/** What tells `text` from nearly all others: FNV-1a, 32 bits, of the last characters of its signature. To hash them as a text of their own costs the engine several times as much. */
export function textNumber(text: string): number {
  let hash = 0x811c9dc5;
  const end = text.length - tail.end;
  for (let i = Math.max(0, text.length - tail.start); i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
