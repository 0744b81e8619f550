/** However a token is read, by offsets, in the general way, or remembered from before, the verdict is the same, to the last word. */
import { describe, expect, it } from 'vitest';
import { createCaveatRegistry } from '../../../src/caveats/registry.js';
import { standardCaveats } from '../../../src/caveats/standard.js';
import {
  addFirstPartyCaveat,
  addThirdPartyCaveat,
  bindForRequest,
  decode,
  decodeBase64url,
  decodeV2Token,
  encode,
  encodeUtf8,
  type Macaroon,
  MacaroonError,
  MacaroonKey,
  mint,
} from '../../../src/core/index.js';
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
].map((conditions) => textOf(macaroonOf({ conditions })));

const thirdParty = new MacaroonKey(encodeUtf8('a third party'));
const ask = encodeUtf8('ask');

/** The text of a token with `conditions`, a third-party caveat, and `after`; its discharge holds `discharged`. */
function dischargedText(conditions: readonly string[], discharged: readonly string[], after: readonly string[] = []): string {
  const parts = { key: thirdParty, identifier: ask, location: 'https://third.example/' };
  const asked = addThirdPartyCaveat(macaroonOf({ conditions }), parts, seededRandom(5).bytes);
  const root = after.reduce<Macaroon>(addFirstPartyCaveat, asked);
  const discharge = discharged.reduce<Macaroon>(addFirstPartyCaveat, mint(thirdParty, ask));
  return textOf(root, [bindForRequest(root, discharge)]);
}

const seal = `request GET invoice.example /invoices/1 ${'A'.repeat(43)} ${nowMs} ${'A'.repeat(43)}`;
const dischargedTokens = [
  dischargedText([], []),
  dischargedText(['method GET'], ['ip 10.0.0.0/8', 'path /invoices']),
  dischargedText(['method GET'], ['method GET', 'account 42'], ['path /invoices']),
  dischargedText(['account 42'], []),
  dischargedText([], ['action invoices:list']),
  dischargedText([], ['request-required']),
  dischargedText([], ['cnf jkt:0000000000000000000000000000000000000000000']),
  dischargedText([], [seal]),
  dischargedText([seal], ['method GET']),
  dischargedText(['method GET'], ['method GET', 'ip 10.0.0.0/8'], [seal]),
  dischargedText([], [], ['request nonsense']),
];
const texts = [...tokens, ...dischargedTokens];

describe('a text read in different ways', () => {
  it.each(texts.map((text) => [text]))('gets one verdict: %s', async (text) => {
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
      const altered = reencoded(mutateBytes(random, decodeBase64url(random.pick(texts).slice(4, -7)), other));
      const context = random.pick(contexts);
      if (altered === undefined) continue;
      const expected = await general.verify(altered, context);
      expect(await byOffsets.verify(altered, context), `seed ${fuzzSeed}: ${altered}`).toEqual(expected);
    }
  });

  it('has its answer signed where it claims to be sealed, also with bytes that are no text', async () => {
    const condition = Uint8Array.of(...encodeUtf8('request GET '), 0xff);
    const text = textOf(addFirstPartyCaveat(macaroonOf(), condition));
    const told: string[] = [];
    const asked = (name: string): VerifyContext => ({
      action: 'invoices:read',
      request: { authority: 'invoice.example', target: '/', digest: 'A'.repeat(43), onAnswerKey: () => void told.push(name) },
    });
    for (const shown of [text, text.slice(4, -7)]) {
      expect(await byOffsets.verify(shown, asked('at hand'))).toMatchObject({ code: 'ERR_CAVEAT_MALFORMED' });
      expect(await inGeneral().verify(shown, asked('waited for'))).toMatchObject({ code: 'ERR_CAVEAT_MALFORMED' });
    }
    expect(told).toEqual(['at hand', 'waited for', 'at hand', 'waited for']);
  });

  it('is not taken for another that a caveat type or a key source reads meanwhile', async () => {
    const wide = tokenOf();
    const conditions = ['account 42', 'method POST'];
    const narrowTexts = [tokenOf({ conditions }), dischargedText([], conditions)];
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
      for (const narrow of [...narrowTexts, ...narrowTexts]) {
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
