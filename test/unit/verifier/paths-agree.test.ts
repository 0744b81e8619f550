/** However a token is read, by offsets, in the general way, or remembered from before, the verdict is the same, to the last word. */
import { describe, expect, it } from 'vitest';
import { createCaveatRegistry } from '../../../src/caveats/registry.js';
import { standardCaveats } from '../../../src/caveats/standard.js';
import { decode, decodeBase64url, decodeV2Token, encode, MacaroonError } from '../../../src/core/index.js';
import { createVerifier, type KeySource, staticKeys, type VerifyContext } from '../../../src/verifier/index.js';
import { campaignSize, fuzzSeed, mutateBytes, seededRandom } from '../../fuzz/mutate.js';
import { audience, macaroonOf, nowMs, staticKey, textOf, tokenOf } from './samples.js';

const keys = staticKeys([staticKey]);
/** A key that has to be waited for makes the verifier read in the general way. */
const lateKeys: KeySource = { ...keys, find: async (...asked) => keys.find(...asked) };
const clock = () => nowMs;
const byOffsets = createVerifier({ audience, keys, clock });
const inGeneral = () => createVerifier({ audience, keys: lateKeys, clock });

const contexts: readonly VerifyContext[] = [
  { action: 'invoices:read', ip: '10.1.2.3', method: 'GET', path: '/invoices/1' },
  { action: 'invoices:list', ip: '10.1.2.3', method: 'GET', path: '/invoices/1' },
  { action: 'invoices:pay', ip: '10.1.2.3', method: 'GET' },
  { action: 'invoices:read', ip: '::1', method: 'get', path: '/invoices/../1' },
  { action: 'invoices:read' },
];
const tokens = [
  [],
  ['ip 10.0.0.0/8', 'method GET', 'path /invoices'],
  ['action invoices:*', 'action invoices:read', 'time-before 2026-11-21T22:30:00Z'],
  ['account 42'],
  ['method get'],
  ['request-required'],
  ['cnf jkt:0000000000000000000000000000000000000000000'],
].map((conditions) => macaroonOf({ conditions }));

describe('a text read in different ways', () => {
  it.each(tokens.map((root) => [textOf(root)]))('gets one verdict: %s', async (text) => {
    for (const context of contexts) {
      const expected = await inGeneral().verify(text, context);
      for (let i = 0; i < 4; i++) expect(await byOffsets.verify(text, context)).toEqual(expected);
      // Not a promise: the keys are at hand.
      expect(byOffsets.verifyNow(text, context)).toEqual(expected);
      expect(await inGeneral().verifyNow(text, context)).toEqual(expected);
    }
  });

  it('gets one verdict also when it was altered and has a right checksum', async () => {
    const random = seededRandom(fuzzSeed);
    const other = decodeBase64url(textOf(macaroonOf({ conditions: ['method POST'] })).slice(4, -7));
    const general = inGeneral();
    for (let left = campaignSize(1500, 100_000); left > 0; left--) {
      const root = random.pick(tokens);
      const altered = reencoded(mutateBytes(random, decodeBase64url(textOf(root).slice(4, -7)), other));
      const context = random.pick(contexts);
      if (altered === undefined) continue;
      const expected = await general.verify(altered, context);
      expect(await byOffsets.verify(altered, context), `seed ${fuzzSeed}: ${altered}`).toEqual(expected);
    }
  });

  it('is not taken for another that a caveat type or a key source reads meanwhile', async () => {
    const wide = tokenOf();
    const narrow = tokenOf({ conditions: ['account 42', 'method POST'] });
    const account = {
      name: 'account',
      parse: (argument: string) => {
        decode(wide);
        return { ok: true as const, value: argument };
      },
      format: String,
      check: () => ({ holds: true as const }),
      describe: String,
      narrows: () => ({ kind: 'no-op' as const }),
    };
    const meddling: KeySource = {
      ...keys,
      find: (...asked) => {
        decode(wide);
        return keys.find(...asked);
      },
    };
    for (const source of [keys, meddling]) {
      const caveats = createCaveatRegistry([...standardCaveats, account]);
      const verifier = createVerifier({ audience, keys: source, caveats, clock });
      for (let i = 0; i < 3; i++) {
        const denial = await verifier.verify(narrow, { action: 'invoices:read', method: 'GET' });
        expect(denial).toMatchObject({ code: 'ERR_CAVEAT_DENIED', caveatIndex: 1 });
      }
    }
  });
});

/** The text of `bytes` with a right checksum; `undefined` when they are no token at all. */
function reencoded(bytes: Uint8Array): string | undefined {
  try {
    return encode(decodeV2Token(bytes));
  } catch (error) {
    if (error instanceof MacaroonError) return undefined;
    throw error;
  }
}
