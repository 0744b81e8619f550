/**
 * What bytes were read as, so that conditions and identifiers that come again and again are not parsed again. Keyed by the bytes: to build and hash
 * their text would cost more than most parsers do. Bounded: two generations, of which the older is dropped when the younger is full.
 */
const maxReadings = 512;

interface Kept<Reading> {
  readonly bytes: Uint8Array;
  readonly reading: Reading;
}

export class RecentReadings<Reading> {
  #recent = new Map<number, Kept<Reading>>();
  #older = new Map<number, Kept<Reading>>();

  /** The reading that was kept for exactly the bytes from `start` to `end` (defaults: all). */
  get(bytes: Uint8Array, start = 0, end: number = bytes.length): Reading | undefined {
    const hash = hashOf(bytes, start, end);
    const recent = this.#recent.get(hash);
    if (recent !== undefined && areSame(recent.bytes, bytes, start, end)) return recent.reading;
    const older = this.#older.get(hash);
    if (older === undefined || !areSame(older.bytes, bytes, start, end)) return undefined;
    this.#put(hash, older);
    return older.reading;
  }

  /** Keeps `reading` for a copy of the bytes from `start` to `end` (defaults: all). Two of one hash take each other's place, no more. */
  keep(bytes: Uint8Array, reading: Reading, start = 0, end: number = bytes.length): void {
    this.#put(hashOf(bytes, start, end), { bytes: new Uint8Array(bytes.subarray(start, end)), reading });
  }

  #put(hash: number, kept: Kept<Reading>): void {
    if (this.#recent.size >= maxReadings) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(hash, kept);
  }
}

/** Not in constant time: what is kept here is in every token of its kind, and no secret. */
function areSame(kept: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (kept.length !== end - start) return false;
  for (let i = 0; i < kept.length; i++) if (kept[i] !== bytes[start + i]) return false;
  return true;
}

/** FNV-1a, 32 bits, over four bytes at a time: each step waits for the one before it. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    const word =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    hash = Math.imul(hash ^ word, 0x01000193);
    // What differs in high bits alone would stay there.
    hash ^= hash >>> 15;
  }
  for (; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  return hash;
}
