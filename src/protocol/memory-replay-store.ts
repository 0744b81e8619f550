/**
 * Used nonces in memory, for one process. It forgets them when it ends, so it is born when it is made: what was sent earlier is refused.
 *
 * Nothing runs by a timer: once a second at most, a claim drops what expired in whole seconds, so each nonce is touched once more in its life. What is
 * kept of a nonce is in `nonce-table.ts`.
 */
import { type Clock, MacaroonError, requireKnownNames } from '../core/index.js';
import { NonceTable } from './nonce-table.js';
import { birthMs, maxKeyBytes, type ReplayBounds, replayBounds, replayKey, replayStoreFull, wholeMs } from './replay-bounds.js';
import type { ReplayStore } from './replay-store.js';

export interface MemoryReplayStoreOptions {
  readonly clock: Clock;
  /** How many nonces are kept at once, 1 to 100,000,000; a million when absent, a tenth of it for one scope. Beyond them it refuses. */
  readonly maxNonces?: number | undefined;
}

/** A replay store in memory. Throws `ERR_ARGUMENT`. Its `claim` throws `ERR_STORE_FULL`, `ERR_STORE_UNAVAILABLE` once it is closed, and `ERR_ARGUMENT` for what is no time. */
export function memoryReplayStore(options: MemoryReplayStoreOptions): ReplayStore {
  requireKnownNames(options, ['clock', 'maxNonces'], 'options');
  return new MemoryReplayStore(options.clock, replayBounds(options.maxNonces));
}

/** Whose nonces must differ from each other. */
interface Scope {
  /** What is kept of its name. */
  readonly key: string;
  /** What the table of nonces knows it by. */
  readonly number: number;
  nonceCount: number;
}

class MemoryReplayStore implements ReplayStore {
  readonly bornAtMs: number;
  readonly #clock: Clock;
  readonly #bounds: ReplayBounds;
  readonly #nonces = new NonceTable();
  /** Those that have nonces. */
  readonly #scopes = new Map<string, Scope>();
  #scopeOfNumber: Scope[] = [];
  #freeNumbers: number[] = [];
  /** By second since 1970, those that expire within it. */
  readonly #bySecond = new Map<number, { lastRow: number }>();
  #count = 0;
  #lookedAtSecond = 0;
  /** Up to here, nonces may have been forgotten, whatever the clock says by now. */
  #forgottenUntilMs = 0;
  #isClosed = false;

  constructor(clock: Clock, bounds: ReplayBounds) {
    this.#clock = clock;
    this.#bounds = bounds;
    this.bornAtMs = birthMs(wholeMs(clock(), 'clock'));
  }

  claim(scopeName: string, nonce: string, expiresAtMs: number): boolean {
    const untilMs = wholeMs(expiresAtMs, 'expiresAtMs');
    if (this.#isClosed) throw new MacaroonError('ERR_STORE_UNAVAILABLE', 'the replay store is closed');
    const nowMs = wholeMs(this.#clock(), 'clock');
    this.#forgetExpired(nowMs);
    const scope = this.#scopeOf(scopeName);
    const isUsed = this.#nonces.has(scope.number, nonce);
    // What expired cannot be known to be new, also after the clock was set back.
    if (isUsed || untilMs <= Math.max(nowMs, this.#forgottenUntilMs)) return false;
    if (this.#count >= this.#bounds.maxNonces) throw replayStoreFull('maxNonces');
    if (scope.nonceCount >= this.#bounds.maxNoncesPerScope) throw replayStoreFull('maxNoncesPerScope');
    this.#keepAsked(scope, Math.floor(untilMs / 1000));
    return true;
  }

  close(): void {
    this.#forgetAll();
    this.#isClosed = true;
  }

  /** The scope called `name`; one that has no nonces counts for nothing yet. */
  #scopeOf(name: string): Scope {
    const known = this.#scopes.get(name);
    // A longer one may look like what is kept of another.
    if (known !== undefined && name.length <= maxKeyBytes) return known;
    const key = replayKey(name);
    return this.#scopes.get(key) ?? { key, number: this.#freeNumbers.at(-1) ?? this.#scopeOfNumber.length, nonceCount: 0 };
  }

  /** Keeps the nonce that the table was asked about. */
  #keepAsked(scope: Scope, second: number): void {
    const together = this.#bySecond.get(second);
    if (together === undefined) this.#bySecond.set(second, { lastRow: this.#nonces.add(0) });
    else together.lastRow = this.#nonces.add(together.lastRow);
    this.#count++;
    if (scope.nonceCount++ > 0) return;
    this.#scopes.set(scope.key, scope);
    this.#freeNumbers.pop();
    this.#scopeOfNumber[scope.number] = scope;
  }

  #forgetExpired(nowMs: number): void {
    const now = Math.floor(nowMs / 1000);
    if (now === this.#lookedAtSecond) return;
    this.#lookedAtSecond = now;
    for (const [second, { lastRow }] of this.#bySecond) {
      if (second >= now) continue;
      this.#bySecond.delete(second);
      for (let row = lastRow; row !== 0; ) {
        this.#forgetOneOf(this.#nonces.scopeOf(row));
        row = this.#nonces.drop(row);
      }
      this.#forgottenUntilMs = Math.max(this.#forgottenUntilMs, second * 1000 + 999);
    }
    if (this.#count === 0) this.#forgetAll();
  }

  #forgetOneOf(number: number): void {
    this.#count--;
    const scope = this.#scopeOfNumber[number];
    if (scope === undefined || --scope.nonceCount > 0) return;
    this.#scopes.delete(scope.key);
    this.#freeNumbers.push(number);
  }

  /** Gives the memory back, too. */
  #forgetAll(): void {
    this.#nonces.clear();
    this.#scopes.clear();
    this.#scopeOfNumber = [];
    this.#freeNumbers = [];
    this.#bySecond.clear();
    this.#count = 0;
  }
}
