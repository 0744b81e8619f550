import { describe, expect, it, vi } from 'vitest';
import { standardRegistry } from '../../../src/caveats/standard.js';
import { MacaroonKey, mint, RecentReadings } from '../../../src/core/index.js';
import { ConditionList } from '../../../src/verifier/condition-list.js';
import { Generations } from '../../../src/verifier/generations.js';
import { createVerifier, type KeyLookup, type KeySource, staticKeys } from '../../../src/verifier/index.js';
import { Sightings } from '../../../src/verifier/sightings.js';
import { type GenuineToken, SignatureCache, textNumber } from '../../../src/verifier/signature-cache.js';
import {
  audience,
  audienceKey,
  client,
  forgedKey,
  generation,
  macaroonOf,
  nowMs,
  rootKeyId,
  staticKey,
  textOf,
  tokenOf,
} from './samples.js';

const key = new MacaroonKey(new Uint8Array(32).fill(1));
const token: GenuineToken = {
  facts: {
    rootKeyId,
    generation,
    tokenId: '',
    issuedAtMs: 0,
    expiresAtMs: 0,
    audience,
    client,
    authMethods: [],
    actions: [],
  },
  list: new ConditionList([]),
  seal: undefined,
  binding: undefined,
  isStandard: true,
  subject: undefined,
  prefix: undefined,
  verified: undefined,
};
const entry = { rootKeyId, generation, client, key };
const cached = (cache: SignatureCache, text: string) => cache.get(textNumber(text), text);
const remember = (cache: SignatureCache, text: string) => cache.set(textNumber(text), { text, token, entry });
const tail = '0123456789012345678901.abcdef';

describe('the signature cache', () => {
  it('gives back what was stored for the very same text', () => {
    const cache = new SignatureCache(10_000);
    remember(cache, `text${tail}`);
    expect(cached(cache, `text${tail}`)).toEqual({ text: `text${tail}`, token, entry });
  });

  it('takes no other text for it, though the signature is the same', () => {
    const cache = new SignatureCache(10_000);
    remember(cache, `text${tail}`);
    expect(cached(cache, `texT${tail}`)).toBeUndefined();
    expect(cached(cache, tail)).toBeUndefined();
  });

  it('holds two generations at most, and keeps what is used', () => {
    const cache = new SignatureCache(20);
    const textAt = (i: number): string => `text${String(i).padStart(22, '0')}.abcdef`;
    remember(cache, textAt(0));
    for (let i = 1; i < 100; i++) {
      remember(cache, textAt(i));
      expect(cached(cache, textAt(0))).toBeDefined();
    }
    const left = Array.from({ length: 100 }, (_, i) => cached(cache, textAt(i))).filter((entry) => entry !== undefined);
    expect(left.length).toBeLessThanOrEqual(20);
    expect(cached(cache, textAt(50))).toBeUndefined();
  });

  it('holds a few million characters in a generation at most, however few tokens that are', () => {
    const cache = new SignatureCache(10_000);
    const textAt = (i: number): string => `${'x'.repeat(7000)}${String(i).padStart(22, '0')}.abcdef`;
    for (let i = 0; i < 2000; i++) remember(cache, textAt(i));
    const left = Array.from({ length: 2000 }, (_, i) => cached(cache, textAt(i))).filter((entry) => entry !== undefined);
    expect(left.length * 7029).toBeLessThanOrEqual(2 * 4 * 1024 * 1024);
    expect(left.length).toBeGreaterThan(500);
  });

  it('says of a text that it was seen only from the second time on', () => {
    const cache = new SignatureCache(10_000);
    const number = textNumber(`text${tail}`);
    expect([cache.wasSeen(number), cache.wasSeen(number), cache.wasSeen(textNumber('other'))]).toEqual([false, true, false]);
  });

  it('does not lose sight of hundreds of texts that go round', () => {
    const cache = new SignatureCache(10_000);
    const numbers = Array.from({ length: 1000 }, (_, i) => textNumber(`text${i}${tail}${Math.imul(i, 0x9e3779b1)}.abcdef`));
    for (const number of numbers) cache.wasSeen(number);
    expect(numbers.filter((number) => cache.wasSeen(number))).toHaveLength(1000);
  });

  it('forgets everything when it is cleared', () => {
    const cache = new SignatureCache(10_000);
    remember(cache, `text${tail}`);
    cache.clear();
    expect(cached(cache, `text${tail}`)).toBeUndefined();
  });
});

