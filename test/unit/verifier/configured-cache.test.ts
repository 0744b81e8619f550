/** How much a verifier remembers, as its service says: nothing, one token, or more; the verdicts are the same. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { addFirstPartyCaveat, createUuidV7, type Macaroon } from '../../../src/core/index.js';
import { type RequestToSeal, requestDigest, sealRequest } from '../../../src/protocol/sealed-request.js';
import { Generations } from '../../../src/verifier/generations.js';
import { createVerifier, staticKeys, type VerifierOptions, type VerifyContext } from '../../../src/verifier/index.js';
import { PrefixCache } from '../../../src/verifier/prefix-cache.js';
import { Sightings } from '../../../src/verifier/sightings.js';
import { SignatureCache } from '../../../src/verifier/signature-cache.js';
import { seededRandom } from '../../fuzz/mutate.js';
import { audience, forgedKey, macaroonOf, nowMs, staticKey, textOf, tokenId } from './samples.js';

const sent: RequestToSeal = { method: 'GET', authority: 'invoice.example', target: '/invoices/7', body: new Uint8Array(0) };
const randomBytes = seededRandom(17).bytes;
const context: VerifyContext = {
  action: 'invoices:read',
  method: 'GET',
  path: '/invoices/7',
  ip: '10.1.2.3',
  request: { authority: sent.authority, target: sent.target, digest: requestDigest(sent) },
};

function verifierOf(options: Partial<VerifierOptions> = {}) {
  const replayStore = { bornAtMs: 0, claim: () => true, close: () => undefined };
  return createVerifier({ audience, keys: staticKeys([staticKey]), clock: () => nowMs, replayStore, ...options });
}

/** Another token each time, of which nothing was ever seen. */
const newMacaroon = (conditions: readonly string[] = ['method GET']) =>
  macaroonOf({ conditions, tokenId: createUuidV7(nowMs, randomBytes) });
const childOf = (macaroon: Macaroon, i: number) => textOf(addFirstPartyCaveat(macaroon, `path /${'.'.repeat(i % 7)}a${i}`));
const sealOf = (macaroon: Macaroon) => sealRequest(textOf(macaroon), sent, { clock: () => nowMs, randomBytes }).text;
const manyConditions = Array.from({ length: 40 }, (_, i) => `path /${'a'.repeat(40)}${i},/invoices`);

afterEach(() => vi.restoreAllMocks());

describe('values in generations', () => {
  const numbers = Array.from({ length: 100 }, (_, i) => i);
  const filled = (maxCount: number, maxWeight = 1000, weightOf = (_: number) => 1) => {
    const values = new Generations<number>(maxCount, maxWeight, weightOf);
    for (const i of numbers) values.set(i, i);
    return values;
  };
  /** Asked for last come first, as to ask moves what is old. */
  const heldBy = (values: Generations<number>) => numbers.toReversed().filter((i) => values.get(i) !== undefined);

  it.each([1, 2, 3, 10, 11, 99])('are %d at most, the last ones', (maxCount) => {
    const held = heldBy(filled(maxCount));
    expect(held.length).toBeLessThanOrEqual(maxCount);
    expect(held.length).toBeGreaterThanOrEqual(Math.max(1, Math.floor(maxCount / 2)));
    expect(held).toEqual(numbers.toReversed().slice(0, held.length));
  });

  it('are none where none may be, or they weigh nothing less than may be', () => {
    expect(heldBy(filled(0, 0))).toEqual([]);
    expect(filled(0, 0).isEmpty).toBe(true);
    expect(heldBy(filled(100, 100, () => 51))).toEqual([]);
    expect(heldBy(filled(1, 100, () => 101))).toEqual([]);
  });

  it('weigh no more than they may', () => {
    expect(heldBy(filled(100, 100, () => 50))).toHaveLength(2);
    expect(heldBy(filled(1, 100, () => 100))).toHaveLength(1);
    const weighed = heldBy(filled(100, 300, (i) => i));
    expect(weighed.reduce((sum, i) => sum + i, 0)).toBeLessThanOrEqual(300);
  });
});

describe('sightings', () => {
  const numbers = Array.from({ length: 100_000 }, (_, i) => Math.imul(i, 0x9e3779b1));
  const seenAgain = (sightings: Sightings, some: readonly number[]) => {
    for (const number of some) sightings.see(number, 0);
    return some.filter((number) => sightings.see(number, 0) !== 'none').length;
  };

  it('are none where nothing is remembered', () => {
    expect(seenAgain(new Sightings(0), numbers.slice(0, 10))).toBe(0);
  });

  it('are of a hundred things at least, and of as many as may be remembered', () => {
    expect(seenAgain(new Sightings(1), numbers.slice(0, 100))).toBe(100);
    expect(seenAgain(new Sightings(1_000_000), numbers)).toBeGreaterThan(0.99 * numbers.length);
  });

  it('are of no more than they have places for', () => {
    const sightings = new Sightings(1);
    for (const number of numbers) sightings.see(number, 0);
    // A number in sixteen thousand is like one of another of its set.
    expect(numbers.slice(0, 1000).filter((number) => sightings.see(number, 0) !== 'none').length).toBeLessThan(10);
  });
});

