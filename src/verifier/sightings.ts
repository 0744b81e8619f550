/**
 * What was seen before, of late, by a number that stands for it. A hint, no more: of two things of one number the second counts as seen. Four places a
 * set, so that a few things which come again and again do not push one another out.
 */

/** Sets; a power of two. */
const setCount = 4096;

export class Sightings {
  readonly #numbers = new Int32Array(setCount * 4);

  /** Whether `number` (32 bits) was asked about before. */
  wasSeen(number: number): boolean {
    const numbers = this.#numbers;
    const set = ((number ^ (number >>> 16)) & (setCount - 1)) * 4;
    for (let i = set; i < set + 4; i++) if (numbers[i] === number) return true;
    for (let i = set + 3; i > set; i--) numbers[i] = numbers[i - 1] as number;
    numbers[set] = number;
    return false;
  }
}
