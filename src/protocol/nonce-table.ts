/**
 * A set of nonces in rows of 64 bytes, for the replay store in memory. A `Set` of texts takes as long for each as five hashed blocks: texts that are kept are
 * copied out of the young heap, and all of them are hashed anew whenever the set grows. Of rows the engine knows nothing.
 *
 * Rows of one number hang together, and in another chain those that expire together, so that finding, adding and dropping one takes a step or two. The numbers
 * are mixed with random ones: whoever makes nonces could else make all of his hang together. Knows no time, and of scopes their numbers only.
 */
import { encodeUtf8, sha256, writeAscii } from '../core/index.js';

/** A row holds so many words of a nonce, then what these columns say. */
const nonceWords = 11;
const column = { kind: 11, scope: 12, number: 13, nextAlike: 14, nextTogether: 15 } as const;
const rowWords = 16;
/** `kind` of a nonce that is kept as its SHA-256; that of one which is kept as it is tells its length. */
const hashed = -1;
/**
 * The head of a chain is its first row in the low bits, and above them what the number of that row begins with, if the chain is that row alone: most chains
 * are looked at in vain, and then no row is read, which is mostly out of the processor's caches. There are rows for more nonces than a store may hold
 * (replay-bounds.ts).
 */
const rowBits = 27;
const rowMask = (1 << rowBits) - 1;
/** Of a chain of several rows, and of one whose number is not at hand. No row alone has it, nor 0, which is no chain at all. */
const severalTag = 1;
/** Rows come in chunks, so that none is copied when there are more. */
const chunkBits = 12;
const chunkRows = 1 << chunkBits;

/** The nonce that `has` was asked about last, as a row would hold it. Not reentrant, which synchronous code cannot notice. */
const askedBytes = new Uint8Array(nonceWords * 4);
const asked = new Int32Array(askedBytes.buffer);
let askedKind = 0;
let askedScope = 0;
let askedNumber = 0;

export class NonceTable {
  readonly #start = randomWord();
  readonly #factor = randomWord() | 1;
  #chunks: Int32Array[] = [];
  /** The head of each chain of rows whose numbers end alike; 0 for none, so that row 0 is not used. A power of two. */
  #heads = new Int32Array(chunkRows);
  #usedRows = 1;
  /** The first of those that were dropped, in a chain. */
  #free = 0;

  /** Whether `nonce` is there in the scope of the number `scope`. Throws `ERR_FORMAT_UTF8` for a lone surrogate. */
  has(scope: number, nonce: string): boolean {
    this.#ask(scope, nonce);
    const heads = this.#heads;
    const head = heads[askedNumber & (heads.length - 1)] as number;
    const tag = head >>> rowBits;
    if (tag !== severalTag && tag !== tagOf(askedNumber)) return false;
    let row = head & rowMask;
    while (row !== 0) {
      const chunk = this.#chunks[row >>> chunkBits] as Int32Array;
      const at = startOf(row);
      if (chunk[at + column.number] === askedNumber && isAsked(chunk, at)) return true;
      row = chunk[at + column.nextAlike] as number;
    }
    return false;
  }

  /** Adds the nonce that `has` was asked about last and did not find. Gives its row: `nextTogether` is the last one that expires when it does, 0 for none. */
  add(nextTogether: number): number {
    const row = this.#newRow();
    const chunk = this.#chunks[row >>> chunkBits] as Int32Array;
    const at = startOf(row);
    for (let i = 0; i < nonceWords; i++) chunk[at + i] = asked[i] as number;
    chunk[at + column.kind] = askedKind;
    chunk[at + column.scope] = askedScope;
    chunk[at + column.number] = askedNumber;
    chunk[at + column.nextTogether] = nextTogether;
    this.#hang(row);
    return row;
  }

