/**
 * A Bloom filter of token ids: tells most ids that are not among some from those that may be, at the cost of a few bits, where a table of a million ids is
 * looked up in main memory. Nobody chooses a token id but the issuer, whose last characters are random, so they alone are hashed.
 */

const probes = 4;
const hashedCharacters = 12;
/** So many bits for each id leave one in five hundred others to be looked up in vain. */
const bitsOfId = 16;

export class IdFilter {
  readonly #bits: Int32Array;

  /** `capacity`: how many ids it is made for. Of more, more are looked up in vain. */
  constructor(capacity: number) {
    let words = 1;
    while (words * 32 < capacity * bitsOfId) words *= 2;
    this.#bits = new Int32Array(words);
  }

  /** How many ids it is made for, as many as were asked for or more. */
  get capacity(): number {
    return (this.#bits.length * 32) / bitsOfId;
  }

  add(id: string): void {
    let at = hashOf(id);
    const step = stepOf(at);
    for (let i = 0; i < probes; i++, at += step) {
      const word = (at >>> 5) & (this.#bits.length - 1);
      this.#bits[word] = (this.#bits[word] as number) | (1 << (at & 31));
    }
  }

  /** Whether `id` may have been added; surely not where the answer is `false`. */
  mayHold(id: string): boolean {
    let at = hashOf(id);
    const step = stepOf(at);
    for (let i = 0; i < probes; i++, at += step) {
      if (((this.#bits[(at >>> 5) & (this.#bits.length - 1)] as number) & (1 << (at & 31))) === 0) return false;
    }
    return true;
  }
}

/** FNV-1a, 32 bits, mixed once more so that low bits depend on all. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = Math.max(0, id.length - hashedCharacters); i < id.length; i++) {
    hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}

function stepOf(hash: number): number {
  return Math.imul(hash ^ (hash >>> 16), 0x45d9f3b) | 1;
}
