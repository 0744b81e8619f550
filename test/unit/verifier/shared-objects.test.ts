/** Objects that a verifier and its key source hold both: what the source does to them later changes no verdict on a token that is remembered. */
import { describe, expect, it } from 'vitest';
import type { CaveatType } from '../../../src/caveats/caveat-type.js';
import { createCaveatRegistry } from '../../../src/caveats/registry.js';
import { standardCaveats } from '../../../src/caveats/standard.js';
import { addFirstPartyCaveat, encode, encodeUtf8, MacaroonKey } from '../../../src/core/index.js';
import { requestDigest } from '../../../src/protocol/sealed-request.js';
import { createVerifier, type KeySource, staticKeys } from '../../../src/verifier/index.js';
import { audience, audienceKey, client, generation, macaroonOf, nowMs, rootKeyId, staticKey } from './samples.js';
import { authority, posted, seal } from './sealed-samples.js';

const context = { action: 'invoices:read', method: 'GET', path: '/invoices/1', ip: '10.1.2.3' };
const clock = () => nowMs;
/** Takes every nonce as new. */
const everNew = { bornAtMs: 0, claim: () => true, close: () => undefined };
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

describe("a caveat type of a service's own that changes what it is shown", () => {
  it('changes nothing of the request that a seal is held against afterwards', async () => {
    const other = requestDigest({ ...posted, body: encodeUtf8('{"sum":43}') });
    const shown: unknown[] = [];
    const meddle: CaveatType<string> = {
      name: 'meddle',
      parse: (argument) => ({ ok: true, value: argument }),
      format: (value) => value,
      check: (_value, { request }) => {
        shown.push(request, Object.isFrozen(request), request && Reflect.set(request, 'digest', requestDigest(posted)));
        return { holds: true };
      },
      describe: () => 'meddles',
      narrows: () => ({ kind: 'no-op' }),
    };
    const caveats = createCaveatRegistry([...standardCaveats, meddle as CaveatType<unknown>]);
    const verifier = createVerifier({ audience, keys: staticKeys([staticKey]), clock, caveats, replayStore: everNew });
    const { text: sealed } = seal({}, encode({ root: macaroonOf({ conditions: ['meddle 1'] }), discharges: [] }));
    const request = { authority, target: posted.target, digest: other };
    const told = { action: 'invoices:read', method: posted.method, request };
    expect(await verifier.verify(sealed, told)).toMatchObject({ code: 'ERR_CAVEAT_DENIED', caveatIndex: 1 });
    expect(shown.slice(-3)).toMatchObject([{ digest: other }, true, false]);
  });
});
