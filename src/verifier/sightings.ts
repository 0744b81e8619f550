/**
 * What was seen before, of late, by a number that stands for it, and what it was seen with the first time. A hint, no more: of two things of one number the
 * second counts as seen, and so it does, once in sixteen thousand times (four thousand in the largest table), where parts of their numbers are the same. Four
 * places a set, so that a few things which come again and again do not push one another out.
 */

/** Places of a set, and of the smallest table: what goes round is to be seen again among all else that comes. Powers of two. */
const places = 4;
const minPlaces = 1024;
/** What is kept of a number beside its set. A mark takes the other bits, of which one says that the place is taken. */
const numberMask = 0xffff0000;
const markMask = 0xfffe;

/** Not seen before; seen, but with another mark the first time; seen with the same mark. */
export type Sighting = 'none' | 'other' | 'same';

export class Sightings {
  readonly #words: Int32Array;
  readonly #setMask: number;

  /** At least `rememberedCount` places, as many as may be remembered of what was seen; none where that is nothing. */
  constructor(rememberedCount: number) {
    const placeCount = rememberedCount === 0 ? 0 : Math.max(minPlaces, 2 ** Math.ceil(Math.log2(rememberedCount)));
    this.#words = new Int32Array(placeCount);
    this.#setMask = placeCount / places - 1;
  }

  /** How `number` was seen before. It is with `mark` now (32 bits each), and stays with that where it was not. */
  see(number: number, mark: number): Sighting {
    const words = this.#words;
    if (words.length === 0) return 'none';
    const set = ((number ^ (number >>> 16)) & this.#setMask) * places;
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