describe('a verifier with cached signatures', () => {
  const context = { action: 'invoices:read', method: 'GET' };
  const known = { found: true, entry: { rootKeyId, generation, client, key: audienceKey() } } as const;

  function verifierWith(lookup: () => KeyLookup, clock = () => nowMs) {
    const keys: KeySource = { ...staticKeys([staticKey]), find: lookup };
    return createVerifier({ audience, keys, clock });
  }

  it('reads a condition once, but one that cannot be read until the token is remembered, and keeps no bytes of the token', async () => {
    const kept = vi.spyOn(SignatureCache.prototype, 'set');
    let reads = 0;
    const parse = (condition: string | Uint8Array) => {
      reads++;
      return standardRegistry.parse(condition);
    };
    const caveats = { ...standardRegistry, parse };
    const verifier = createVerifier({ audience, keys: staticKeys([staticKey]), caveats, clock: () => nowMs });
    const text = tokenOf({ conditions: ['method GET', 'account 42', 'action invoices:read'] });
    for (let i = 0; i < 3; i++) expect(await verifier.verify(text, context)).toMatchObject({ code: 'ERR_CAVEAT_UNKNOWN' });
    const entries = kept.mock.calls.map(([, { token: genuine }]) => genuine);
    kept.mockRestore();
    expect([reads, entries.length]).toEqual([4, 1]);
    expect(JSON.stringify(entries, (_, value) => (ArrayBuffer.isView(value) ? 'bytes' : value))).not.toContain('bytes');
  });

  it('keeps nothing of texts whose signature does not hold, their root key ids included', async () => {
    const kept = [
      vi.spyOn(RecentReadings.prototype, 'keep'),
      vi.spyOn(Generations.prototype, 'set'),
      vi.spyOn(Sightings.prototype, 'see'),
    ];
    const known = createVerifier({ audience, keys: staticKeys([staticKey]), clock: () => nowMs });
    const identifiers = Array.from({ length: 20 }, (_, i) => Uint8Array.of(1, ...new Uint8Array(16).fill(i), 0, 0, 0, 1, 1));
    const madeUp = identifiers.map((identifier) => textOf(mint(forgedKey, identifier)));
    const texts = [...madeUp, textOf(macaroonOf({ key: forgedKey, conditions: ['method GET'] }))];
    for (const spy of kept) spy.mockClear();
    for (const text of [...texts, ...texts, ...texts]) expect(await known.verify(text, context)).toMatchObject({ ok: false });
    expect(kept.map((spy) => spy.mock.calls.length)).toEqual([0, 0, 0]);
    expect(await known.verify(tokenOf({ conditions: ['method GET'] }), context)).toMatchObject({ ok: true });
    expect(kept[0]).toHaveBeenCalled();
    for (const spy of kept) spy.mockRestore();
  });

  describe('that remembers a token', () => {
    let lookup: KeyLookup;

    /** A verifier that finds the token in its cache: it is remembered from the second time on. */
    async function verifierThatKnows() {
      lookup = known;
      const verifier = verifierWith(() => lookup);
      const asked = vi.spyOn(SignatureCache.prototype, 'get');
      for (let i = 0; i < 3; i++) expect(await verifier.verify(tokenOf(), context)).toMatchObject({ ok: true });
      expect(asked.mock.results.map(({ value }) => value !== undefined)).toEqual([false, false, true]);
      asked.mockRestore();
      return verifier;
    }

    it('denies it once the key is gone', async () => {
      const verifier = await verifierThatKnows();
      lookup = { found: false, code: 'ERR_KEY_DESTROYED' };
      expect(await verifier.verify(tokenOf(), context)).toMatchObject({ ok: false, code: 'ERR_KEY_DESTROYED' });
    });

    it('denies it once another key stands in its place', async () => {
      const verifier = await verifierThatKnows();
      lookup = { found: true, entry: { rootKeyId, generation, client, key } };
      expect(await verifier.verify(tokenOf(), context)).toMatchObject({ ok: false, code: 'ERR_SIGNATURE_MISMATCH' });
    });

    it("denies it once the key's client is another", async () => {
      const verifier = await verifierThatKnows();
      lookup = { found: true, entry: { ...known.entry, client: 'chat' } };
      expect(await verifier.verify(tokenOf(), context)).toMatchObject({ ok: false, code: 'ERR_TOKEN_CLIENT' });
    });
  });

  it('looks at expiry and caveats every time', async () => {
    let time = nowMs;
    const verifier = verifierWith(
      () => known,
      () => time,
    );
    const text = tokenOf({ conditions: ['method GET'] });
    expect(await verifier.verify(text, context)).toMatchObject({ ok: true });
    expect(await verifier.verify(text, { ...context, method: 'POST' })).toMatchObject({ code: 'ERR_CAVEAT_DENIED' });
    time = nowMs + 3_600_000;
    expect(await verifier.verify(text, context)).toMatchObject({ code: 'ERR_TOKEN_EXPIRED' });
  });

  it('tells the spellings with and without prefix apart, and accepts both', async () => {
    const verifier = verifierWith(() => known);
    const text = tokenOf();
    expect(await verifier.verify(text, context)).toMatchObject({ ok: true });
    expect(await verifier.verify(text.slice(4, -7), context)).toMatchObject({ ok: true });
    expect(await verifier.verify(text.slice(4), context)).toMatchObject({ ok: false });
  });
});
