import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type RevokedTokenRow, RevokedTokens } from '../../../../src/server/store/revoked-tokens.js';

/** A table of revocations, in which every third is of something else than a token. */
function table(count: number) {
  const rows: RevokedTokenRow[] = Array.from({ length: count }, (_, i) => ({
    seq: i + 1,
    tokenId: i % 3 === 2 ? null : randomUUID(),
  }));
  const reads: number[] = [];
  const read = (after: number, limit: number) => {
    reads.push(after);
    return rows.filter(({ seq }) => seq > after).slice(0, limit);
  };
  return { rows, reads, read };
}

describe('the filter of revoked tokens', () => {
  it('never rules out one that was revoked, while it is read and afterwards', () => {
    const { rows, read } = table(5000);
    const filter = new RevokedTokens();
    for (const { tokenId } of rows) if (tokenId !== null) expect(filter.mayHold(tokenId, read)).toBe(true);
  });

  it('rules out nothing before it knows every revocation', () => {
    const { reads, read } = table(2500);
    const filter = new RevokedTokens();
    expect([1, 2, 3, 4].map(() => filter.mayHold('not-revoked', read))).toEqual([true, true, false, false]);
    expect(reads).toEqual([0, 1000, 2000]);
  });

  it('asks for what came since, and only then', () => {
    const { rows, reads, read } = table(10);
    const filter = new RevokedTokens();
    expect(filter.mayHold('later', read)).toBe(false);
    rows.push({ seq: 11, tokenId: 'later' });
    filter.markStale();
    expect(filter.mayHold('later', read)).toBe(true);
    expect(filter.mayHold('other', read)).toBe(false);
    expect(reads).toEqual([0, 10]);
  });

  it('rules out almost all others, also of many revocations', () => {
    const filter = new RevokedTokens();
    let seq = 0;
    const read = (after: number, limit: number) => {
      seq = after;
      return Array.from({ length: after < 200_000 ? limit : 0 }, () => ({ seq: ++seq, tokenId: randomUUID() }));
    };
    while (filter.mayHold('', read)) if (seq >= 200_000) break;
    const inVain = Array.from({ length: 20_000 }, () => filter.mayHold(randomUUID(), read)).filter(Boolean).length;
    expect(inVain).toBeLessThan(40);
  });
});