describe('a verifier that remembers so many tokens', () => {
  type Kind = 'texts' | 'beginnings';

  const asked = () => ({
    texts: vi.spyOn(SignatureCache.prototype, 'get'),
    beginnings: vi.spyOn(PrefixCache.prototype, 'ofText'),
  });

  /** Of how many of `macaroons`, each shown again and again before the next, a verifier knows the text or the beginning in the end. */
  async function knownOf(kind: Kind, rememberedTokens: number | undefined, macaroons: readonly Macaroon[]) {
    const verifier = verifierOf({ rememberedTokens });
    const texts = macaroons.map((macaroon) => () => (kind === 'texts' ? textOf(macaroon) : sealOf(macaroon)));
    for (const text of texts) {
      for (let i = 0; i < 5; i++) expect(await verifier.verify(text(), context)).toMatchObject({ ok: true });
    }
    const { [kind]: spy } = asked();
    spy.mockClear();
    for (const text of texts.toReversed()) await verifier.verify(text(), context);
    return spy.mock.results.filter(({ value }) => value !== undefined).length;
  }

  const kinds: readonly Kind[] = ['texts', 'beginnings'];
  const cases = kinds.flatMap((kind) => [0, 1, 2, 3, 20].map((count) => [kind, count] as const));

  it.each(cases)('remembers of %s %d at most', async (kind, rememberedTokens) => {
    const count = await knownOf(
      kind,
      rememberedTokens,
      Array.from({ length: 50 }, () => newMacaroon()),
    );
    expect(count).toBeLessThanOrEqual(rememberedTokens);
    expect(count).toBeGreaterThanOrEqual(rememberedTokens / 4);
  });

  it('holds the fewer the longer they are', async () => {
    const macaroons = Array.from({ length: 60 }, () => newMacaroon(manyConditions));
    const bearer = await knownOf('texts', 40, macaroons);
    expect(bearer).toBeGreaterThan(0);
    expect(bearer * textOf(macaroons[0] as Macaroon).length).toBeLessThanOrEqual((40 / 10_000) * 8 * 1024 * 1024);
    const begun = await knownOf('beginnings', 40, macaroons);
    expect(begun).toBeGreaterThan(0);
    expect(begun * manyConditions.length * 512).toBeLessThanOrEqual((40 / 10_000) * 32 * 1024 * 1024);
  });

  it('keeps nothing at all where it is none', async () => {
    const kept = vi.spyOn(Generations.prototype, 'set');
    const verifier = verifierOf({ rememberedTokens: 0 });
    const macaroon = newMacaroon();
    for (let i = 0; i < 5; i++) {
      for (const text of [textOf(macaroon), childOf(macaroon, i), sealOf(macaroon)]) await verifier.verify(text, context);
    }
    expect(kept).not.toHaveBeenCalled();
    const usual = verifierOf();
    for (let i = 0; i < 2; i++) await usual.verify(textOf(macaroon), context);
    expect(kept).toHaveBeenCalled();
  });

  it('remembers ten thousand where nothing is said', async () => {
    const macaroons = Array.from({ length: 12_000 }, () => newMacaroon());
    const count = await knownOf('texts', undefined, macaroons);
    expect(count).toBeLessThanOrEqual(10_000);
    expect(count).toBeGreaterThanOrEqual(5_000);
  });

  it.each([0, 1, 2, 1_000_000])('gives the verdicts of one that never saw a token: %d', async (rememberedTokens) => {
    const macaroons = [newMacaroon(), newMacaroon(['method GET', 'ip 10.0.0.0/8'])];
    const texts = [
      ...macaroons.map((macaroon) => textOf(macaroon)),
      ...macaroons.flatMap((macaroon) => [0, 1, 2].map((i) => childOf(macaroon, i))),
      ...macaroons.flatMap((macaroon) => [0, 1, 2, 3, 4].map(() => sealOf(macaroon))),
      textOf(macaroonOf({ conditions: ['method GET'], key: forgedKey })),
      textOf(macaroonOf({ conditions: ['method PUT'] })),
      textOf(macaroonOf({ conditions: ['account 42'] })),
      textOf(macaroonOf({ expiresAtMs: nowMs })),
      'mcr_nonsense',
    ];
    let revocations: readonly { kind: 'token'; tokenId: string }[] = [];
    const keys = () => staticKeys([staticKey], { revocations });
    let source = keys();
    const told = { kind: 'keys', find: keys().find, close: async () => {} } as const;
    const verifier = verifierOf({ rememberedTokens, keys: { ...told, revocationOf: (subject) => source.revocationOf(subject) } });
    for (const revoked of [[], [{ kind: 'token' as const, tokenId }]]) {
      revocations = revoked;
      source = keys();
      for (let round = 0; round < 4; round++) {
        for (const text of texts) {
          const fresh = verifierOf({ keys: keys() });
          expect(await verifier.verify(text, context)).toEqual(await fresh.verify(text, context));
          expect(await verifier.verify(text, { action: 'invoices:list' })).toEqual(
            await fresh.verify(text, { action: 'invoices:list' }),
          );
        }
      }
    }
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1_000_001, '10', null, true, 10n])('is refused: %s', (wrong) => {
    const options = { rememberedTokens: wrong } as unknown as Partial<VerifierOptions>;
    expect(() => verifierOf(options)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT', argument: 'rememberedTokens' }));
  });
});
