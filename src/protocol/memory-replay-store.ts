/**
 * Used nonces in memory, for one process. It forgets them when it ends, so it is born when it is made: what was sent earlier is refused.
 *
 * Nothing runs by a timer: once a second at most, a claim drops what expired in whole seconds, so each nonce is touched once more in its life.
 */
import { type Clock, MacaroonError, requireKnownNames } from '../core/index.js';
import { birthMs, type ReplayBounds, replayBounds, replayKey, replayStoreFull, wholeMs } from './replay-bounds.js';
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

class MemoryReplayStore implements ReplayStore {
  readonly bornAtMs: number;
  readonly #clock: Clock;
  readonly #bounds: ReplayBounds;
  /** Two levels, so that no scope and nonce can be read as another pair. */
  readonly #scopes = new Map<string, Set<string>>();
  /** What expires within each second since 1970. */
  readonly #bySecond = new Map<number, { readonly scope: string; readonly nonce: string }[]>();
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

  claim(scopeText: string, nonceText: string, expiresAtMs: number): boolean {
    const scope = replayKey(scopeText);
    const nonce = replayKey(nonceText);
    const untilMs = wholeMs(expiresAtMs, 'expiresAtMs');
    if (this.#isClosed) throw new MacaroonError('ERR_STORE_UNAVAILABLE', 'the replay store is closed');
    const nowMs = wholeMs(this.#clock(), 'clock');
    this.#forgetExpired(nowMs);
    // What expired cannot be known to be new, also after the clock was set back.
    if (untilMs <= Math.max(nowMs, this.#forgottenUntilMs)) return false;
    const used = this.#scopes.get(scope);
    if (used?.has(nonce)) return false;
    if (this.#count >= this.#bounds.maxNonces) throw replayStoreFull('maxNonces');
    if ((used?.size ?? 0) >= this.#bounds.maxNoncesPerScope) throw replayStoreFull('maxNoncesPerScope');
    this.#keep(scope, nonce, untilMs);
    return true;
  }

  close(): void {
    this.#scopes.clear();
    this.#bySecond.clear();
    this.#isClosed = true;
  }

  #keep(scope: string, nonce: string, untilMs: number): void {
    const used = this.#scopes.get(scope);
    if (used === undefined) this.#scopes.set(scope, new Set([nonce]));
    else used.add(nonce);
    const second = Math.floor(untilMs / 1000);
    const together = this.#bySecond.get(second);
    if (together === undefined) this.#bySecond.set(second, [{ scope, nonce }]);
    else together.push({ scope, nonce });
    this.#count++;
  }

  #forgetExpired(nowMs: number): void {
    const now = Math.floor(nowMs / 1000);
    if (now === this.#lookedAtSecond) return;
    this.#lookedAtSecond = now;
    for (const [second, expired] of this.#bySecond) {
      if (second >= now) continue;
      this.#bySecond.delete(second);
      for (const { scope, nonce } of expired) this.#forget(scope, nonce);
      this.#forgottenUntilMs = Math.max(this.#forgottenUntilMs, second * 1000 + 999);
    }
  }

  #forget(scope: string, nonce: string): void {
    const used = this.#scopes.get(scope);
    used?.delete(nonce);
    if (used?.size === 0) this.#scopes.delete(scope);
    this.#count--;
  }
}
