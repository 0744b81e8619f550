import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeBase64url } from '../../../../src/core/index.js';
import {
  createVerifier,
  type IssuerKeysOptions,
  type KeySource,
  type RevocationSubject,
} from '../../../../src/verifier/index.js';
import { issuerKeysFrom } from '../../../../src/verifier/key-sources/issuer-keys.js';
import { KeyRing } from '../../../../src/verifier/key-sources/key-ring.js';
import { seededRandom } from '../../../fuzz/mutate.js';
import { audience, client, generation, nowMs, rootKeyId, tokenId, tokenOf } from '../samples.js';
import { FakeIssuer, firstKey, gate, keyOfGeneration } from './fake-issuer.js';

const subject: RevocationSubject = { tokenId, issuedAtMs: nowMs - 1000, client, audience, rootKeyId, generation };
let issuer: FakeIssuer;
/** What the wall clock is off by. */
let clockOffsetMs = 0;
const sources: KeySource[] = [];

beforeEach(() => {
  vi.useFakeTimers({ now: nowMs });
  issuer = new FakeIssuer();
  clockOffsetMs = 0;
});

afterEach(async () => {
  for (const source of sources.splice(0)) await source.close();
  vi.useRealTimers();
});

function sourceOf(options: IssuerKeysOptions = {}): KeySource {
  const source = issuerKeysFrom(issuer, { clock: () => Date.now() + clockOffsetMs, ...options });
  sources.push(source);
  return source;
}

/** A source that has synchronised. */
async function syncedSource(options: IssuerKeysOptions = {}): Promise<KeySource> {
  const source = sourceOf(options);
  await source.find(audience, rootKeyId, generation);
  return source;
}

const passMs = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const stale = expect.objectContaining({ code: 'ERR_SOURCE_STALE' });

function revocationCode(source: KeySource): unknown {
  try {
    return source.revocationOf(subject);
  } catch (error) {
    return error;
  }
}

describe('the first use', () => {
  it('is what starts the work', async () => {
    const source = sourceOf();
    await passMs(10_000);
    expect(issuer.calls).toEqual([]);
    expect(await source.find(audience, rootKeyId, generation)).toMatchObject({ found: true, entry: { client, rootKeyId } });
    expect(issuer.calls).toEqual(expect.arrayContaining([`keys ${audience} 0`, 'revocations 0']));
  });

  it('waits for all pages, and for revocations as well as keys', async () => {
    issuer.pageSize = 1;
    issuer.keys = [keyOfGeneration(5), keyOfGeneration(6), firstKey];
    issuer.revoke({ kind: 'token', token_id: '019abcde-0000-7000-8000-000000000000' });
    issuer.revoke({ kind: 'token', token_id: tokenId });
    const source = await syncedSource();
    expect(issuer.countOf('key ')).toBe(0);
    expect(revocationCode(source)).toBe('ERR_REVOKED_TOKEN');
  });

  it('fails with the issuer, at once for all who ask, and recovers by itself', async () => {
    issuer.isReachable = false;
    const source = sourceOf();
    const unreachable = { code: 'ERR_ISSUER_UNREACHABLE' };
    const asked = [source.find(audience, rootKeyId, generation), source.find(audience, rootKeyId, generation)];
    for (const one of asked) await expect(one).rejects.toMatchObject(unreachable);
    await expect(source.find(audience, rootKeyId, generation)).rejects.toMatchObject(unreachable);
    expect(issuer.countOf('revocations')).toBe(1);
    expect(revocationCode(source)).toEqual(stale);
    issuer.isReachable = true;
    await passMs(1000);
    expect(await source.find(audience, rootKeyId, generation)).toMatchObject({ found: true });
    expect(revocationCode(source)).toBeUndefined();
  });

  it('fails when only one of both lists can be had', async () => {
    issuer.beforeAnswer = (call) => (call.startsWith('revocations') ? Promise.reject(new Error('lost')) : undefined);
    await expect(sourceOf().find(audience, rootKeyId, generation)).rejects.toThrow('lost');
  });

  it('settles the audience', async () => {
    const source = await syncedSource();
    expect(() => source.find('other', rootKeyId, generation)).toThrow(expect.objectContaining({ argument: 'audience' }));
  });
});

