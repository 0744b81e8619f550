import { describe, expect, it } from 'vitest';
import { createRandomPool } from '../../../src/server/random-pool.js';

describe('randomness by the page', () => {
  it('gives every length, and nothing twice, also over many pages', () => {
    const random = createRandomPool();
    const seen = new Set<string>();
    for (let i = 0; i < 5000; i++) {
      const length = 8 + (i % 40);
      const bytes = random(length);
      expect(bytes).toHaveLength(length);
      seen.add(Buffer.from(bytes).toString('hex'));
    }
    expect(seen.size).toBe(5000);
  });

  it('hands out bytes that are nobody else’s', () => {
    const random = createRandomPool();
    const first = random(16);
    const copy = first.slice();
    random(16).fill(0);
    for (let i = 0; i < 1000; i++) random(16);
    expect(first).toEqual(copy);
    expect(first.buffer.byteLength).toBe(16);
  });
});
