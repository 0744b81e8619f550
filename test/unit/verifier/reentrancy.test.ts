/** What is called in the middle of a verification and reads tokens itself: the verdict stays that of the token that was shown. */
import { describe, expect, it } from 'vitest';
import type { CaveatType } from '../../../src/caveats/caveat-type.js';
import { createCaveatRegistry } from '../../../src/caveats/registry.js';
import { standardCaveats } from '../../../src/caveats/standard.js';
import {
  addFirstPartyCaveat,
  type Caveat,
  decode,
  encode,
  encodeUtf8,
  type Macaroon,
  type Signature,
} from '../../../src/core/index.js';
import { createVerifier, type KeySource, staticKeys, type Verifier } from '../../../src/verifier/index.js';
import { audience, audienceKey, macaroonOf, nowMs, staticKey } from './samples.js';

const context = { action: 'invoices:read', method: 'GET', path: '/invoices/1', ip: '10.1.2.3' };
const clock = () => nowMs;
const textOf = (root: Macaroon): string => encode({ root, discharges: [] });

/** A caveat type that calls `work` while it reads an argument. */
function working(work: (argument: string) => void): CaveatType<string> {
  return {
    name: 'working',
    parse: (argument) => {
      work(argument);
      return { ok: true, value: argument };
    },
    format: (value) => value,
    check: () => ({ holds: true }),
    describe: (value) => value,
    narrows: () => ({ kind: 'no-op' }),
  };
}

describe('a key source that verifies another token while it is asked', () => {
  it('does not lend the verdict of the other token to the one that was shown', async () => {
    const genuine = textOf(macaroonOf({ conditions: ['method GET'] }));
    const base = macaroonOf({ conditions: ['method POST'] });
    const forged = textOf({ ...base, signature: new Uint8Array(32) as Signature });
    let verifier: Verifier | undefined;
    let isNested = false;
    const known = staticKeys([staticKey]);
    const keys: KeySource = {
      ...known,
      find: (...asked) => {
        if (!isNested) {
          isNested = true;
          void verifier?.verify(genuine, context);
        }
        return known.find(...asked);
      },
    };
    verifier = createVerifier({ audience, keys, clock });
    expect(await verifier.verify(forged, context)).toMatchObject({ ok: false, code: 'ERR_SIGNATURE_MISMATCH' });
  });
});

describe('a key source whose answer reads another token when it is looked at', () => {
  /** Answers whose entry calls `look` when it is asked for. */
  const lookedAt = (look: () => void): KeySource => {
    const known = staticKeys([staticKey]);
    const entry = { ...staticKey, key: audienceKey() };
    return {
      ...known,
      find: () => ({
        found: true,
        get entry() {
          look();
          return entry;
        },
      }),
    };
  };

  it('does not lend the verdict of the other token to the one that was shown', async () => {
    const genuine = textOf(macaroonOf({ conditions: ['method GET'] }));
    const forged = textOf({ ...macaroonOf({ conditions: ['method POST'] }), signature: new Uint8Array(32) as Signature });
    const verifier = createVerifier({ audience, keys: lookedAt(() => void decode(forged)), clock });
    expect(await verifier.verify(genuine, context)).toMatchObject({ ok: true });
  });

  it('remembers no chain of the one that was shown as that of the other', async () => {
    const held = macaroonOf({ conditions: ['path /9/invoices'] });
    const child = (i: number) => addFirstPartyCaveat(held, `ip 10.0.0.0/8,192.0.2.${i}`);
    // Whoever holds the token can make it: of the same length, and with the signature that follows another condition.
    const last = child(3);
    const wider: Caveat = { kind: 'first-party', condition: encodeUtf8('path /1/invoices') };
    const forged = { ...last, caveats: [wider, ...last.caveats.slice(1)] };
    let isReading = false;
    const look = () => {
      if (isReading) decode(textOf(forged));
    };
    const verifier = createVerifier({ audience, keys: lookedAt(look), clock });
    const narrow = { ...context, path: '/9/invoices' };
    for (const i of [0, 1, 2, 3]) expect(await verifier.verify(textOf(child(i)), narrow)).toMatchObject({ ok: true });
    isReading = true;
    expect(await verifier.verify(textOf(last), narrow)).toMatchObject({ ok: true });
    isReading = false;
    const text = textOf(addFirstPartyCaveat(forged, 'method GET'));
    const wide = { ...context, path: '/1/invoices' };
    expect(await verifier.verify(text, wide)).toMatchObject({ ok: false, code: 'ERR_SIGNATURE_MISMATCH' });
  });
});

describe('a caveat type that reads a token while it reads its argument', () => {
  it('leaves the caveats behind it what they are, also where it verifies', async () => {
    // Of the same shape, so that what stands in the place of the second condition is a condition too.
    const free = textOf(macaroonOf({ conditions: ['working xx', 'path /invoice', 'path /invoice'] }));
    const narrow = textOf(macaroonOf({ conditions: ['working yy', 'action i:pays', 'path /invoice'] }));
    let verifier: Verifier | undefined;
    const type = working((argument) => {
      if (argument === 'yy') void verifier?.verify(free, context);
    });
    const caveats = createCaveatRegistry([...standardCaveats, type]);
    verifier = createVerifier({ audience, keys: staticKeys([staticKey]), clock, caveats });
    expect(await verifier.verify(narrow, { ...context, path: '/invoice' })).toMatchObject({ ok: false, caveatIndex: 1 });
  });

  it('leaves no other conditions behind for a beginning that is remembered', async () => {
    const other = textOf(macaroonOf({ conditions: ['working xx', 'path /invoice', 'path /invoice'] }));
    let isReading = false;
    const type = working(() => {
      if (isReading) decode(other);
    });
    const caveats = createCaveatRegistry([...standardCaveats, type]);
    const verifier = createVerifier({ audience, keys: staticKeys([staticKey]), clock, caveats });
    const path = { ...context, path: '/invoice' };
    const beginning = macaroonOf({ conditions: ['working yy', 'action i:pays'] });
    const child = (i: number) => textOf(addFirstPartyCaveat(beginning, `ip 10.0.0.0/8,192.0.2.${i}`));
    for (let i = 1; i < 3; i++) expect(await verifier.verify(child(i), path)).toMatchObject({ caveatIndex: 1 });
    // Pushes the readings of its conditions out, as anybody with a token of his own can.
    for (let i = 0; i < 40; i++) {
      const conditions = Array.from(
        { length: 60 },
        (_, k) => `time-before ${3000 + i}-01-01T00:00:${String(k).padStart(2, '0')}Z`,
      );
      await verifier.verify(textOf(macaroonOf({ conditions })), path);
    }
    isReading = true;
    for (let i = 3; i < 6; i++) expect(await verifier.verify(child(i), path)).toMatchObject({ ok: false, caveatIndex: 1 });
  });
});
