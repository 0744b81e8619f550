/**
 * Tells most tokens that were not revoked from those that may have been, without asking the database: every verification asks, and almost none is.
 * A filter of a fixed size, so that a million revocations take no more memory than none; whatever it does not rule out is looked up.
 */
import { IdFilter } from '../../core/index.js';

/** Revocations that the filter is made for. */
const expectedRevocations = 1_000_000;
/** Rows read at once, so that the event loop is not held up by a million of them. */
const pageRows = 1000;

/** `[seq, token id or null]` of revocations with a greater seq than `after`, in order. */
export type ReadRevokedTokens = (after: number, limit: number) => readonly (readonly unknown[])[];

export class RevokedTokens {
  readonly #filter = new IdFilter(expectedRevocations);
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
    return !this.#isCurrent || this.#filter.mayHold(tokenId);
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
      if (typeof tokenId === 'string') this.#filter.add(tokenId);
      this.#lastSeq = Number(seq);
    }
    this.#isCurrent = rows.length < pageRows;
  }
}