  /** The number of the scope of `row`. */
  scopeOf(row: number): number {
    return (this.#chunks[row >>> chunkBits] as Int32Array)[startOf(row) + column.scope] as number;
  }

  /** Drops `row` and gives the one before it of those that expire together, 0 for none. */
  drop(row: number): number {
    const chunk = this.#chunks[row >>> chunkBits] as Int32Array;
    const at = startOf(row);
    const next = chunk[at + column.nextAlike] as number;
    const head = (chunk[at + column.number] as number) & (this.#heads.length - 1);
    const first = (this.#heads[head] as number) & rowMask;
    if (first === row) this.#heads[head] = next === 0 ? 0 : next | (severalTag << rowBits);
    else this.#setNext(this.#before(row, first), next);
    chunk[at + column.nextAlike] = this.#free;
    this.#free = row;
    return chunk[at + column.nextTogether] as number;
  }

  /** Drops all rows, and their memory. */
  clear(): void {
    this.#chunks = [];
    this.#heads = new Int32Array(chunkRows);
    this.#usedRows = 1;
    this.#free = 0;
  }

  /** A nonce is kept as it is where it is short and ASCII, as nearly all are. */
  #ask(scope: number, nonce: string): void {
    clearAsked();
    askedKind = nonce.length <= askedBytes.length && writeAscii(nonce, askedBytes) ? nonce.length : hashed;
    if (askedKind === hashed) {
      clearAsked();
      askedBytes.set(sha256(encodeUtf8(nonce)));
    }
    askedScope = scope;
    const factor = this.#factor;
    let even = mixed(this.#start ^ askedKind, scope, factor);
    let odd = factor;
    // Two at a time, as each step waits for the one before it.
    for (let i = 0; i + 1 < nonceWords; i += 2) {
      even = mixed(even, asked[i] as number, factor);
      odd = mixed(odd, asked[i + 1] as number, factor);
    }
    askedNumber = mixed(mixed(even, asked[nonceWords - 1] as number, factor), odd, factor);
  }

  #newRow(): number {
    const row = this.#free;
    if (row !== 0) {
      this.#free = (this.#chunks[row >>> chunkBits] as Int32Array)[startOf(row) + column.nextAlike] as number;
      return row;
    }
    if (this.#usedRows === this.#heads.length) this.#hangAnew();
    if (this.#usedRows >>> chunkBits === this.#chunks.length || this.#chunks.length === 0)
      this.#chunks.push(new Int32Array(chunkRows * rowWords));
    return this.#usedRows++;
  }

  /** Hangs all rows, none of which is free, on four times as many chains: with twice as many, each would be hung thrice as often. */
  #hangAnew(): void {
    this.#heads = new Int32Array(this.#heads.length * 4);
    for (let row = 1; row < this.#usedRows; row++) this.#hang(row);
  }

  #hang(row: number): void {
    const chunk = this.#chunks[row >>> chunkBits] as Int32Array;
    const at = startOf(row);
    const number = chunk[at + column.number] as number;
    const head = number & (this.#heads.length - 1);
    const next = (this.#heads[head] as number) & rowMask;
    chunk[at + column.nextAlike] = next;
    this.#heads[head] = row | ((next === 0 ? tagOf(number) : severalTag) << rowBits);
  }

  /** The row before `row` in the chain that begins with `first`. */
  #before(row: number, first: number): number {
    let before = first;
    for (;;) {
      const next = (this.#chunks[before >>> chunkBits] as Int32Array)[startOf(before) + column.nextAlike] as number;
      if (next === row) return before;
      before = next;
    }
  }

  #setNext(row: number, next: number): void {
    (this.#chunks[row >>> chunkBits] as Int32Array)[startOf(row) + column.nextAlike] = next;
  }
}

function randomWord(): number {
  return globalThis.crypto.getRandomValues(new Int32Array(1))[0] as number;
}

function clearAsked(): void {
  for (let i = 0; i < nonceWords; i++) asked[i] = 0;
}

/** What a number begins with: 2 to 31, so that it is neither that of no chain nor that of several. */
function tagOf(number: number): number {
  return (number >>> rowBits) | 2;
}

function startOf(row: number): number {
  return (row & (chunkRows - 1)) * rowWords;
}

function isAsked(chunk: Int32Array, at: number): boolean {
  if (chunk[at + column.kind] !== askedKind || chunk[at + column.scope] !== askedScope) return false;
  for (let i = 0; i < nonceWords; i++) if (chunk[at + i] !== asked[i]) return false;
  return true;
}

function mixed(number: number, word: number, factor: number): number {
  const product = Math.imul(number ^ word, factor);
  return product ^ (product >>> 15);
}
