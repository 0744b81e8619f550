/**
 * What was seen before, of late, by a number that stands for it, and what it was seen with the first time. A hint, no more: of two things of one number the
 * second counts as seen. Four places a set, so that a few things which come again and again do not push one another out.
 */

/** Sets; a power of two. */
const setCount = 4096;
/** Four times a number and its mark. */
const setWords = 8;

/** Not seen before; seen, but with another mark the first time; seen with the same mark. */
export type Sighting = 'none' | 'other' | 'same';

export class Sightings {
  readonly #words = new Int32Array(setCount * setWords);

  /** How `number` was seen before. It is with `mark` now (32 bits each), and stays with that where it was not. */
  see(number: number, mark: number): Sighting {
    const words = this.#words;
    const set = ((number ^ (number >>> 16)) & (setCount - 1)) * setWords;
    for (let i = set; i < set + setWords; i += 2) {
      if (words[i] === number) return words[i + 1] === mark ? 'same' : 'other';
    }
    for (let i = set + setWords - 1; i > set + 1; i--) words[i] = words[i - 2] as number;
    words[set] = number;
    words[set + 1] = mark;
    return 'none';
  }
}
