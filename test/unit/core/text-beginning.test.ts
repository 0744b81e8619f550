/** Texts of which the beginning was read before: what comes out is what reading all of them gives. */
import { describe, expect, it } from 'vitest';
import { beginningOfText } from '../../../src/core/format/text.js';
import { encode, encodeBase64url, type FlatToken, MacaroonKey, readFlat } from '../../../src/core/index.js';
import { randomIdentifier, randomToken } from '../../fuzz/corpus.js';
import { campaignSize, mutateText, runCases } from '../../fuzz/mutate.js';

const alphabet = 'abzABZ019-_.=é \n';

const conditions = ['method GET', 'path /invoices', 'action invoices:*', 'ip 10.0.0.0/8', 'x'.repeat(200)];

/** What a flat token says, kept beyond the next reading. */
function told(token: FlatToken | undefined): string | undefined {
  if (token === undefined) return undefined;
  const { bytes, identifierStart, identifierEnd, caveatCount, signatureStart, isPlain, dischargeCount } = token;
  const discharges = token.discharges.slice(0, dischargeCount);
  const lastSignature = discharges.at(-1)?.signatureStart ?? signatureStart;
  const numbers = { identifierStart, identifierEnd, caveatCount, signatureStart, isPlain };
  return JSON.stringify([numbers, discharges, encodeBase64url(bytes.slice(0, lastSignature + 32))]);
}

describe('a text whose beginning is known', () => {
  it('is read as it is read from its start, whole or mutated', async () => {
    const good = await runCases(campaignSize(6_000, 600_000), 81, (random) => {
      const text = encode(randomToken(random, new MacaroonKey(random.bytes(32)), randomIdentifier(random, {}), conditions));
      const token = readFlat(text);
      if (token === undefined) return false;
      const beginning = beginningOfText(text, random.below(token.signatureStart));
      if (!text.startsWith(beginning.text)) throw new Error('not its beginning');
      const rest = text.slice(beginning.text.length);
      const whole = random.chance(0.5) ? text : beginning.text + mutateText(random, rest, alphabet, text);
      const expected = told(readFlat(whole));
      if (told(readFlat(whole, beginning)) !== expected) throw new Error(whole);
      // And again by what was made of a text of which only the end was read.
      const again = beginningOfText(whole, beginning.bytes.length);
      if (expected !== undefined) expect(again).toEqual(beginning);
      return expected !== undefined;
    });
    expect(good).toBeGreaterThan(1_000);
  });
});
