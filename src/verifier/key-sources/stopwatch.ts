/**
 * Time that has passed, told by a clock that may jump. A jump back counts as nothing, so that old contact never looks fresh again;
 * a jump forward counts in full, so that it errs towards stale. What a jump back hides is at most the time since the last reading.
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
    this.#elapsedMs += Math.max(0, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    return this.#elapsedMs;
  }
}
