/**
 * Signatures that were verified, so that a token which is shown again costs a comparison and no hashing. Only "the signature held" is
 * remembered, and what the token says: revocation, expiry and caveats are looked at every time.
 *
 * Found by the last characters of the text, which hold its signature: hashing those is cheap for the engine, and the text as a whole is
 * compared afterwards. An entry counts for the very key object it was verified under, so that a key which was dropped or replaced takes
 * its entries with it. Entries hold live tokens: the cache never leaves the process.
 */
import type { ReadCondition } from '../caveats/clear-caveats.js';
import type { IdentifierFacts, MacaroonKey } from '../core/index.js';
import type { Binding } from './binding.js';

/** 22 characters of payload, the dot, 6 of checksum: what a token with prefix ends in. */
const tailLength = 29;
/** Tokens in one of the two generations. */
const defaultGenerationSize = 5000;
/** Characters of the texts in one of the two generations, whatever their number. */
const maxGenerationLength = 4 * 1024 * 1024;

/** A token whose signature held under an audience key. Whether it may be used is not decided yet. */
export interface GenuineToken {
  readonly facts: IdentifierFacts;
  /** First-party conditions, read but still to be cleared, root macaroon first. */
  readonly conditions: readonly ReadCondition[];
  /** What it asks of the request beyond the usual; absent for a bearer token. */
  readonly binding?: Binding | undefined;
}

interface Entry {
  readonly text: string;
  readonly key: MacaroonKey;
  readonly token: GenuineToken;
}

/** A cache of two generations: when the young one is full it becomes the old one, and what the old one held is forgotten unless used. */
export class SignatureCache {
  readonly #generationSize: number;
  #young = new Map<string, Entry>();
  #youngLength = 0;
  #old = new Map<string, Entry>();

  constructor(generationSize = defaultGenerationSize) {
    this.#generationSize = generationSize;
  }

  /** What `text` was found to be, and under which key; it counts only while that key object is still the one in force. */
  get(text: string): Entry | undefined {
    const tail = text.slice(-tailLength);
    const young = this.#young.get(tail);
    const entry = young ?? this.#old.get(tail);
    if (entry === undefined || entry.text !== text) return undefined;
    if (young === undefined) this.#store(tail, entry);
    return entry;
  }

  /** Remembers that `text` is genuine under `key`. */
  set(text: string, key: MacaroonKey, token: GenuineToken): void {
    this.#store(text.slice(-tailLength), { text, key, token });
  }

  clear(): void {
    this.#young = new Map();
    this.#youngLength = 0;
    this.#old = new Map();
  }

  #store(tail: string, entry: Entry): void {
    if (this.#young.size >= this.#generationSize || this.#youngLength + entry.text.length > maxGenerationLength) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngLength = 0;
    }
    this.#young.set(tail, entry);
    this.#youngLength += entry.text.length;
  }
}
