/**
 * Time that has passed, told by a clock that may jump. A jump counts in full in either direction: it errs towards stale, and old contact
 * never looks fresh again because the clock was set back.
 */
import type { Clock } from '../../core/index.js';
import { readClock } from '../read-clock.js';

export class Stopwatch {
  readonly #clock: Clock;
  #lastMs: number;
  #elapsedMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastMs = readClock(clock);
  }

  /** Milliseconds since the stopwatch was made; never less than before. Throws `ERR_ARGUMENT` for a clock that tells no time. */
  elapsedMs(): number {
    const nowMs = readClock(this.#clock);
    this.#elapsedMs += Math.abs(nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    return this.#elapsedMs;
  }
}
