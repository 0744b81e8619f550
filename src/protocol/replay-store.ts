/**
 * Nonces that were used: one interface for the issuer's auth methods, for sealed requests, and for the answers that a client has seen. Whoever
 * implements it decides how long its memory lives; `claimNonce` is the one way to use it.
 */
import { isPromise, MacaroonError } from '../core/index.js';

export interface ReplayStore {
  /**
   * Unix milliseconds before which the store knows nothing: nonces of messages sent earlier may have been used and be forgotten. 0 for a store
   * that was there before any message could be accepted.
   */
  readonly bornAtMs: number;
  /**
   * Whether `nonce` is new in `scope`; from then on, until `expiresAtMs` at least, it is not. Atomic, also between processes that share the
   * store. Throws `ERR_STORE_UNAVAILABLE` or `ERR_STORE_FULL` when it cannot tell or cannot keep it: nothing may be accepted then.
   */
  claim(scope: string, nonce: string, expiresAtMs: number): boolean | Promise<boolean>;
  /** Ends its work. */
  close(): void | Promise<void>;
}

/** One nonce of one genuine message. */
export interface NonceClaim {
  /** What nonces must differ within, e.g. the auth method and the credential. */
  readonly scope: string;
  readonly nonce: string;
  /** When the message says it was sent, Unix milliseconds. */
  readonly sentAtMs: number;
  /** How far `sentAtMs` may lie from our time. */
  readonly windowMs: number;
  /** From when the message is refused for its age anyway. */
  readonly staleAtMs: number;
}

/**
 * `store`, if it can be one. Throws `ERR_ARGUMENT` for what has no `claim`, and for a `bornAtMs` that is no finite number of 0 or more: no message
 * would be older than that.
 */
export function requireReplayStore(store: ReplayStore): ReplayStore {
  const { bornAtMs, claim }: { readonly bornAtMs?: unknown; readonly claim?: unknown } = store ?? {};
  if (typeof claim === 'function' && typeof bornAtMs === 'number' && Number.isFinite(bornAtMs) && bornAtMs >= 0) return store;
  throw new MacaroonError('ERR_ARGUMENT', 'replayStore must have a method claim, and bornAtMs in Unix milliseconds, 0 or more', {
    argument: 'replayStore',
  });
}

/** Beyond the moment from which a message is too old, for clocks of several processes that differ. */
const keptLongerMs = 60_000;

export type NonceState = 'new' | 'repeated' | 'unknown';

/**
 * Claims `claim` once everything else of the message was found good. `unknown`: it was sent before the store can know whether it was used, and
 * is refused like a repeated one. Answers at once where the store does. Throws, or rejects with, `ERR_ARGUMENT` for what is no store; what the store throws is
 * `ERR_STORE_UNAVAILABLE` unless it is `ERR_STORE_*` already.
 */
export function claimNonce(store: ReplayStore, claim: NonceClaim): NonceState | Promise<NonceState> {
  const { scope, nonce, sentAtMs, windowMs, staleAtMs } = claim;
  requireReplayStore(store);
  // The sender's clock may be ahead of ours by a window, so that is how far the doubt reaches.
  if (sentAtMs < store.bornAtMs + windowMs && store.bornAtMs > 0) return 'unknown';
  let claimed: boolean | Promise<boolean>;
  try {
    claimed = store.claim(scope, nonce, staleAtMs + keptLongerMs);
  } catch (cause) {
    throw failureOf(cause);
  }
  if (!isPromise(claimed)) return stateOf(claimed);
  return Promise.resolve(claimed).then(stateOf, (cause: unknown) => {
    throw failureOf(cause);
  });
}

function stateOf(claimed: boolean): NonceState {
  return claimed === true ? 'new' : 'repeated';
}

function failureOf(cause: unknown): MacaroonError {
  if (cause instanceof MacaroonError && cause.code.startsWith('ERR_STORE_')) return cause;
  return new MacaroonError('ERR_STORE_UNAVAILABLE', 'the replay store cannot tell whether a nonce is new', { cause });
}
