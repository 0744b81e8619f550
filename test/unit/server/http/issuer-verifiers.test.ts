import { describe, expect, it } from 'vitest';
import { memoryReplayStore } from '../../../../src/protocol/memory-replay-store.js';
import { createIssuerVerifiers } from '../../../../src/server/http/issuer-verifiers.js';
import { createFakeIssuer, nowMs } from './fake-issuer.js';

const clock = () => nowMs;

describe('a verifier for another time, which serves one request', () => {
  it('has no room for what it would remember, however much the others have', () => {
    const verifiers = createIssuerVerifiers(createFakeIssuer(), clock, memoryReplayStore({ clock }), 1_000_000);
    const bytesOf = (make: () => unknown): number => {
      const before = process.memoryUsage().arrayBuffers;
      const made = Array.from({ length: 5 }, make);
      const bytes = process.memoryUsage().arrayBuffers - before;
      expect(new Set(made).size).toBe(made.length);
      return bytes;
    };
    let audiences = 0;
    expect(bytesOf(() => verifiers.of(`invoice-${audiences++}`))).toBeGreaterThan(10_000_000);
    expect(bytesOf(() => verifiers.of('invoice', nowMs))).toBeLessThan(1_000_000);
  });
});
