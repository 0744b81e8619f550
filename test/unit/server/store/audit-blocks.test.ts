import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditEvent, AuditFilter } from '../../../../src/server/domain/records.js';
import type { IssuerStore } from '../../../../src/server/store/sqlite-store.js';
import { atMs, tokenIdOf } from '../../../contract/store-fixtures.js';
import { type TemporaryData, temporaryData } from './temporary-store.js';

const hourMs = 3_600_000;
/** The clock is set back once. */
const timeOf = (i: number) => atMs + Math.floor(i / 1500) * hourMs - (i > 5000 && i < 5100 ? 3 * hourMs : 0);
/** Of the time of the entry, or of the first ones: of their time in them, and of another in the later. */
const tokenOf = (i: number) => tokenIdOf(i % 8 === 0 ? timeOf(i) : atMs, Math.floor(i / 8) % 3);
/** Somewhat more than two blocks. */
const events: readonly AuditEvent[] = Array.from({ length: 9000 }, (_, i) => ({
  atMs: timeOf(i),
  event: i === 4500 ? 'client.disabled' : i % 2 === 0 ? 'token.minted' : 'login.failed',
  actor: i === 8999 ? 'once' : `actor-${i % 3}`,
  ...(i % 5 === 0 ? {} : { client: i < 4000 ? 'early' : `actor-${i % 7}` }),
  ...(i > 8500 ? { audience: 'late' } : i < 10 ? { audience: 'first' } : {}),
  ...(i % 4 === 0 ? { tokenId: i === 4400 ? 'no UUID' : tokenOf(i) } : {}),
  details: {},
}));

let data: TemporaryData;
let store: IssuerStore;
beforeAll(async () => {
  data = temporaryData();
  store = await data.create();
  for (let from = 0; from < events.length; from += 1000) {
    await store.transaction('grow', async (tx) => {
      for (const event of events.slice(from, from + 1000)) await tx.appendAudit(event);
    });
  }
});
afterAll(() => data.dispose());

/** What a filter means, entry by entry. */
function isAskedFor(event: AuditEvent, seq: number, filter: AuditFilter): boolean {
  const names = ['event', 'actor', 'client', 'audience', 'tokenId'] as const;
  if (names.some((name) => filter[name] !== undefined && filter[name] !== event[name])) return false;
  const { sinceMs = Number.NEGATIVE_INFINITY, untilMs = Number.POSITIVE_INFINITY, after = 0 } = filter;
  return seq > after && event.atMs >= sinceMs && event.atMs <= untilMs;
}

function expected(filter: AuditFilter): readonly number[] {
  const seqs = events.flatMap((event, i) => (isAskedFor(event, i + 1, filter) ? [i + 1] : []));
  return seqs.slice(0, filter.limit);
}

describe('a list of audit entries', () => {
  it('has just those that are asked for, in order, wherever they are in the log', async () => {
    const maybe = <T>(...values: readonly T[]) => fc.option(fc.constantFrom(...values), { nil: undefined });
    const time = fc.option(
      fc.integer({ min: -4, max: 8 }).map((hours) => atMs + hours * hourMs),
      { nil: undefined },
    );
    const filters = fc.record({
      event: maybe('token.minted', 'login.failed', 'client.disabled', 'never'),
      actor: maybe('actor-0', 'actor-1', 'once', 'nobody'),
      client: maybe('early', 'actor-0', 'actor-5', 'nobody'),
      audience: maybe('first', 'late', 'nothing'),
      tokenId: maybe(tokenOf(0), tokenOf(8), tokenOf(3000), tokenOf(5040), tokenIdOf(timeOf(3000), 9), tokenIdOf(0), 'no UUID'),
      sinceMs: time,
      untilMs: time,
      after: fc.option(fc.integer({ min: 0, max: 9001 }), { nil: undefined }),
      limit: fc.constantFrom(1, 10, 1000),
    });
    await fc.assert(
      fc.asyncProperty(filters, async (filter) => {
        expect((await store.read.audit(filter)).map(({ seq }) => seq)).toEqual(expected(filter));
      }),
      { numRuns: 150 },
    );
  });

  it('has what the transaction that asks for it has added', async () => {
    const seen = await store
      .transaction('grow', async (tx) => {
        await tx.appendAudit({ atMs, event: 'only.here', actor: 'x', details: {} });
        throw new RangeError(String((await tx.audit({ event: 'only.here', limit: 10 })).length));
      })
      .catch((error: unknown) => error);
    expect(seen).toEqual(new RangeError('1'));
    expect(await store.read.audit({ event: 'only.here', limit: 10 })).toEqual([]);
    await store.transaction('grow', (tx) => tx.appendAudit({ atMs, event: 'only.here', actor: 'x', details: {} }));
    expect(await store.read.audit({ event: 'only.here', limit: 10 })).toHaveLength(1);
  });

  it('leaves the event loop to others between two blocks', async () => {
    let turns = 0;
    let isOver = false;
    const count = async () => {
      for (; !isOver; turns++) await new Promise((resume) => setImmediate(resume));
    };
    const counted = count();
    await store.read.audit({ actor: 'actor-1', client: 'actor-6', event: 'client.disabled', limit: 1000 });
    await store.read.audit({ audience: 'late', limit: 1000 });
    await store.read.audit({ client: 'actor-6', limit: 1000 });
    isOver = true;
    await counted;
    expect(turns).toBeGreaterThanOrEqual(2);
  });
});
