/**
 * Tells most tokens that were not revoked from those that may have been, without asking the database: every verification asks, and almost none is.
 * A Bloom filter of a fixed size, so that a million revocations take no more memory than none; whatever it does not rule out is looked up.
 */

/** 16,777,216 bits: of a million revocations one in five hundred other tokens is looked up in vain. */
const filterWords = 1 << 19;
const bitMask = filterWords * 32 - 1;
const probes = 4;
/** Rows read at once, so that the event loop is not held up by a million of them. */
const pageRows = 1000;

/** `[seq, token id or null]` of revocations with a greater seq than `after`, in order. */
export type ReadRevokedTokens = (after: number, limit: number) => readonly (readonly unknown[])[];

export class RevokedTokens {
  readonly #bits = new Int32Array(filterWords);
  /** Every revocation up to it is in the filter. Those that were deleted since stay in it, and are looked up in vain. */
  #lastSeq = 0;
  #isCurrent = false;
  #isCatchingUp = false;

  /** Call when revocations may have been added. */
  markStale(): void {
    this.#isCurrent = false;
  }

  /**
   * Whether the token may be revoked; surely not where the answer is `false`. `read` sees every committed revocation and no other. What came since the last
   * time is read at once as far as it is one page; the rest is read page by page, after each `pause`, where there is one, or with the next questions.
   */
  mayHold(tokenId: string, read: ReadRevokedTokens, pause?: () => Promise<void>): boolean {
    if (!this.#isCurrent && !this.#isCatchingUp) {
      this.#readPage(read);
      if (!this.#isCurrent && pause !== undefined) void this.#catchUp(read, pause);
    }
    return !this.#isCurrent || this.#holds(tokenId);
  }

  async #catchUp(read: ReadRevokedTokens, pause: () => Promise<void>): Promise<void> {
    this.#isCatchingUp = true;
    try {
      while (!this.#isCurrent) {
        await pause();
        this.#readPage(read);
      }
    } catch {
      // Whoever asks next meets the same failure, and is told.
    } finally {
      this.#isCatchingUp = false;
    }
  }

  #readPage(read: ReadRevokedTokens): void {
    const rows = read(this.#lastSeq, pageRows);
    for (const [seq, tokenId] of rows) {
      if (typeof tokenId === 'string') this.#add(tokenId);
      this.#lastSeq = Number(seq);
    }
    this.#isCurrent = rows.length < pageRows;
  }

  #add(tokenId: string): void {
    let at = hashOf(tokenId, 0x811c9dc5);
    const step = hashOf(tokenId, 0x01000193) | 1;
    for (let i = 0; i < probes; i++, at += step) {
      const bit = at & bitMask;
      this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
    }
  }

  #holds(tokenId: string): boolean {
    let at = hashOf(tokenId, 0x811c9dc5);
    const step = hashOf(tokenId, 0x01000193) | 1;
    for (let i = 0; i < probes; i++, at += step) {
      const bit = at & bitMask;
      if (((this.#bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }
}

/** FNV-1a, 32 bits, mixed once more so that low bits depend on all. Nobody chooses a token id but the issuer. */
function hashOf(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