describe('polling', () => {
  it('asks for what changed since the cursor, every interval', async () => {
    await syncedSource({ pollIntervalMs: 2000 });
    await passMs(6000);
    expect(issuer.calls.filter((call) => call.startsWith('revocations'))).toHaveLength(4);
    expect(issuer.calls.filter((call) => call === `keys ${audience} 1`)).toHaveLength(3);
  });

  it.each([
    ['ERR_REVOKED_TOKEN', { kind: 'token', token_id: tokenId }],
    ['ERR_REVOKED_CLIENT', { kind: 'client', client, before: '2026-11-21T22:20:59Z' }],
  ] as const)('brings %s within an interval', async (code, target) => {
    const source = await syncedSource();
    expect(revocationCode(source)).toBeUndefined();
    issuer.revoke(target);
    await passMs(1000);
    expect(revocationCode(source)).toBe(code);
    expect(await source.find(audience, rootKeyId, generation)).toMatchObject({ found: true });
  });

  it.each([
    ['ERR_REVOKED_ROOT_KEY', { kind: 'root_key', root_key_id: rootKeyId }],
    ['ERR_REVOKED_AUDIENCE_KEY', { kind: 'audience_key', audience, generation }],
  ] as const)('brings %s within an interval, and the key is gone', async (code, target) => {
    const source = await syncedSource();
    issuer.revoke(target);
    await passMs(1000);
    expect(source.find(audience, rootKeyId, generation)).toEqual({ found: false, code });
    expect(revocationCode(source)).toBe(code);
    expect(issuer.countOf('key ')).toBe(0);
  });

  it('leaves the other generation alone when one is revoked', async () => {
    issuer.keys.push(keyOfGeneration(2));
    const source = await syncedSource();
    issuer.revoke({ kind: 'audience_key', audience, generation });
    issuer.revoke({ kind: 'audience_key', audience: 'other', generation: 2 });
    await passMs(1000);
    expect(source.find(audience, rootKeyId, generation)).toMatchObject({ found: false });
    expect(source.find(audience, rootKeyId, 2)).toMatchObject({ found: true });
  });

  it('keeps the very key object when the issuer sends a key again', async () => {
    const source = await syncedSource();
    const before = await source.find(audience, rootKeyId, generation);
    issuer.keys.push({ ...firstKey, state: 'passive' });
    await passMs(1000);
    expect(issuer.calls).toContain(`keys ${audience} 1`);
    expect(await source.find(audience, rootKeyId, generation)).toBe(before);
  });

  it('reads everything anew when the issuer does not know the cursor any more, and swaps in the keys at once', async () => {
    issuer.keys = [keyOfGeneration(2), firstKey];
    const source = await syncedSource();
    issuer.keys = [firstKey];
    const held = gate();
    issuer.beforeAnswer = (call) => (call === `keys ${audience} 0` ? held.passed : undefined);
    await passMs(1000);
    expect(issuer.countOf(`keys ${audience} 0`)).toBe(2);
    expect(await source.find(audience, rootKeyId, 2)).toMatchObject({ found: true });
    held.open();
    await passMs(0);
    expect(await source.find(audience, rootKeyId, 2)).toMatchObject({ found: false, code: 'ERR_KEY_UNKNOWN' });
  });

  it('revokes no less when the issuer comes back from a backup that lacks revocations', async () => {
    issuer.revoke({ kind: 'token', token_id: tokenIdOf(1) });
    issuer.revoke({ kind: 'token', token_id: tokenId });
    issuer.revoke({ kind: 'root_key', root_key_id: encodeBase64url(new Uint8Array(16)) });
    const source = await syncedSource();
    issuer.revoked = [{ kind: 'client', client: 'chat', before: '2026-11-21T22:21:00Z' }];
    await passMs(1000);
    expect(issuer.countOf('revocations 0')).toBe(2);
    expect(revocationCode(source)).toBe('ERR_REVOKED_TOKEN');
    expect(source.revocationOf({ ...subject, tokenId: tokenIdOf(2), client: 'chat' })).toBe('ERR_REVOKED_CLIENT');
    expect(source.find(audience, encodeBase64url(new Uint8Array(16)), 1)).toMatchObject({ code: 'ERR_REVOKED_ROOT_KEY' });
  });

  it('brings revocations whatever becomes of the key list', async () => {
    const source = await syncedSource();
    issuer.beforeAnswer = (call) => (call.startsWith('keys ') ? new Promise(() => {}) : undefined);
    await passMs(1000);
    issuer.revoke({ kind: 'token', token_id: tokenId });
    await passMs(1000);
    expect(revocationCode(source)).toBe('ERR_REVOKED_TOKEN');
    await passMs(120_000);
    expect(revocationCode(source)).toBe('ERR_REVOKED_TOKEN');
  });

  it('brings keys whatever becomes of the revocations', async () => {
    const source = await syncedSource();
    issuer.beforeAnswer = (call) => (call.startsWith('revocations') ? new Promise(() => {}) : undefined);
    await passMs(1000);
    issuer.keys.push(keyOfGeneration(2));
    await passMs(1000);
    expect(source.find(audience, rootKeyId, 2)).toMatchObject({ found: true });
  });

  it('ends, and allows nothing, when a list never does', async () => {
    let pages = 0;
    issuer.revocations = async (after) => {
      if (++pages > 100_000) throw new Error('asked for ever');
      return { revocations: [], cursor: after + 1, more: true };
    };
    await expect(sourceOf().find(audience, rootKeyId, generation)).rejects.toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
  });

  it.each<[string, unknown]>([
    ['no object', []],
    ['no list', { cursor: 1, more: false }],
    ['a cursor that is no number', { revocations: [], cursor: '1', more: false }],
    ['more at the same cursor', { revocations: [], cursor: 0, more: true }],
    ['a revocation of an unknown kind', { revocations: [{ kind: 'planet' }], cursor: 1, more: false }],
    ['a broken time', { revocations: [{ kind: 'client', client, before: 'noon', revoked_at: 'x' }], cursor: 1, more: false }],
  ])('goes stale rather than skip what it cannot read: %s', async (_, answer) => {
    const source = await syncedSource({ maxStalenessMs: 5000 });
    issuer.revocations = async () => answer;
    await passMs(5001);
    expect(revocationCode(source)).toEqual(stale);
  });

  it('goes on after the last page it read when it was interrupted', async () => {
    const source = await syncedSource();
    issuer.pageSize = 1;
    issuer.revoke({ kind: 'token', token_id: tokenId });
    issuer.revoke({ kind: 'token', token_id: tokenIdOf(1) });
    issuer.beforeAnswer = (call) => (call === 'revocations 1' ? Promise.reject(new Error('lost')) : undefined);
    await passMs(1000);
    expect(revocationCode(source)).toBe('ERR_REVOKED_TOKEN');
    issuer.beforeAnswer = () => {};
    await passMs(1000);
    expect(issuer.calls.filter((call) => call.startsWith('revocations')).slice(1)).toEqual([
      'revocations 0',
      'revocations 1',
      'revocations 1',
    ]);
  });

  it('does not keep a revoked key in memory', async () => {
    const dropped = vi.spyOn(KeyRing.prototype, 'dropRootKey');
    await syncedSource();
    issuer.revoke({ kind: 'root_key', root_key_id: rootKeyId });
    await passMs(1000);
    expect(dropped.mock.calls).toEqual([[rootKeyId]]);
    const ring = dropped.mock.contexts[0] as KeyRing;
    dropped.mockRestore();
    expect(ring.get(rootKeyId, generation)).toBeUndefined();
  });

  it('does not keep the process alive', async () => {
    const setTimer = vi.spyOn(globalThis, 'setTimeout');
    await syncedSource();
    await passMs(3000);
    const timers = setTimer.mock.results.map(({ value }) => value);
    setTimer.mockRestore();
    expect(timers.length).toBeGreaterThan(3);
    expect(timers.filter((timer) => timer.hasRef())).toEqual([]);
  });

  it('ends with close', async () => {
    const source = await syncedSource();
    await source.close();
    const count = issuer.calls.length;
    await passMs(60_000);
    expect(issuer.calls).toHaveLength(count);
    expect(issuer.isClosed).toBe(true);
    expect(() => source.find(audience, rootKeyId, generation)).toThrow(stale);
    expect(revocationCode(source)).toEqual(stale);
  });

  it('asks for no further page once it was closed', async () => {
    const source = await syncedSource();
    issuer.pageSize = 1;
    for (let i = 0; i < 5; i++) issuer.revoke({ kind: 'token', token_id: tokenIdOf(i) });
    const held = gate();
    issuer.beforeAnswer = (call) => (call === 'revocations 1' ? held.passed : undefined);
    await passMs(1000);
    await source.close();
    const count = issuer.calls.length;
    held.open();
    await passMs(10_000);
    expect(issuer.calls).toHaveLength(count);
  });

  it('does not begin again when it was closed during a poll', async () => {
    const source = await syncedSource();
    const held = gate();
    issuer.beforeAnswer = () => held.passed;
    await passMs(1000);
    await source.close();
    held.open();
    const count = issuer.calls.length;
    await passMs(10_000);
    expect(issuer.calls).toHaveLength(count);
  });
});

