import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64url, encodeBase64url, limits } from '../../../src/core/index.js';
import { denialProblems } from '../../../src/verifier/denial-response.js';
import { createVerifier, staticKeys, type VerifyContext } from '../../../src/verifier/index.js';
import { textOfBytes } from '../../fuzz/corpus.js';
import { campaignSize, fuzzSeed, mutateBytes, mutateText, seededRandom } from '../../fuzz/mutate.js';
import { audience, forgedKey, nowMs, staticKey, tokenOf } from './samples.js';

const verifier = createVerifier({ audience, keys: staticKeys([staticKey]), clock: () => nowMs });
const context: VerifyContext = { action: 'invoices:read', ip: '10.1.2.3', method: 'GET', path: '/invoices/1' };
const conditions = ['ip 10.0.0.0/8', 'method GET', 'path /invoices'];
const genuine = tokenOf({ conditions });
const payload = genuine.slice(4, -7);

/** The code of what `text` is denied with; fails for a result that is no known denial. */
async function denialOf(text: string): Promise<string> {
  const result = await verifier.verify(text, context);
  if (result.ok) throw new Error(`accepted: ${text}, seed ${fuzzSeed}`);
  expect(Object.keys(denialProblems)).toContain(result.code);
  return result.code;
}

describe('a text that the issuer did not mint', () => {
  it('is never accepted and never makes verify throw, mutated as bytes or as text', async () => {
    const random = seededRandom(fuzzSeed);
    const bytes = decodeBase64url(payload);
    const other = decodeBase64url(tokenOf({ key: forgedKey, conditions: ['method GET'] }).slice(4, -7));
    const accepted: string[] = [];
    for (let left = campaignSize(4000, 1_000_000); left > 0; left--) {
      const spell = random.pick([textOfBytes, encodeBase64url]);
      const text = random.chance(0.5)
        ? spell(mutateBytes(random, bytes, other))
        : mutateText(random, genuine, 'ABCabc019-_.+ ,=');
      if (text === genuine || text === payload) continue;
      const result = await verifier.verify(text, context);
      if (result.ok) accepted.push(text);
      else if (!Object.hasOwn(denialProblems, result.code)) accepted.push(result.code);
    }
    expect(accepted, `seed ${fuzzSeed}`).toEqual([]);
  });

  it('is denied for every flipped bit', async () => {
    const bytes = decodeBase64url(payload);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      expect(await denialOf(textOfBytes(flipped))).toBe(await denialOf(encodeBase64url(flipped)));
    }
  });

  it('is denied for any text at all', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: limits.maxTextLength + 10, unit: 'binary' }), async (text) => {
        await denialOf(text);
      }),
    );
  });

  it('is denied when a caveat is left out or moved, also after the genuine one was cached', async () => {
    expect(await verifier.verify(genuine, context)).toMatchObject({ ok: true });
    const signature = decodeBase64url(payload).slice(-32);
    for (const kept of [conditions.slice(1), conditions.slice(0, -1), [...conditions].reverse()]) {
      const stripped = decodeBase64url(tokenOf({ conditions: kept }).slice(4, -7));
      stripped.set(signature, stripped.length - 32);
      for (const text of [textOfBytes(stripped), encodeBase64url(stripped)]) {
        expect(await denialOf(text)).toBe('ERR_SIGNATURE_MISMATCH');
      }
    }
  });
});

describe('one more caveat', () => {
  it('never allows more', async () => {
    const candidates = [...conditions, 'method POST', 'time-before 2026-11-21T22:22:00Z', 'account 42', 'action invoices:*'];
    await fc.assert(
      fc.asyncProperty(fc.subarray(candidates), fc.constantFrom(...candidates), async (some, added) => {
        const before = await verifier.verify(tokenOf({ conditions: some }), context);
        const after = await verifier.verify(tokenOf({ conditions: [...some, added] }), context);
        if (after.ok) expect(before.ok).toBe(true);
        if (before.ok && after.ok) {
          expect(after.expiresAtMs).toBeLessThanOrEqual(before.expiresAtMs);
          expect(before.actions).toEqual(expect.arrayContaining([...after.actions]));
        }
      }),
    );
  });
});
