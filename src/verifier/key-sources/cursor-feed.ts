/**
 * Follows one list of the issuer by its cursor: all of it at first, then by polling what changed. When the issuer does not know the
 * cursor any more (its database was restored, say), everything is read again, and counts from when all of it is here.
 */
import { MacaroonError } from '../../core/index.js';
import type { Page } from './issuer-answers.js';

/** Pages that a list can have: with a thousand entries in each, far more than any issuer holds. */
const maxPages = 10_000;

export interface FeedParts<Item, State> {
  fetchPage(after: number): Promise<Page<Item>>;
  /** What to begin with when everything is read, for the first time or again: then `known` is the state so far. */
  freshState(known: State | undefined): State;
  apply(state: State, page: Page<Item>): void;
  /** Milliseconds of a stopwatch. */
  elapsedMs(): number;
  /** From one poll's end to the next. */
  readonly pollIntervalMs: number;
}

export class CursorFeed<Item, State> {
  readonly #parts: FeedParts<Item, State>;
  #state: State | undefined;
  #cursor = 0;
  #currentAsOfMs = Number.NEGATIVE_INFINITY;
  #poll: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failure: unknown;
  #isClosed = false;

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

  /** Why the last poll failed, if it did. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Resolves once the list is here; throws why it is not. Starts the polling; between two polls it does not wait for the next. */
  async ready(): Promise<void> {
    if (this.#state !== undefined) return;
    if (this.#poll === undefined && this.#timer === undefined) this.#startPoll();
    await this.#poll;
    if (this.#state === undefined) throw this.#failure;
  }

  /** Ends the polling: what is under way asks for no further page. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #startPoll(): void {
    this.#timer = undefined;
    this.#poll = this.#catchUp().then(() => {
      this.#poll = undefined;
      if (this.#isClosed) return;
      this.#timer = setTimeout(() => this.#startPoll(), this.#parts.pollIntervalMs);
      this.#timer.unref();
    });
  }

  /** Reads what is new, to the end. Never throws: a failure is kept for those who wait, and what was read up to then counts. */
  async #catchUp(): Promise<void> {
    try {
      const isUpToDate = await this.#follow(this.#state, this.#cursor);
      if (!isUpToDate && !(await this.#follow(undefined, 0))) throw unusable('its cursor does not start at 0');
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error;
    }
  }

  /** Whether the issuer knew the cursor. */
  async #follow(known: State | undefined, after: number): Promise<boolean> {
    const state = known ?? this.#parts.freshState(this.#state);
    let cursor = after;
    for (let pages = 0; pages < maxPages; pages++) {
      if (this.#isClosed) throw new MacaroonError('ERR_SOURCE_STALE', 'the key source is closed');
      const sentAtMs = this.#parts.elapsedMs();
      const page = await this.#fetch(cursor);
      if (page === undefined || page.cursor < cursor) return false;
      if (page.more && page.cursor === cursor) throw unusable('its cursor stands still');
      this.#parts.apply(state, page);
      cursor = page.cursor;
      if (known !== undefined) this.#cursor = cursor;
      if (page.more) continue;
      this.#state = state;
      this.#cursor = cursor;
      this.#currentAsOfMs = sentAtMs;
      return true;
    }
    throw unusable('its list does not end');
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

function unusable(why: string): MacaroonError {
  return new MacaroonError('ERR_ISSUER_ANSWER', `the issuer's answer cannot be used: ${why}`);
}
