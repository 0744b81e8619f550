/** Rows of nonces: the same as a set of texts. */
import { describe, expect, it } from 'vitest';
import { NonceTable } from '../../../src/protocol/nonce-table.js';
import { campaignSize, runCases } from '../../fuzz/mutate.js';

/** Alike in all that a row could lose: length, end, spelling, characters beyond ASCII. */
const alike = [
  '',
  '\0',
  '\0\0',
  'n',
  'n\0',
  'N',
  'é',
  'e\u0301',
  'x'.repeat(43),
  'x'.repeat(44),
  `${'x'.repeat(43)}\0`,
  'x'.repeat(45),
  'x'.repeat(1000),
];

describe('a table of nonces', () => {
  it('tells all texts, and scopes, from each other', () => {
    const table = new NonceTable();
    for (const scope of [0, 1, 2 ** 31 - 1]) {
      for (const nonce of alike) {
        expect([nonce, table.has(scope, nonce)]).toEqual([nonce, false]);
        table.add(0);
      }
    }
    for (const scope of [0, 1, 2 ** 31 - 1])
      for (const nonce of alike) expect([nonce, table.has(scope, nonce)]).toEqual([nonce, true]);
    expect(table.has(2, 'n')).toBe(false);
  });

  it('has what was added and not dropped, however much it holds', async () => {
    const table = new NonceTable();
    /** By row. */
    const kept = new Map<number, { readonly scope: number; readonly nonce: string; readonly together: number }>();
    const texts = new Set<string>();
    let last = 0;
    let most = 0;
    const found = await runCases(campaignSize(60_000, 3_000_000), 71, (random) => {
      const scope = random.below(3);
      const nonce = random.chance(0.2) ? random.pick(alike) : `${random.below(20_000)}`.padStart(random.pick([1, 43, 50]), 'n');
      const isThere = table.has(scope, nonce);
      if (isThere !== texts.has(`${scope} ${nonce}`)) throw new Error(`${scope} ${nonce}: ${isThere}`);
      if (!isThere) {
        const row = table.add(last);
        if (kept.has(row)) throw new Error('a row that is in use');
        kept.set(row, { scope, nonce, together: last });
        texts.add(`${scope} ${nonce}`);
        last = row;
      }
      most = Math.max(most, kept.size);
      // Now and then all that were added together since the last time.
      if (random.chance(0.000_1)) {
        while (last !== 0) {
          const { scope: of, nonce: text, together } = kept.get(last) ?? { scope: -1, nonce: '', together: -1 };
          if (table.scopeOf(last) !== of || table.drop(last) !== together) throw new Error('another row');
          kept.delete(last);
          texts.delete(`${of} ${text}`);
          last = together;
        }
      }
      return isThere;
    });
    expect(found).toBeGreaterThan(0);
    expect(most).toBeGreaterThan(4096);
  });

  it('drops one of many that hang together, wherever it hangs', () => {
    const table = new NonceTable();
    // More than there are chains, before there are more of those.
    const rows = Array.from({ length: 3000 }, (_, i) => {
      table.has(0, `${i}`);
      return table.add(0);
    });
    const order = rows.map((row, i) => ({ row, i })).sort((one, other) => ((one.i * 7919) % 3001) - ((other.i * 7919) % 3001));
    for (const [at, { row }] of order.entries()) {
      table.drop(row);
      for (const { i } of order.slice(at, at + 1)) expect(table.has(0, `${i}`)).toBe(false);
      for (const { i } of order.slice(at + 1, at + 4)) expect(table.has(0, `${i}`)).toBe(true);
    }
  });

  it('is empty once it is cleared, and can be filled again', () => {
    const table = new NonceTable();
    table.has(0, 'n');
    table.add(0);
    table.clear();
    expect(table.has(0, 'n')).toBe(false);
    expect(table.add(0)).toBe(1);
    expect(table.has(0, 'n')).toBe(true);
  });

  it('refuses a text that two nonces could be stored as', () => {
    expect(() => new NonceTable().has(0, '\ud800')).toThrow(expect.objectContaining({ code: 'ERR_FORMAT_UTF8' }));
  });
});