describe('staleness', () => {
  it('begins when the last contact is older than allowed, and ends with the next', async () => {
    const source = await syncedSource();
    issuer.isReachable = false;
    await passMs(60_000);
    expect(revocationCode(source)).toBeUndefined();
    await passMs(1);
    expect(revocationCode(source)).toEqual(stale);
    issuer.isReachable = true;
    await passMs(1000);
    expect(revocationCode(source)).toBeUndefined();
  });

  it('counts from when the poll was sent, not from when its answer came', async () => {
    const source = await syncedSource({ maxStalenessMs: 5000 });
    const held = gate();
    issuer.afterAnswer = (call) => (call.startsWith('revocations') ? held.passed : undefined);
    await passMs(1000);
    await passMs(4500);
    held.open();
    await passMs(0);
    expect(revocationCode(source)).toBeUndefined();
    issuer.isReachable = false;
    await passMs(501);
    expect(revocationCode(source)).toEqual(stale);
  });

  it('is there already when an answer comes later than allowed', async () => {
    const source = await syncedSource({ maxStalenessMs: 5000 });
    const held = gate();
    let isHeld = true;
    issuer.afterAnswer = (call) => (isHeld && call.startsWith('revocations') ? held.passed : undefined);
    await passMs(7000);
    issuer.revoke({ kind: 'token', token_id: tokenId });
    isHeld = false;
    held.open();
    await passMs(0);
    expect(revocationCode(source)).toEqual(stale);
    await passMs(1000);
    expect(revocationCode(source)).toBe('ERR_REVOKED_TOKEN');
  });

  it('is not undone by a clock that jumps back', async () => {
    const source = await syncedSource();
    issuer.isReachable = false;
    await passMs(60_001);
    clockOffsetMs = -3_600_000;
    expect(revocationCode(source)).toEqual(stale);
    await passMs(59_000);
    expect(revocationCode(source)).toEqual(stale);
  });

  it('is not put off by a clock that jumps back before it begins', async () => {
    const source = await syncedSource();
    issuer.isReachable = false;
    await passMs(40_000);
    clockOffsetMs = -30_000;
    await passMs(21_000);
    expect(revocationCode(source)).toEqual(stale);
  });

  it.each([86_400_000, -86_400_000])('begins when the clock jumps by %d ms, until the next contact', async (jumpMs) => {
    const source = await syncedSource();
    clockOffsetMs = jumpMs;
    expect(revocationCode(source)).toEqual(stale);
    await passMs(1000);
    expect(revocationCode(source)).toBeUndefined();
  });

  it('keeps revoked tokens revoked through a clock that jumps a day ahead and back', async () => {
    issuer.pageSize = 100_000;
    for (let i = 0; i < 10_001; i++) issuer.revoke({ kind: 'token', token_id: i === 5 ? tokenId : tokenIdOf(i) });
    const source = await syncedSource();
    clockOffsetMs = 86_400_000;
    for (let i = 0; i < 10_001; i++) issuer.revoke({ kind: 'token', token_id: tokenIdOf(20_000 + i) });
    await passMs(2000);
    clockOffsetMs = 0;
    await passMs(2000);
    expect(revocationCode(source)).toBe('ERR_REVOKED_TOKEN');
  });

  it('fails a verifier closed through a partition of ten minutes, and a revocation made meanwhile counts afterwards', async () => {
    const verifier = createVerifier({ audience, keys: sourceOf(), clock: () => nowMs });
    const verify = async () => {
      const result = await verifier.verify(tokenOf(), { action: 'invoices:read' });
      return result.ok ? 'ok' : result.code;
    };
    expect(await verify()).toBe('ok');
    issuer.isReachable = false;
    await passMs(30_000);
    expect(await verify()).toBe('ok');
    issuer.revoke({ kind: 'token', token_id: tokenId });
    await passMs(30_000);
    for (let second = 61; second <= 600; second++) {
      await passMs(1000);
      await expect(verify()).rejects.toMatchObject({ code: 'ERR_SOURCE_STALE' });
    }
    issuer.isReachable = true;
    await passMs(1000);
    expect(await verify()).toBe('ERR_REVOKED_TOKEN');
  });
});

