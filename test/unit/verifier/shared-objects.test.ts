/** Objects that a verifier and its key source hold both: what the source does to them later changes no verdict on a token that is remembered. */
import { describe, expect, it } from 'vitest';
import { addFirstPartyCaveat, encode, MacaroonKey } from '../../../src/core/index.js';
import { createVerifier, type KeySource, staticKeys } from '../../../src/verifier/index.js';
import { audience, audienceKey, client, generation, macaroonOf, nowMs, rootKeyId, staticKey } from './samples.js';

const context = { action: 'invoices:read', method: 'GET', path: '/invoices/1', ip: '10.1.2.3' };
const clock = () => nowMs;
const text = encode({ root: macaroonOf({ conditions: ['method GET'] }), discharges: [] });

describe('a key source that changes its entries in place', () => {
  it.each(['a text', 'a beginning'])('is believed about a replaced key, also for %s that is remembered', async (which) => {
    const entry = { rootKeyId, generation, client, key: audienceKey() };
    const keys: KeySource = { ...staticKeys([staticKey]), find: () => ({ found: true, entry }) };
    const verifier = createVerifier({ audience, keys, clock });
    const texts = Array.from({ length: 6 }, (_, i) =>
      which === 'a text'
        ? text
        : encode({
            root: addFirstPartyCaveat(macaroonOf({ conditions: ['method GET'] }), `ip 10.0.0.0/8,192.0.2.${i}`),
            discharges: [],
          }),
    );
    for (const one of texts.slice(1)) expect(await verifier.verify(one, context)).toMatchObject({ ok: true });
    entry.key = new MacaroonKey(new Uint8Array(32).fill(1));
    expect(await verifier.verify(texts[0] ?? '', context)).toMatchObject({ code: 'ERR_SIGNATURE_MISMATCH' });
  });
});

describe('a key source that changes what it is asked about', () => {
  it('changes nothing of what the token says', async () => {
    const keys: KeySource = {
      ...staticKeys([staticKey]),
      revocationOf: (subject) => {
        Reflect.set(subject, 'client', 'mallory');
        Reflect.set(subject, 'expiresAtMs', Number.MAX_SAFE_INTEGER);
        return undefined;
      },
    };
    const verifier = createVerifier({ audience, keys, clock });
    for (let i = 0; i < 4; i++) {
      expect(await verifier.verify(text, context)).toMatchObject({ ok: true, client, expiresAtMs: nowMs + 3_600_000 });
    }
  });
});
