/**
 * `macaroond/verifier/sqlite`: used nonces in a file that survives restarts and power cuts, and that any number of processes on one machine
 * share. Needs better-sqlite3, which is loaded when a store is opened.
 *
 * Every transaction waits for the disk, so claims that come together are written together. A lock that another process holds is tried for
 * again and again, while the event loop goes on.
 */
import { resolve } from 'node:path';
import { type Clock, MacaroonError, requireKnownNames } from '../core/index.js';
import { birthMs, type ReplayBounds, replayBounds, replayKey, wholeMs } from '../protocol/replay-bounds.js';
import type { ReplayStore } from '../protocol/replay-store.js';
import { isBusy, replayFileError } from './sqlite-failure.js';
import { type FileClaim, type FileClaimOutcome, openReplayFile, type ReplayFile } from './sqlite-replay-file.js';

export type { ReplayStore } from '../protocol/replay-store.js';

/** How long claims wait for a lock of another process before they are refused. */
const patienceMs = 2000;
/** From one try to the next. A claim of another process takes about as long. */
const pauseMs = 2;
const maxClaimsTogether = 256;
const maxWaiting = 10_000;

export interface SqliteReplayStoreOptions {
  /** `Date.now` when absent. */
  readonly clock?: Clock | undefined;
  /**
   * When a file that is made by this call is born, Unix milliseconds; now when absent. 0 says that no message can have been accepted before: then
   * none is refused for having been sent earlier.
   */
  readonly bornAtMs?: number | undefined;
  /** How many nonces are kept at once, 1 to 100,000,000; a million when absent, a tenth of it for one scope. Beyond them it refuses. */
  readonly maxNonces?: number | undefined;
}

/**
 * A replay store in the file at `path`, which is made, for its owner alone, unless it is there. It belongs on a local disk. When it is deleted it
 * is made anew, and what was sent before is refused; so delete it rather than restore an old copy, which would not know the nonces since.
 *
 * Throws `ERR_STORE_UNAVAILABLE` (no driver, or the file cannot be used), `ERR_STORE_CORRUPT` (damaged, or a file of something else),
 * `ERR_STORE_FULL`, `ERR_ARGUMENT`; so does its `claim`.
 */
export function sqliteReplayStore(path: string, options: SqliteReplayStoreOptions = {}): ReplayStore {
  requireKnownNames(options, ['clock', 'bornAtMs', 'maxNonces'], 'options');
  return new SqliteReplayStore(resolve(path), options);
}

/** A claim whose answer is waited for. */
interface WaitingClaim extends FileClaim {
  readonly answer: (outcome: FileClaimOutcome) => void;
  readonly fail: (error: unknown) => void;
}

class SqliteReplayStore implements ReplayStore {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #bounds: ReplayBounds;
  #file: ReplayFile;
  #waiting: WaitingClaim[] = [];
  #isWorking = false;
  #isClosed = false;

  constructor(path: string, { clock = Date.now, bornAtMs, maxNonces }: SqliteReplayStoreOptions) {
    this.#path = path;
    this.#clock = clock;
    this.#bounds = replayBounds(maxNonces);
    const nowMs = this.#nowMs();
    this.#file = openReplayFile(path, bornAtMs === undefined ? birthMs(nowMs) : wholeMs(bornAtMs, 'bornAtMs'), this.#bounds);
  }

  get bornAtMs(): number {
    return this.#file.bornAtMs;
  }

  async claim(scope: string, nonce: string, expiresAtMs: number): Promise<boolean> {
    const claim = { scope: replayKey(scope), nonce: replayKey(nonce), expiresAtMs: wholeMs(expiresAtMs, 'expiresAtMs') };
    if (this.#isClosed) throw closed();
    if (this.#waiting.length >= maxWaiting) {
      throw new MacaroonError('ERR_STORE_UNAVAILABLE', 'too many claims wait for the replay store');
    }
    const outcome = await new Promise<FileClaimOutcome>((answer, fail) => {
      this.#waiting.push({ ...claim, answer, fail });
      if (!this.#isWorking) void this.#work();
    });
    if (outcome instanceof MacaroonError) throw outcome;
    return outcome;
  }

  close(): void {
    this.#isClosed = true;
    this.#failAll(this.#waiting, closed());
    this.#file.close();
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    while (this.#waiting.length > 0) {
      // What arrives in the same turn is written together.
      await new Promise((resolve) => setImmediate(resolve));
      const claims = this.#waiting.splice(0, maxClaimsTogether);
      try {
        const outcomes = await this.#claimPatiently(claims);
        for (const [i, { answer }] of claims.entries()) answer(outcomes[i] ?? false);
      } catch (error) {
        // Those behind would fare no better, and when the file was exchanged they were judged by the birth of the other.
        this.#failAll([...claims, ...this.#waiting], error);
      }
    }
    this.#isWorking = false;
  }

  /** A try does not wait, so the event loop goes on; patience is counted by a clock that nobody sets. */
  async #claimPatiently(claims: readonly WaitingClaim[]): Promise<readonly FileClaimOutcome[]> {
    for (const beganMs = performance.now(); ; ) {
      if (this.#isClosed) throw closed();
      try {
        return this.#file.claimAll(claims, this.#nowMs());
      } catch (error) {
        if (!isBusy(error) || performance.now() - beganMs > patienceMs) throw this.#recover(error);
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  /** Opens the file anew when it is another by now, for the claims to come. Returns what to tell those that failed. */
  #recover(error: unknown): unknown {
    try {
      if (!this.#file.isInPlace()) {
        const renewed = openReplayFile(this.#path, birthMs(this.#nowMs()), this.#bounds);
        this.#file.close();
        this.#file = renewed;
      }
      return replayFileError(error, this.#path);
    } catch (cause) {
      return replayFileError(cause, this.#path);
    }
  }

  #failAll(claims: readonly WaitingClaim[], error: unknown): void {
    this.#waiting = [];
    for (const { fail } of claims) fail(error);
  }

  #nowMs(): number {
    return wholeMs(this.#clock(), 'clock');
  }
}

function closed(): MacaroonError {
  return new MacaroonError('ERR_STORE_UNAVAILABLE', 'the replay store is closed');
}