function tokenIdOf(number: number): string {
  return `019abcde-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

describe('a key that is not here', () => {
  it('is asked for singly, once for all who wait', async () => {
    const source = await syncedSource();
    issuer.keys.push(keyOfGeneration(2));
    const found = await Promise.all([1, 2, 3].map(() => source.find(audience, rootKeyId, 2)));
    expect(found.map((lookup) => lookup.found)).toEqual([true, true, true]);
    expect(issuer.countOf('key ')).toBe(1);
    expect(await source.find(audience, rootKeyId, 2)).toBe(found[0]);
    expect(issuer.countOf('key ')).toBe(1);
  });

  it('is remembered as missing for a while', async () => {
    const source = await syncedSource();
    for (let i = 0; i < 5; i++)
      expect(await source.find(audience, rootKeyId, 9)).toEqual({ found: false, code: 'ERR_KEY_UNKNOWN' });
    expect(issuer.countOf('key ')).toBe(1);
    await passMs(10_000);
    await source.find(audience, rootKeyId, 9);
    expect(issuer.countOf('key ')).toBe(2);
  });

  it('is found as soon as a poll brings it, though it was missing', async () => {
    const source = await syncedSource();
    await source.find(audience, rootKeyId, 2);
    issuer.keys.push(keyOfGeneration(2));
    await passMs(1000);
    expect(source.find(audience, rootKeyId, 2)).toMatchObject({ found: true });
    expect(issuer.countOf('key ')).toBe(1);
  });

  it('cannot be used to hammer the issuer: beyond a budget it throws, and allows nothing', async () => {
    const source = await syncedSource();
    const random = seededRandom(1);
    const outcomes: string[] = [];
    for (let i = 0; i < 1000; i++) {
      const id = encodeBase64url(random.bytes(16));
      try {
        outcomes.push(String((await source.find(audience, id, 1)).found));
      } catch (error) {
        outcomes.push((error as { code: string }).code);
      }
    }
    expect(issuer.countOf('key ')).toBe(20);
    expect(new Set(outcomes)).toEqual(new Set(['false', 'ERR_SOURCE_BUSY']));
    expect(source.find(audience, rootKeyId, generation)).toMatchObject({ found: true });
    await passMs(1000);
    for (let i = 0; i < 5; i++) await source.find(audience, rootKeyId, 100 + i);
    expect(() => source.find(audience, rootKeyId, 200)).toThrow(expect.objectContaining({ code: 'ERR_SOURCE_BUSY' }));
  });

  it('throws when the issuer cannot be asked, and is not remembered as missing', async () => {
    const source = await syncedSource();
    issuer.isReachable = false;
    await expect(source.find(audience, rootKeyId, 2)).rejects.toMatchObject({ code: 'ERR_ISSUER_UNREACHABLE' });
    issuer.isReachable = true;
    issuer.keys.push(keyOfGeneration(2));
    expect(await source.find(audience, rootKeyId, 2)).toMatchObject({ found: true });
  });

  it('is not taken when it was revoked while its answer was under way', async () => {
    const source = await syncedSource();
    issuer.keys.push(keyOfGeneration(2));
    const held = gate();
    issuer.afterAnswer = (call) => (call.startsWith('key ') ? held.passed : undefined);
    const asked = Promise.resolve(source.find(audience, rootKeyId, 2));
    issuer.revoke({ kind: 'audience_key', audience, generation: 2 });
    await passMs(1000);
    held.open();
    expect(await asked).toEqual({ found: false, code: 'ERR_REVOKED_AUDIENCE_KEY' });
    expect(source.find(audience, rootKeyId, 2)).toEqual({ found: false, code: 'ERR_REVOKED_AUDIENCE_KEY' });
  });

  it.each<[string, unknown]>([
    ['another key', firstKey],
    ['a key of a wrong length', { ...keyOfGeneration(2), key: 'AAAA' }],
    ['a key without client', { ...keyOfGeneration(2), client: '' }],
    ['nothing readable', 'key'],
  ])('is an error when the issuer answers with %s', async (_, answer) => {
    const source = await syncedSource();
    issuer.audienceKey = async () => answer;
    await expect(source.find(audience, rootKeyId, 2)).rejects.toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
  });
});

describe('options', () => {
  it.each<[string, object]>([
    ['pollIntervalMs', { pollIntervalMs: 0 }],
    ['pollIntervalMs', { pollIntervalMs: Number.NaN }],
    ['pollIntervalMs', { pollIntervalMs: 0.5 }],
    ['pollIntervalMs', { pollIntervalMs: 2 ** 31, maxStalenessMs: 2 ** 31 }],
    ['pollIntervalMs', { pollIntervalMs: '1000' }],
    ['maxStalenessMs', { maxStalenessMs: 999 }],
    ['maxStalenessMs', { maxStalenessMs: Number.POSITIVE_INFINITY }],
    ['maxStalenessMs', { maxStalenessMs: 2 ** 31 }],
    ['maxStalenessMs', { maxStalenessMs: '60000' }],
    ['maxStaleness', { maxStaleness: 5 }],
  ])('throw ERR_ARGUMENT that names %s', (argument, options) => {
    expect(() => issuerKeysFrom(issuer, options as IssuerKeysOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT', argument }),
    );
  });

  it('take every whole number of milliseconds up to the longest that a timer has', async () => {
    await issuerKeysFrom(issuer, { pollIntervalMs: 1, maxStalenessMs: 1 }).close();
    await issuerKeysFrom(issuer, { pollIntervalMs: 2 ** 31 - 1, maxStalenessMs: 2 ** 31 - 1 }).close();
  });
});
