/**
 * What was seen before, of late, by a number that stands for it, and what it was seen with the first time. A hint, no more: of two things of one number the
 * second counts as seen, and so it does, once in sixteen thousand times, where parts of their numbers are the same. Four places a set, so that a few things
 * which come again and again do not push one another out.
 */

/** Sets, and places of one; powers of two. */
const setCount = 4096;
const places = 4;
/** What is kept of a number beside its set. A mark takes the other bits, of which one says that the place is taken. */
const numberMask = 0xffff0000;
const markMask = 0xfffe;

/** Not seen before; seen, but with another mark the first time; seen with the same mark. */
export type Sighting = 'none' | 'other' | 'same';

export class Sightings {
  readonly #words = new Int32Array(setCount * places);

  /** How `number` was seen before. It is with `mark` now (32 bits each), and stays with that where it was not. */
  see(number: number, mark: number): Sighting {
    const words = this.#words;
    const set = ((number ^ (number >>> 16)) & (setCount - 1)) * places;
    const seen = (number & numberMask) | ((mark ^ (mark >>> 16)) & markMask) | 1;
    for (let i = set; i < set + places; i++) {
      const word = words[i] as number;
      if (word !== 0 && ((word ^ seen) & numberMask) === 0) return word === seen ? 'same' : 'other';
    }
    for (let i = set + places - 1; i > set; i--) words[i] = words[i - 1] as number;
    words[set] = seen;
    return 'none';
  }
}
