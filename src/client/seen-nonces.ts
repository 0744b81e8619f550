/** Nonces of answers that were accepted lately, so that one that comes again is known. */

/** Longer than any request that it could belong to is under way. */
const keptMs = 300_000;
/** Far more than requests that are answered in that time; beyond them the oldest are forgotten. */
const maxNonces = 100_000;

export class SeenNonces {
  /** In the order they came. */
  readonly #seenAtMs = new Map<string, number>();

  has(nonce: string): boolean {
    return this.#seenAtMs.has(nonce);
  }

  add(nonce: string, nowMs: number): void {
    for (const [old, seenAtMs] of this.#seenAtMs) {
      if (seenAtMs > nowMs - keptMs && this.#seenAtMs.size < maxNonces) break;
      this.#seenAtMs.delete(old);
    }
    this.#seenAtMs.set(nonce, nowMs);
  }
}
