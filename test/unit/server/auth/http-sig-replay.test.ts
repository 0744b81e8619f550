/** `http_sig` in time: at the edges of its windows, and a second time. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../../../src/protocol/http-signature/index.js';
import { memoryReplayStore } from '../../../../src/protocol/memory-replay-store.js';
import { sqliteReplayStore } from '../../../../src/verifier/sqlite.js';
import { mail, nowSeconds, type Order, outcomeOf, signed, withHeaders } from './http-sig-requests.js';
import { loginBench, requestOf, startMs } from './login-bench.js';

describe('the times of a signature', () => {
  const createdAhead = { created: nowSeconds + 5, expires: nowSeconds + 65 };
  it.each<[string, Order, number, string]>([
    ['created 5 s ahead', createdAhead, 0, 'ok'],
    ['created 5 s and 1 ms ahead', createdAhead, -1, 'time_wrong'],
    ['created 5 s less 1 ms ahead', createdAhead, 1, 'ok'],
    ['created 6 s ahead', { created: nowSeconds + 6, expires: nowSeconds + 66 }, 0, 'time_wrong'],
    ['1 ms before it expires', {}, 59_999, 'ok'],
    ['when it expires', {}, 60_000, 'time_wrong'],
    ['1 ms after', {}, 60_001, 'time_wrong'],
    ['at twice its life', {}, 120_000, 'time_wrong'],
    ['a life of one second, at its end', { expires: nowSeconds + 1 }, 1_000, 'time_wrong'],
    ['a life of one second, before', { expires: nowSeconds + 1 }, 999, 'ok'],
    ['no life', { expires: nowSeconds }, 0, 'time_wrong'],
  ])('%s', async (_, order, atMs, outcome) => {
    const bench = loginBench({ mail });
    const request = requestOf(await signed(order));
    bench.time.nowMs = startMs + atMs;
    expect(await bench.outcome(request)).toBe(outcome);
  });
});

describe('a request is accepted once', () => {
  it('at no time again, nor by a process that shares the store', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'http-sig-'));
    let nowMs = startMs;
    const open = () => sqliteReplayStore(join(folder, 'replay.db'), { clock: () => nowMs, bornAtMs: 0 });
    const stores = [open(), open()] as const;
    try {
      const benches = stores.map((replayStore) => loginBench({ mail }, { replayStore }));
      const request = requestOf(await signed({ created: nowSeconds + 5, expires: nowSeconds + 65 }));
      const outcomes = await Promise.all(benches.flatMap((bench) => [bench.outcome(request), bench.outcome(request)]));
      expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(1);
      const times = [0, 1, 4_999, 5_000, 5_001, 59_999, 60_000, 64_999, 65_000, 65_001, 119_999, 120_000, 125_001, 1_000_000, 0];
      for (const atMs of times) {
        nowMs = startMs + atMs;
        for (const bench of benches) {
          bench.time.nowMs = nowMs;
          expect([atMs, await bench.outcome(request)]).not.toEqual([atMs, 'ok']);
        }
      }
    } finally {
      for (const store of stores) await store.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('also when it came too early to be accepted then: its client takes it for refused', async () => {
    const bench = loginBench({ mail });
    const request = requestOf(await signed({ created: nowSeconds + 30, expires: nowSeconds + 90 }));
    expect(await bench.outcome(request)).toBe('time_wrong');
    bench.time.nowMs = startMs + 30_000;
    expect(await bench.outcome(request)).toBe('replayed');
  });

  it.each([
    ['a day', 86_400, 1],
    ['a day and a second', 86_401, 0],
    ['the last minute that there is', 8.64e12 - 60 - nowSeconds, 0],
  ])('for %s ahead, and it is not kept for longer than a day', async (_, aheadSeconds, count) => {
    const kept: string[] = [];
    const store = memoryReplayStore({ clock: () => startMs, maxNonces: 10 });
    const claim = (...[scope, nonce, untilMs]: Parameters<typeof store.claim>) => {
      kept.push(nonce);
      return store.claim(scope, nonce, untilMs);
    };
    const bench = loginBench({ mail }, { replayStore: { bornAtMs: 0, claim, close: () => {} } });
    const created = nowSeconds + aheadSeconds;
    expect(await bench.outcome(requestOf(await signed({ created, expires: created + 60 })))).toBe('time_wrong');
    expect(kept).toHaveLength(count);
  });

  it('whatever the signature: a second one with the same nonce is a replay', async () => {
    const bench = loginBench({ mail });
    expect(await bench.outcome(requestOf(await signed({ nonce: 'the-same-nonce-00' })))).toBe('ok');
    const other = await signed({ nonce: 'the-same-nonce-00', label: 'other', expires: nowSeconds + 59 });
    expect(await bench.outcome(requestOf(other))).toBe('replayed');
    expect(await bench.outcome(requestOf(await signed({ nonce: 'the-same-nonce-00', algorithm: 'hmac-sha256' })))).toBe('ok');
  });

  it('also as its ECDSA twin (r, n - s), whose signature holds as well', async () => {
    const bench = loginBench({ mail });
    const request = await signed({ algorithm: 'ecdsa-p256-sha256' });
    const twin = withHeaders(request, { signature: `sig1=:${twinOf(String(request.headers?.['signature']))}:` });
    expect(twin.headers?.['signature']).not.toBe(request.headers?.['signature']);
    expect(await outcomeOf(twin)).toBe('ok');
    expect(await bench.outcome(requestOf(request))).toBe('ok');
    expect(await bench.outcome(requestOf(twin))).toBe('replayed');
  });

  it('also with headers in another spelling of the same', async () => {
    const bench = loginBench({ mail });
    const request = await signed();
    expect(await bench.outcome(requestOf(request))).toBe('ok');
    const spaced = withHeaders(request, {
      signature: `  ${request.headers?.['signature']}`,
      'signature-input': `${request.headers?.['signature-input']} `,
    });
    expect(await bench.outcome(requestOf(spaced))).toBe('replayed');
  });
});

/** Base64 of the other ECDSA signature that holds for the same message. */
function twinOf(header: string): string {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const bytes = decodeBase64(header.slice('sig1=:'.length, -1)) ?? new Uint8Array();
  const s = BigInt(`0x${Buffer.from(bytes.subarray(32)).toString('hex')}`);
  const twin = Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex');
  return encodeBase64(new Uint8Array([...bytes.subarray(0, 32), ...twin]));
}
