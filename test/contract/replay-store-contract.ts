/** What every replay store does, and what `claimNonce` makes of it at the edges of the window, whoever keeps the nonces. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimNonce, type ReplayStore } from '../../src/protocol/replay-store.js';

/** Opens a new, empty store. One that is born at `bornAtMs` 0 was there before any message, where that can be. */
export type OpenReplayStore = (options: {
  readonly clock: () => number;
  readonly maxNonces?: number;
  readonly bornAtMs?: 0;
}) => ReplayStore;

const startMs = Date.UTC(2026, 10, 21, 22, 21);
const laterMs = startMs + 120_000;

/** One genuine message, as an auth method sees it. */
interface Message {
  readonly nonce: string;
  readonly sentAtMs: number;
}

/** What an auth method does with a message whose signature held: strictly within the window, then the nonce. */
async function accept(store: ReplayStore, message: Message, nowMs: number, windowMs: number): Promise<string> {
  const { nonce, sentAtMs } = message;
  if (Math.abs(nowMs - sentAtMs) >= windowMs) return 'stale';
  return await claimNonce(store, { scope: 'mail', nonce, sentAtMs, windowMs, staleAtMs: sentAtMs + windowMs });
}

export function describeReplayStoreContract(name: string, open: OpenReplayStore): void {
  describe(`${name}: a claim`, () => {
    let nowMs = startMs;
    let store: ReplayStore;
    const use = (options: { readonly maxNonces?: number; readonly bornAtMs?: 0 } = {}): ReplayStore => {
      store = open({ clock: () => nowMs, ...options });
      return store;
    };
    beforeEach(() => {
      nowMs = startMs;
    });
    afterEach(() => store.close());

    const claim = async (scope: string, nonce: string, expiresAtMs: number): Promise<boolean> =>
      await store.claim(scope, nonce, expiresAtMs);

    it('is new once', async () => {
      use();
      expect(await claim('mail', 'n', laterMs)).toBe(true);
      expect(await claim('mail', 'n', laterMs)).toBe(false);
      expect(await claim('mail', 'n', laterMs + 1)).toBe(false);
    });

    it('is new for one of many that come at once', async () => {
      use();
      const outcomes = await Promise.all(Array.from({ length: 100 }, () => claim('mail', 'n', laterMs)));
      expect(outcomes.filter((isNew) => isNew)).toHaveLength(1);
    });

    it('tells scopes from nonces, and spellings from each other', async () => {
      use();
      const pairs: readonly (readonly [string, string])[] = [
        ['ab', 'c'],
        ['a', 'bc'],
        ['abc', ''],
        ['', 'abc'],
        ['a\u0000b', 'c'],
        ['a', 'b\u0000c'],
        ['a', 'n'],
        ['a', 'N'],
        ['a', 'n '],
        ['a', '1'],
        ['a', '01'],
        ['a', '1.0'],
        ['a', '\u00e9'],
        ['a', 'e\u0301'],
        ['__proto__', 'constructor'],
        ['mail', 'it’s " \' ; --'],
      ];
      for (const [scope, nonce] of pairs)
        expect([scope, nonce, await claim(scope, nonce, laterMs)]).toEqual([scope, nonce, true]);
      for (const [scope, nonce] of pairs)
        expect([scope, nonce, await claim(scope, nonce, laterMs)]).toEqual([scope, nonce, false]);
    });

    it('tells long nonces and scopes that begin alike from each other', async () => {
      use();
      const long = 'x'.repeat(100_000);
      for (const text of [long, `${long}1`, `${long}2`, 'x'.repeat(64), 'x'.repeat(65), 'é'.repeat(33)]) {
        expect(await claim('mail', text, laterMs)).toBe(true);
        expect(await claim('mail', text, laterMs)).toBe(false);
        expect(await claim(text, 'n', laterMs)).toBe(true);
        expect(await claim(text, 'n', laterMs)).toBe(false);
      }
    });

    it('is refused for a text that two nonces could be stored as', async () => {
      use();
      await expect(async () => claim('mail', '\ud800', laterMs)).rejects.toMatchObject({ code: 'ERR_FORMAT_UTF8' });
      await expect(async () => claim('\udfff', 'n', laterMs)).rejects.toMatchObject({ code: 'ERR_FORMAT_UTF8' });
    });

    it.each([Number.NaN, Number.POSITIVE_INFINITY, 1e17])('is refused for an end that is no time: %d', async (expiresAtMs) => {
      use();
      await expect(async () => claim('mail', 'n', expiresAtMs)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    });

    it('is refused while the clock tells no time', async () => {
      use();
      nowMs = Number.NaN;
      await expect(async () => claim('mail', 'n', laterMs)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    });

    it('is kept until it expires, to the millisecond', async () => {
      use();
      expect(await claim('mail', 'n', startMs + 10_500)).toBe(true);
      for (const passedMs of [1, 9_999, 10_000, 10_498, 10_499]) {
        nowMs = startMs + passedMs;
        expect(await claim('mail', 'n', laterMs)).toBe(false);
      }
    });

    it('is never new when it has expired already: it may be forgotten', async () => {
      use();
      expect(await claim('mail', 'n', startMs)).toBe(false);
      expect(await claim('mail', 'n', startMs - 1)).toBe(false);
      expect(await claim('mail', 'n', startMs + 1)).toBe(true);
    });

    it('stays used after the clock was set back, however much was forgotten', async () => {
      use();
      expect(await claim('mail', 'n', startMs + 65_000)).toBe(true);
      for (const passedMs of [65_000, 70_000, 3_600_000, 86_400_000]) {
        nowMs = startMs + passedMs;
        expect(await claim('mail', `at ${passedMs}`, nowMs + 65_000)).toBe(true);
      }
      for (const passedMs of [3_600_000, 60_000, 1, 0, -3_600_000]) {
        nowMs = startMs + passedMs;
        expect(await claim('mail', 'n', startMs + 65_000)).toBe(false);
        expect(await claim('mail', 'at 65000', startMs + 130_000)).toBe(false);
        expect(await claim('mail', 'at 86400000', startMs + 86_465_000)).toBe(false);
      }
    });

    it('goes on after the clock was set forward and back', async () => {
      use();
      nowMs = startMs + 86_400_000;
      expect(await claim('mail', 'in the future', nowMs + 65_000)).toBe(true);
      nowMs = startMs;
      expect(await claim('mail', 'now', startMs + 65_000)).toBe(true);
      expect(await claim('mail', 'now', startMs + 65_000)).toBe(false);
    });

    it('is refused when all room is taken, until some expires', async () => {
      use({ maxNonces: 10 });
      for (let i = 0; i < 10; i++) expect(await claim(`scope ${i}`, 'n', startMs + 10_000 + i)).toBe(true);
      await expect(async () => claim('another', 'n', laterMs)).rejects.toMatchObject({ code: 'ERR_STORE_FULL' });
      nowMs = startMs + 9_999;
      await expect(async () => claim('another', 'n', laterMs)).rejects.toMatchObject({ code: 'ERR_STORE_FULL' });
      nowMs = startMs + 11_000;
      expect(await claim('another', 'n', laterMs)).toBe(true);
      expect(await claim('another', 'n', laterMs)).toBe(false);
    });

    it('is refused to who has taken its share, and to nobody else', async () => {
      use({ maxNonces: 100 });
      const outcomes = await Promise.allSettled(
        Array.from({ length: 12 }, async (_, i) => claim('greedy', `${i}`, startMs + 10_000)),
      );
      expect(outcomes.filter((one) => one.status === 'fulfilled' && one.value)).toHaveLength(10);
      for (const one of outcomes.slice(10)) expect(one).toMatchObject({ status: 'rejected', reason: { code: 'ERR_STORE_FULL' } });
      expect(await claim('mail', 'n', laterMs)).toBe(true);
      nowMs = startMs + 11_000;
      expect(await claim('greedy', 'again', laterMs)).toBe(true);
    });

    it('is not answered with "new" once the store is closed', async () => {
      use();
      expect(await claim('mail', 'n', laterMs)).toBe(true);
      await store.close();
      const late = async () => claim('mail', 'n', laterMs);
      expect(await late().catch((error: { code: string }) => error.code)).toBeOneOf([false, 'ERR_STORE_UNAVAILABLE']);
      const other = async () => claim('mail', 'other', laterMs);
      expect(await other().catch((error: { code: string }) => error.code)).toBeOneOf([false, 'ERR_STORE_UNAVAILABLE']);
    });

    it.each([0, -1, 1.5, Number.NaN, 1e9])('no store is made for %d nonces', (maxNonces) => {
      use();
      expect(() => open({ clock: () => nowMs, maxNonces })).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
    });

    it('no store is made by a clock that tells no time', () => {
      use();
      expect(() => open({ clock: () => Number.NaN })).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
    });
  });

  describe.each([5_000, 30_000, 60_000])(`${name}: a message within a window of %d ms`, (windowMs) => {
    let nowMs = startMs;
    let store: ReplayStore;
    /** Older than every message, so that its birth refuses none. */
    beforeEach(() => {
      nowMs = startMs - 3_600_000;
      store = open({ clock: () => nowMs });
      nowMs = startMs;
    });
    afterEach(() => store.close());

    const edges = [-windowMs, -windowMs + 1, -windowMs + 2, -1, 0, 1, windowMs - 2, windowMs - 1, windowMs];
    /** From arrival on. */
    const laterBy = [0, 1, windowMs - 1, windowMs, windowMs + 1, 2 * windowMs - 1, 2 * windowMs, 2 * windowMs + 1];
    /** The store has had its reason to forget by then. */
    const longAfter = [windowMs + 60_000, 2 * windowMs + 59_999, 2 * windowMs + 60_000, 2 * windowMs + 60_001, 3_600_000];

    it.each(edges)('that arrives %d ms after it was sent is accepted once at the most, at whatever time', async (ageMs) => {
      const message = { nonce: `n${ageMs}`, sentAtMs: startMs - ageMs };
      const isFresh = Math.abs(ageMs) < windowMs;
      expect(await accept(store, message, nowMs, windowMs)).toBe(isFresh ? 'new' : 'stale');
      if (!isFresh) return;
      for (const passedMs of new Set([...laterBy, ...longAfter])) {
        nowMs = startMs + passedMs;
        expect(await accept(store, { nonce: `other ${passedMs}`, sentAtMs: nowMs }, nowMs, windowMs)).toBe('new');
        const isFreshStill = Math.abs(nowMs - message.sentAtMs) < windowMs;
        expect([passedMs, await accept(store, message, nowMs, windowMs)]).toEqual([
          passedMs,
          isFreshStill ? 'repeated' : 'stale',
        ]);
      }
    });

    it('is refused when a process whose clock lags asks again, up to a minute after the store has dropped what expired', async () => {
      const message = { nonce: 'n', sentAtMs: startMs };
      expect(await accept(store, message, nowMs, windowMs)).toBe('new');
      nowMs = startMs + windowMs + 60_000 + 2_000;
      expect(await accept(store, { nonce: 'other', sentAtMs: nowMs }, nowMs, windowMs)).toBe('new');
      expect(await accept(store, message, startMs + windowMs - 1, windowMs)).toBe('repeated');
    });

    it('is accepted by a process whose clock lags by almost a minute behind one that has dropped what expired', async () => {
      expect(await accept(store, { nonce: 'n', sentAtMs: nowMs }, nowMs, windowMs)).toBe('new');
      nowMs = startMs + 3_600_000;
      expect(await accept(store, { nonce: 'm', sentAtMs: nowMs }, nowMs, windowMs)).toBe('new');
      const laggingMs = nowMs - 59_999;
      expect(await accept(store, { nonce: 'o', sentAtMs: laggingMs - windowMs + 1 }, laggingMs, windowMs)).toBe('new');
    });

    it('is accepted once at the most, whatever the clock does', async () => {
      const step = fc.record({
        moveMs: fc.oneof(
          fc.integer({ min: -3 * windowMs, max: 3 * windowMs }),
          fc.constantFrom(-86_400_000, -windowMs, -1, 0, 0, 0, 1, windowMs, 60_000, 86_400_000),
        ),
        offsetMs: fc.integer({ min: -windowMs, max: windowMs }),
        replay: fc.option(fc.nat(), { freq: 2 }),
      });
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
          run++;
          nowMs = startMs - 3_600_000;
          const own = open({ clock: () => nowMs });
          nowMs = startMs;
          const sent: Message[] = [];
          const accepted = new Map<string, number>();
          for (const { moveMs, offsetMs, replay } of steps) {
            nowMs = Math.max(startMs, nowMs + moveMs);
            const old = replay === null ? undefined : sent[replay % Math.max(1, sent.length)];
            const message = old ?? { nonce: `${run}-${sent.length}`, sentAtMs: nowMs + offsetMs };
            if (old === undefined) sent.push(message);
            if ((await accept(own, message, nowMs, windowMs)) !== 'new') continue;
            accepted.set(message.nonce, (accepted.get(message.nonce) ?? 0) + 1);
          }
          await own.close();
          expect([...accepted.values()].filter((times) => times > 1)).toEqual([]);
        }),
        { numRuns: process.env['MACAROOND_TEST_LONG'] ? 1000 : 20 },
      );
    });

    it('that was sent before the store was made is not known to be new, whatever its sender’s clock', async () => {
      nowMs = startMs;
      const born = open({ clock: () => nowMs });
      const sentJustBefore = { nonce: 'n', sentAtMs: startMs + windowMs - 1 };
      expect(await accept(born, sentJustBefore, nowMs, windowMs)).toBe('unknown');
      nowMs = startMs + 2 * windowMs - 2;
      expect(await accept(born, sentJustBefore, nowMs, windowMs)).toBe('unknown');
      expect(await accept(born, { nonce: 'm', sentAtMs: startMs + windowMs }, nowMs, windowMs)).toBe('new');
      await born.close();
    });
  });
}
