/**
 * What bytes were read as, so that conditions and identifiers that come again and again are not parsed again. Keyed by the bytes: to build and hash
 * their text would cost more than most parsers do. Bounded: two generations, of which the older is dropped when the younger is full.
 */
const defaultGenerationSize = 512;

interface Kept<Reading> {
  readonly hash: number;
  readonly view: DataView;
  /** That of `view`, kept as to ask for it is a call into the engine. */
  readonly length: number;
  readonly reading: Reading;
  /** The last generation that it was put into; none where another of its hash took its place. */
  generation: number;
  /** What was asked for after it when that was there last: what comes again mostly comes in the same order, so that is looked at first. */
  next: Kept<Reading> | undefined;
}

/** What was found the last time, which is looked at first. */
export interface Trail<Reading> {
  next: Kept<Reading> | undefined;
}

const noGeneration = -1;

export class RecentReadings<Reading> {
  readonly #generationSize: number;
  #recent = new Map<number, Kept<Reading>>();
  #older = new Map<number, Kept<Reading>>();
  #generation = 0;
  #last: Trail<Reading> = { next: undefined };

  constructor(generationSize = defaultGenerationSize) {
    this.#generationSize = generationSize;
  }

  /** The reading that was kept for exactly the bytes from `start` to `end` (defaults: all). `trail`: by what was found the last time for the same cause, where those of all causes come in no order. */
  get(bytes: Uint8Array, start = 0, end: number = bytes.length, trail: Trail<Reading> = this.#last): Reading | undefined {
    const view = viewOf(bytes);
    const guess = trail.next;
    const kept = guess !== undefined && areSame(guess, view, start, end) ? guess : this.#find(view, start, end);
    if (kept === undefined) return undefined;
    // What is in use stays.
    if (kept.generation !== this.#generation) this.#put(kept);
    trail.next = kept;
    this.#last = kept;
    return kept.reading;
  }

  /** Keeps `reading` for a copy of the bytes from `start` to `end` (defaults: all). Two of one hash take each other's place, no more. */
  keep(bytes: Uint8Array, reading: Reading, start = 0, end: number = bytes.length): void {
    const copy = new Uint8Array(bytes.subarray(start, end));
    const hash = hashOf(viewOf(bytes), start, end);
    const { length } = copy;
    this.#put({ hash, view: new DataView(copy.buffer), length, reading, generation: this.#generation, next: undefined });
  }

  #find(view: DataView, start: number, end: number): Kept<Reading> | undefined {
    const hash = hashOf(view, start, end);
    const recent = this.#recent.get(hash);
    if (recent !== undefined && areSame(recent, view, start, end)) return recent;
    const older = this.#older.get(hash);
    return older !== undefined && areSame(older, view, start, end) ? older : undefined;
  }

  #put(kept: Kept<Reading>): void {
    if (this.#recent.size >= this.#generationSize) {
      for (const dropped of this.#older.values()) this.#cut(dropped);
      this.#older = this.#recent;
      this.#recent = new Map();
      this.#generation++;
    }
    const displaced = this.#recent.get(kept.hash);
    if (displaced !== undefined && displaced !== kept) {
      this.#cut(displaced);
      displaced.generation = noGeneration;
    }
    kept.generation = this.#generation;
    this.#recent.set(kept.hash, kept);
  }

  /** What is dropped holds nothing else, now or later: else each of many that are made to have one hash would hold the next. */
  #cut(dropped: Kept<Reading>): void {
    dropped.next = undefined;
    if (this.#last === dropped) this.#last = { next: undefined };
  }
}

/** Small arrays are copied to be read by words: to make a view of one has the engine move it out of its heap, which costs several times what finding does. */
const small = new Uint8Array(1024);
const smallView = new DataView(small.buffer);
/** The large one that was asked about last, which is mostly the one array that texts are read into. */
let lastBytes: Uint8Array = new Uint8Array(0);
let lastLength = 0;
let lastView = new DataView(lastBytes.buffer);

/** A view of `bytes`, until the next is asked for. */
function viewOf(bytes: Uint8Array): DataView {
  const { length } = bytes;
  // Where its buffer can be resized, the same array may have another length by now.
  if (bytes === lastBytes && length === lastLength) return lastView;
  if (length <= small.length) {
    // What was given away has no bytes, and is not copied either.
    if (length > 0) small.set(bytes);
    return smallView;
  }
  lastView = new DataView(bytes.buffer, bytes.byteOffset, length);
  lastBytes = bytes;
  lastLength = length;
  return lastView;
}

/** Not in constant time: what is kept here is in every token of its kind, and no secret. */
function areSame(known: Kept<unknown>, view: DataView, start: number, end: number): boolean {
  const { view: kept, length } = known;
  if (length !== end - start) return false;
  let i = 0;
  for (; i + 4 <= length; i += 4) if (kept.getInt32(i) !== view.getInt32(start + i)) return false;
  for (; i < length; i++) if (kept.getUint8(i) !== view.getUint8(start + i)) return false;
  return true;
}

/** FNV-1a, 32 bits, over four bytes at a time: each step waits for the one before it. */
function hashOf(view: DataView, start: number, end: number): number {
  let hash = 0x811c9dc5;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    hash = Math.imul(hash ^ view.getInt32(i, true), 0x01000193);
    // What differs in high bits alone would stay there.
    hash ^= hash >>> 15;
  }
  for (; i < end; i++) hash = Math.imul(hash ^ view.getUint8(i), 0x01000193);
  return hash;
}
