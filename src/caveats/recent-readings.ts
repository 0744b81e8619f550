/**
 * What conditions were read as, so that a token presented again is not parsed again. Keyed by the bytes of a condition: to build and hash
 * its text would cost more than most parsers do. Bounded: two generations, of which the older is dropped when the younger is full.
 */
import { equalBytes } from '../core/index.js';

const maxReadings = 512;

interface Kept<Reading> {
  readonly condition: Uint8Array;
  readonly reading: Reading;
}

export class RecentReadings<Reading> {
  #recent = new Map<number, Kept<Reading>>();
  #older = new Map<number, Kept<Reading>>();

  /** The reading that was kept for exactly these bytes. */
  get(condition: Uint8Array): Reading | undefined {
    const hash = hashOf(condition);
    const recent = this.#recent.get(hash);
    if (recent !== undefined && equalBytes(recent.condition, condition)) return recent.reading;
    const older = this.#older.get(hash);
    if (older === undefined || !equalBytes(older.condition, condition)) return undefined;
    this.#put(hash, older);
    return older.reading;
  }

  /** Keeps `reading` for a copy of `condition`. Two conditions of one hash take each other's place, no more. */
  keep(condition: Uint8Array, reading: Reading): void {
    this.#put(hashOf(condition), { condition: condition.slice(), reading });
  }

  #put(hash: number, kept: Kept<Reading>): void {
    if (this.#recent.size >= maxReadings) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(hash, kept);
  }
}

/** FNV-1a, 32 bits. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  return hash;
}
