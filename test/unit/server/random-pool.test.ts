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

  it('never hands out the place of what it wiped', () => {
    const random = createRandomPool();
    const lengths = [16, 1, 10, 0, 16];
    for (let i = 0; i < 2000; i++) {
      const bytes = random(lengths[i % lengths.length] ?? 0);
      expect(bytes.length < 10 || bytes.some((byte) => byte !== 0)).toBe(true);
    }
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
