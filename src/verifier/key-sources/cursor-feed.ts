/**
 * Follows one list of the issuer by its cursor: all of it at first, then what changed. When the issuer does not know the cursor any
 * more (its database was restored, say), everything is read again into a fresh state that replaces the old one at once.
 */
import { MacaroonError } from '../../core/index.js';
import type { Page } from './issuer-answers.js';

export interface FeedParts<Item, State> {
  fetchPage(after: number): Promise<Page<Item>>;
  freshState(): State;
  apply(state: State, page: Page<Item>): void;
  /** Milliseconds of a stopwatch. */
  elapsedMs(): number;
}

export class CursorFeed<Item, State> {
  readonly #parts: FeedParts<Item, State>;
  #state: State | undefined;
  #cursor = 0;
  #currentAsOfMs = Number.NEGATIVE_INFINITY;

  constructor(parts: FeedParts<Item, State>) {
    this.#parts = parts;
  }

  /** What the list told; `undefined` until all of it was read once. */
  get state(): State | undefined {
    return this.#state;
  }

  /** When the question was sent whose answer the state is; the answer's arrival says nothing. */
  get currentAsOfMs(): number {
    return this.#currentAsOfMs;
  }

  /** Reads what is new, to the end. Throws what the issuer or the connection did; what was read up to then counts. */
  async catchUp(): Promise<void> {
    const isUpToDate = await this.#follow(this.#state, this.#cursor);
    if (!isUpToDate && !(await this.#follow(undefined, 0))) {
      throw new MacaroonError('ERR_ISSUER_ANSWER', "the issuer's answer cannot be used: its cursor does not start at 0");
    }
  }

  /** Whether the issuer knew the cursor. */
  async #follow(known: State | undefined, after: number): Promise<boolean> {
    const state = known ?? this.#parts.freshState();
    for (let cursor = after; ; ) {
      const sentAtMs = this.#parts.elapsedMs();
      const page = await this.#fetch(cursor);
      if (page === undefined || page.cursor < cursor) return false;
      if (page.more && page.cursor === cursor) {
        throw new MacaroonError('ERR_ISSUER_ANSWER', "the issuer's answer cannot be used: its cursor stands still");
      }
      this.#parts.apply(state, page);
      cursor = page.cursor;
      if (known !== undefined) this.#cursor = cursor;
      if (page.more) continue;
      this.#state = state;
      this.#cursor = cursor;
      this.#currentAsOfMs = sentAtMs;
      return true;
    }
  }

  async #fetch(cursor: number): Promise<Page<Item> | undefined> {
    try {
      return await this.#parts.fetchPage(cursor);
    } catch (error) {
      if (cursor > 0 && error instanceof MacaroonError && error.problem === 'invalid_request') return undefined;
      throw error;
    }
  }
}
