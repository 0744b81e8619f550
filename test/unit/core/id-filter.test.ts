import { describe, expect, it } from 'vitest';
import { createUuidV7, formatUuid, IdFilter } from '../../../src/core/index.js';
import { testRandomBytes } from './samples.js';

const randomBytes = testRandomBytes();
const newIds = (count: number) => Array.from({ length: count }, () => formatUuid(createUuidV7(1_800_000_000_000, randomBytes)));

describe('a filter of token ids', () => {
  it('knows every id that was added, also more of them than it is made for', () => {
    for (const count of [1, 1000, 5000]) {
      const filter = new IdFilter(1000);
      const ids = newIds(count);
      for (const id of ids) filter.add(id);
      expect(ids.every((id) => filter.mayHold(id))).toBe(true);
    }
  });

  it('rules nearly all others out, and all while it is empty', () => {
    const filter = new IdFilter(1000);
    const others = newIds(5000);
    expect(others.filter((id) => filter.mayHold(id))).toEqual([]);
    for (const id of newIds(filter.capacity)) filter.add(id);
    expect(others.filter((id) => filter.mayHold(id)).length).toBeLessThan(100);
  });
});
