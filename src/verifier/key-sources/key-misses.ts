/**
 * What keeps strangers, who can put any root key id into a token, from hammering the issuer through us: ids that it did not know are
 * remembered for a while, and only so many are asked for in a time. Times are a stopwatch's milliseconds.
 */

/** How long an id that the issuer did not know is not asked for again. New keys come with the poll meanwhile. */
const missLifeMs = 10_000;
const maxMisses = 4096;

/** Names that were not found, for `missLifeMs`; the oldest go first when there are too many. */
export class KnownMisses {
  readonly #untilMs = new Map<string, number>();

  has(name: string, nowMs: number): boolean {
    const untilMs = this.#untilMs.get(name);
    return untilMs !== undefined && nowMs < untilMs;
  }

  add(name: string, nowMs: number): void {
    this.#untilMs.delete(name);
    this.#untilMs.set(name, nowMs + missLifeMs);
    if (this.#untilMs.size <= maxMisses) return;
    const oldest = this.#untilMs.keys().next();
    if (oldest.done !== true) this.#untilMs.delete(oldest.value);
  }

  delete(name: string): void {
    this.#untilMs.delete(name);
  }
}

/** Single fetches that may be made at once after a quiet time. */
const burst = 20;
const perSecond = 5;

/** A token bucket over single fetches. */
export class FetchBudget {
  #left = burst;
  #atMs = 0;

  /** Takes one fetch, or says that there is none now. */
  take(nowMs: number): boolean {
    this.#left = Math.min(burst, this.#left + ((nowMs - this.#atMs) * perSecond) / 1000);
    this.#atMs = nowMs;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
