/** What counts as seen before: hints that decide what is remembered, and nothing else. */
import { describe, expect, it } from 'vitest';
import { Sightings } from '../../../src/verifier/sightings.js';

describe('sightings', () => {
  it('tell the first time, the same mark, and another one, which leaves the first in place', () => {
    const sightings = new Sightings(10_000);
    const seen = [7, 7, 8, 7].map((mark) => sightings.see(-1, mark));
    expect(seen).toEqual(['none', 'same', 'other', 'same']);
    expect(sightings.see(5, 7)).toBe('none');
  });

  it('tell a number and a mark of zeros from a place that is free', () => {
    const sightings = new Sightings(10_000);
    expect([sightings.see(5, 0), sightings.see(5, 0)]).toEqual(['none', 'same']);
  });

  it('lose one of a set when four others came into it, and no sooner', () => {
    const sightings = new Sightings(10_000);
    // Both halves of each make the same set.
    const numbers = Array.from({ length: 5 }, (_, i) => (i << 16) | (9 ^ i));
    for (const number of numbers) expect(sightings.see(number, 1)).toBe('none');
    expect(numbers.slice(1).map((number) => sightings.see(number, 1))).toEqual(['same', 'same', 'same', 'same']);
    expect(sightings.see(numbers[0] as number, 1)).toBe('none');
  });
});
