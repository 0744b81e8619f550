/** Used nonces in memory. */
import { describe, expect, it } from 'vitest';
import { memoryReplayStore } from '../../../src/protocol/memory-replay-store.js';
import { claimNonce } from '../../../src/protocol/replay-store.js';
import { describeReplayStoreContract } from '../../contract/replay-store-contract.js';

describeReplayStoreContract('in memory', ({ clock, maxNonces }) => memoryReplayStore({ clock, maxNonces }));

const startMs = Date.UTC(2026, 10, 21, 22, 21);

describe('a replay store in memory', () => {
  it('refuses, after a restart, what the one before may have accepted, at every moment at which it is fresh', async () => {
    const windowMs = 5000;
    let nowMs = startMs;
    const first = memoryReplayStore({ clock: () => nowMs });
    nowMs += 10_000;
    // The sender's clock is ahead by almost a window.
    const claim = { scope: 'mail', nonce: 'n', sentAtMs: nowMs + windowMs - 1, windowMs, staleAtMs: nowMs + 2 * windowMs - 1 };
    expect(await claimNonce(first, claim)).toBe('new');
    await first.close();
    const second = memoryReplayStore({ clock: () => nowMs });
    for (; nowMs < claim.staleAtMs; nowMs += 500) expect(await claimNonce(second, claim)).toBe('unknown');
  });

  it.each([0, -1])('is born, also where the clock tells %d', async (nowMs) => {
    const store = memoryReplayStore({ clock: () => nowMs });
    const claim = { scope: 'mail', nonce: 'n', sentAtMs: nowMs, windowMs: 5000, staleAtMs: nowMs + 5000 };
    expect(await claimNonce(store, claim)).toBe('unknown');
  });
});
