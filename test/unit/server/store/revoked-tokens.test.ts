import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { RevokedTokens } from '../../../../src/server/store/revoked-tokens.js';

/** A table of revocations, in which every third is of something else than a token. */
function table(count: number) {
  const rows: [number, string | null][] = Array.from({ length: count }, (_, i) => [i + 1, i % 3 === 2 ? null : randomUUID()]);
  const reads: number[] = [];
  const read = (after: number, limit: number) => {
    reads.push(after);
    return rows.filter(([seq]) => seq > after).slice(0, limit);
  };
  return { rows, reads, read };
}

describe('the filter of revoked tokens', () => {
  it('never rules out one that was revoked, while it is read and afterwards', () => {
    const { rows, read } = table(5000);
    const filter = new RevokedTokens();
    for (const [, tokenId] of rows) if (tokenId !== null) expect(filter.mayHold(tokenId, read)).toBe(true);
  });

  it('rules out nothing before it knows every revocation', () => {
    const { reads, read } = table(2500);
    const filter = new RevokedTokens();
    expect([1, 2, 3, 4].map(() => filter.mayHold('not-revoked', read))).toEqual([true, true, false, false]);
    expect(reads).toEqual([0, 1000, 2000]);
  });

  it('reads what is more than a page between other work, and rules out nothing meanwhile', async () => {
    const { rows, reads, read } = table(3500);
    const filter = new RevokedTokens();
    let resume: () => void = () => undefined;
    const pause = () => new Promise<void>((resolve) => (resume = resolve));
    const mayHold = () => filter.mayHold('not-revoked', read, pause);
    expect([mayHold(), mayHold()]).toEqual([true, true]);
    expect(reads).toEqual([0]);
    for (const after of [1000, 2000, 3000]) {
      expect(mayHold()).toBe(true);
      rows.push([rows.length + 1, `late-${after}`]);
      resume();
      await Promise.resolve();
      await Promise.resolve();
      expect(reads.at(-1)).toBe(after);
    }
    expect(mayHold()).toBe(false);
    for (const [, tokenId] of rows) if (tokenId !== null) expect(filter.mayHold(tokenId, read, pause)).toBe(true);
  });

  it('goes on with the next question after a page could not be read', async () => {
    const { rows, read } = table(2500);
    const filter = new RevokedTokens();
    let isBroken = false;
    const mayBreak = (after: number, limit: number) => {
      if (isBroken) throw new RangeError('the store is gone');
      return read(after, limit);
    };
    const pause = async () => undefined;
    filter.mayHold('', mayBreak, pause);
    isBroken = true;
    await new Promise((resume) => setImmediate(resume));
    expect(() => filter.mayHold('', mayBreak, pause)).toThrow(RangeError);
    isBroken = false;
    filter.mayHold('', mayBreak, pause);
    await new Promise((resume) => setImmediate(resume));
    expect(filter.mayHold('not-revoked', mayBreak, pause)).toBe(false);
    expect(filter.mayHold(rows[2400]?.[1] ?? rows[2401]?.[1] ?? '', mayBreak, pause)).toBe(true);
  });

  it('asks for what came since, and only then', () => {
    const { rows, reads, read } = table(10);
    const filter = new RevokedTokens();
    expect(filter.mayHold('later', read)).toBe(false);
    rows.push([11, 'later']);
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
      return Array.from({ length: after < 200_000 ? limit : 0 }, () => [++seq, randomUUID()]);
    };
    while (filter.mayHold('', read)) if (seq >= 200_000) break;
    const inVain = Array.from({ length: 20_000 }, () => filter.mayHold(randomUUID(), read)).filter(Boolean).length;
    expect(inVain).toBeLessThan(40);
  });
});
