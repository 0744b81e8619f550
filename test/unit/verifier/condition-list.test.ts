/** Lists of conditions that tokens share: no token gets the verdict, or the limits, of another. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encode } from '../../../src/core/index.js';
import { createVerifier, type KeySource, staticKeys } from '../../../src/verifier/index.js';
import { audience, macaroonOf, nowMs, staticKey } from './samples.js';

const context = { action: 'invoices:read', method: 'GET', path: '/invoices/1', ip: '10.1.2.3' };
const clock = () => nowMs;
const newVerifier = (keys: KeySource = staticKeys([staticKey])) => createVerifier({ audience, keys, clock });
const textOf = (conditions: readonly string[], actions?: readonly string[]) =>
  encode({ root: macaroonOf(actions === undefined ? { conditions } : { conditions, actions }), discharges: [] });

describe('tokens with the same conditions', () => {
  it('are each told what their own identifier leaves', async () => {
    const verifier = newVerifier();
    const conditions = ['method GET', 'action invoices:read,invoices:list'];
    const granted = [['invoices:*'], ['invoices:read'], ['invoices:*'], ['invoices:read', 'invoices:pay']];
    const left = [];
    for (const actions of granted) left.push(await verifier.verify(textOf(conditions, actions), context));
    expect(left.map((result) => result.ok && result.actions)).toEqual([
      ['invoices:read', 'invoices:list'],
      ['invoices:read'],
      ['invoices:read', 'invoices:list'],
      ['invoices:read'],
    ]);
  });

  it('share the list of their texts, which nobody can change', async () => {
    const verifier = newVerifier();
    const [one, other] = await Promise.all([1, 2].map(() => verifier.verify(textOf(['method GET', 'path /invoices']), context)));
    if (one?.ok !== true || other?.ok !== true) throw new Error('denied');
    expect(one.caveats).toEqual(['method GET', 'path /invoices']);
    expect(one.caveats).toBe(other.caveats);
    expect(Object.isFrozen(one.caveats)).toBe(true);
  });
});

describe('a verifier that saw tokens with other conditions', () => {
  it('answers as one that saw none', async () => {
    const condition = fc.constantFrom(
      'method GET',
      'method POST',
      'path /invoices',
      'ip 10.0.0.0/8',
      'unknown 1',
      'action invoices:*',
    );
    const sequence = fc.array(fc.array(condition, { maxLength: 4 }), { minLength: 2, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(sequence, async (tokens) => {
        const verifier = newVerifier();
        for (const conditions of tokens) {
          const text = textOf(conditions);
          expect(await verifier.verify(text, context)).toEqual(await newVerifier().verify(text, context));
          expect((await verifier.explain(text, context)).text).toBe((await newVerifier().explain(text, context)).text);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('a key source that is asked about a token again', () => {
  it('is told the same each time, of a token that is remembered too', async () => {
    const asked: unknown[] = [];
    const keys: KeySource = {
      ...staticKeys([staticKey]),
      revocationOf: (subject) => {
        asked.push({ ...subject });
        Reflect.set(subject, 'tokenId', 'another');
        Reflect.set(subject, 'issuedAtMs', 0);
        return undefined;
      },
    };
    const verifier = newVerifier(keys);
    const text = textOf(['method GET']);
    for (let i = 0; i < 5; i++) expect(await verifier.verify(text, context)).toMatchObject({ ok: true });
    expect(asked.length).toBeGreaterThanOrEqual(5);
    for (const subject of asked) expect(subject).toEqual(asked[0]);
    expect(asked[0]).toMatchObject({ audience, tokenId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  });
});
