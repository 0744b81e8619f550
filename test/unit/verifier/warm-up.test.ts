import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { audience, nowMs, staticKey } from './samples.js';

/** Modules anew each time: a process warms up once. */
async function freshVerifier() {
  vi.resetModules();
  const { createVerifier, staticKeys } = await import('../../../src/verifier/index.js');
  const { LocalVerification } = await import('../../../src/verifier/local-verification.js');
  const verified = vi.spyOn(LocalVerification.prototype, 'verify');
  const open = () => createVerifier({ audience, keys: staticKeys([staticKey]), clock: () => nowMs });
  return { open, verified };
}

describe('warming up', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('verifies genuine tokens of its own, after the verifier was made, in slices', async () => {
    const { open, verified } = await freshVerifier();
    open();
    expect(verified).not.toHaveBeenCalled();
    vi.advanceTimersToNextTimer();
    const inFirstSlice = verified.mock.calls.length;
    expect(inFirstSlice).toBeGreaterThan(0);
    vi.runAllTimers();
    expect(verified.mock.calls.length).toBeGreaterThanOrEqual(100);
    expect(verified.mock.results.every(({ value }) => value.ok === true)).toBe(true);
  });

  it('happens once, however many verifiers there are', async () => {
    const { open, verified } = await freshVerifier();
    open();
    vi.runAllTimers();
    const calls = verified.mock.calls.length;
    open();
    vi.runAllTimers();
    expect(verified.mock.calls.length).toBe(calls);
  });

  it.each([nowMs + 0.5, -1, Number.NaN])('ends no process whose clock tells %s', async (told) => {
    const { open, verified } = await freshVerifier();
    vi.spyOn(Date, 'now').mockReturnValue(told);
    open();
    expect(() => vi.runAllTimers()).not.toThrow();
    expect(verified.mock.results.every(({ value }) => value.ok === true)).toBe(true);
    vi.mocked(Date.now).mockRestore();
  });
});
