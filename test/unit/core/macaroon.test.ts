import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addFirstPartyCaveat,
  addThirdPartyCaveat,
  bindForRequest,
  type Caveat,
  concatBytes,
  decode,
  encode,
  encodeUtf8,
  hmacSha256,
  limits,
  type Macaroon,
  mint,
  toSignature,
  verifySignature,
} from '../../../src/core/index.js';
import {
  asking,
  asView,
  dischargeBy,
  errorOf,
  identifier,
  key,
  macaroonWith,
  otherKey,
  testRandomBytes,
  thirdParty,
  tokenOf,
} from './samples.js';

const condition = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 40 }),
  fc.constantFrom('action invoices:read', 'ip 10.0.0.0/8', 'method GET').map(encodeUtf8),
);
const conditions = fc.array(condition, { maxLength: 8 });
const someIdentifier = fc.uint8Array({ minLength: 1, maxLength: 200 });

const holds = (macaroon: Macaroon) => verifySignature(tokenOf(macaroon), key).ok;
/** The conditions of `macaroon`, whose signature must hold. */
const conditionsOf = (macaroon: Macaroon) => {
  const result = verifySignature(tokenOf(macaroon), key);
  if (!result.ok) throw new Error(`denied: ${result.code}`);
  return result.conditions;
};
const build = (id: Uint8Array, list: readonly Uint8Array[]) =>
  list.reduce((m, one) => addFirstPartyCaveat(m, one), mint(key, id));
const withCaveats = (macaroon: Macaroon, caveats: readonly Caveat[]): Macaroon => ({ ...macaroon, caveats });

describe('chain', () => {
  it('verifies under its key and under no other, and collects every condition in order', () => {
    fc.assert(
      fc.property(someIdentifier, conditions, (id, list) => {
        const macaroon = build(id, list);
        expect(conditionsOf(macaroon)).toEqual(
          list.map((one, caveatIndex) => ({
            condition: one,
            caveatIndex,
            ...(caveatIndex === list.length - 1 ? { isLast: true } : {}),
          })),
        );
        expect(verifySignature(tokenOf(macaroon), otherKey)).toEqual({ ok: false, code: 'ERR_SIGNATURE_MISMATCH' });
      }),
    );
  });

  it('survives encoding: decode of encode is the same token, and encode of that the same text', () => {
    fc.assert(
      fc.property(someIdentifier, conditions, fc.string({ maxLength: 20, unit: 'grapheme' }), (id, list, location) => {
        const macaroon = list.reduce((m, one) => addFirstPartyCaveat(m, one), mint(key, id, location));
        const text = encode(tokenOf(macaroon));
        const read = decode(text);
        expect(read).toEqual(tokenOf(macaroon));
        expect(encode(read)).toBe(text);
        expect(holds(read.root)).toBe(true);
      }),
    );
  });

  it('breaks when a caveat is removed, doubled, moved or changed, or its kind is', () => {
    fc.assert(
      fc.property(someIdentifier, fc.array(condition, { minLength: 1, maxLength: 8 }), fc.nat(), fc.nat(), (id, list, a, b) => {
        const { caveats, ...rest } = build(id, list);
        const macaroon = { ...rest, caveats };
        const i = a % caveats.length;
        const j = b % caveats.length;
        const caveat = caveats[i];
        const other = caveats[j];
        if (caveat?.kind !== 'first-party' || other?.kind !== 'first-party') throw new Error('made of first-party caveats');
        expect(holds(withCaveats(macaroon, caveats.toSpliced(i, 1)))).toBe(false);
        expect(holds(withCaveats(macaroon, caveats.toSpliced(i, 0, caveat)))).toBe(false);
        expect(holds(withCaveats(macaroon, []))).toBe(false);
        const changed = Uint8Array.from(caveat.condition);
        changed[b % changed.length] = (changed[b % changed.length] ?? 0) ^ (1 << (a % 8));
        expect(holds(withCaveats(macaroon, caveats.with(i, { kind: 'first-party', condition: changed })))).toBe(false);
        const swapped = caveats.with(i, other).with(j, caveat);
        const alike = Buffer.compare(caveat.condition, other.condition) === 0;
        expect(holds(withCaveats(macaroon, swapped))).toBe(alike);
      }),
    );
  });

  it('breaks when any bit of the identifier, a condition or the signature is flipped', () => {
    const macaroon = build(identifier, [encodeUtf8('action invoices:read'), encodeUtf8('ip 10.0.0.0/8')]);
    const flip = (bytes: Uint8Array, bit: number) => bytes.with(bit >>> 3, (bytes[bit >>> 3] ?? 0) ^ (1 << (bit & 7)));
    for (let bit = 0; bit < identifier.length * 8; bit++) {
      expect(holds({ ...macaroon, identifier: flip(identifier, bit) })).toBe(false);
    }
    for (let bit = 0; bit < 256; bit++) {
      expect(holds({ ...macaroon, signature: toSignature(flip(macaroon.signature, bit)) })).toBe(false);
    }
    macaroon.caveats.forEach((caveat, i) => {
      if (caveat.kind !== 'first-party') throw new Error('made of first-party caveats');
      for (let bit = 0; bit < caveat.condition.length * 8; bit++) {
        const flipped: Caveat = { kind: 'first-party', condition: flip(caveat.condition, bit) };
        expect(holds(withCaveats(macaroon, macaroon.caveats.with(i, flipped)))).toBe(false);
      }
    });
  });

  it('is not moved by where the bytes of a condition or key lie in memory', () => {
    const bytes = encodeUtf8('action invoices:read');
    expect(addFirstPartyCaveat(mint(key, asView(identifier)), asView(bytes)).signature).toEqual(
      macaroonWith('action invoices:read').signature,
    );
  });

  it('does not depend on the location, which is a hint', () => {
    expect(mint(key, identifier, 'https://a.example/').signature).toEqual(mint(key, identifier).signature);
  });

  it('still asks to clear a first-party condition that imitates a third-party step', () => {
    // A third-party step is one HMAC over 64 bytes: a condition of these bytes ends in the same signature.
    const before = macaroonWith();
    const third = asking(before, 'auth');
    const [caveat] = third.caveats;
    if (caveat?.kind !== 'third-party') throw new Error('made of one third-party caveat');
    const hash = (message: Uint8Array) => hmacSha256(before.signature, message);
    const imitation = concatBytes(hash(caveat.verificationId), hash(caveat.identifier));
    const conditions = conditionsOf(withCaveats(third, [{ kind: 'first-party', condition: imitation }]));
    expect(conditions).toEqual([{ condition: imitation, caveatIndex: 0, isLast: true }]);
  });
});

describe('macaroons as values', () => {
  it('changes nothing that it is given and keeps copies', () => {
    const macaroon = macaroonWith('action invoices:read');
    const before = encode(tokenOf(macaroon));
    const bytes = Buffer.from('ip 10.0.0.0/8');
    const id = Buffer.from(identifier);
    const minted = mint(key, id);
    const narrower = addFirstPartyCaveat(macaroon, bytes);
    const third = { ...thirdParty('auth'), identifier: Buffer.from('ask auth') };
    const asked = addThirdPartyCaveat(macaroon, third, testRandomBytes(4));
    bytes.fill(0);
    id.fill(0);
    third.identifier.fill(0);
    expect(encode(tokenOf(macaroon))).toBe(before);
    expect(holds(narrower)).toBe(true);
    expect(minted.identifier).toEqual(identifier);
    expect(asked.caveats.at(-1)).toMatchObject({ identifier: encodeUtf8('ask auth') });
    expect([macaroon, macaroon.caveats, narrower, narrower.caveats, asked.caveats].every(Object.isFrozen)).toBe(true);
  });

  it('mints with caveats what adding them one by one makes, of texts and of bytes', () => {
    for (const conditions of [[], ['method GET'], ['action a', encodeUtf8('ip 10.0.0.0/8'), 'ünïcode']]) {
      const minted = mint(key, identifier, 'place', conditions);
      expect(minted).toEqual(conditions.reduce<Macaroon>(addFirstPartyCaveat, mint(key, identifier, 'place')));
      expect(Object.isFrozen(minted.caveats)).toBe(true);
    }
    const bytes = encodeUtf8('method GET');
    const minted = mint(key, identifier, '', [bytes]);
    bytes.fill(0);
    expect(minted).toEqual(mint(key, identifier, '', ['method GET']));
  });

  it('mints with as many caveats as the limit, and refuses one more, an empty one and a long one', () => {
    const many = Array.from({ length: limits.maxCaveats }, (_, i) => `c${i}`);
    expect(mint(key, identifier, '', many).caveats).toHaveLength(limits.maxCaveats);
    expect(() => mint(key, identifier, '', [...many, 'more'])).toThrow(expect.objectContaining({ code: 'ERR_LIMIT_CAVEATS' }));
    expect(() => mint(key, identifier, '', ['a', ''])).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
    const long = 'x'.repeat(limits.maxConditionBytes + 1);
    expect(() => mint(key, identifier, '', [long])).toThrow(expect.objectContaining({ code: 'ERR_LIMIT_CONDITION' }));
  });

  it('binds without changing the discharge', () => {
    const root = asking(macaroonWith(), 'auth');
    const discharge = dischargeBy('auth');
    const signature = Uint8Array.from(discharge.signature);
    const bound = bindForRequest(root, discharge);
    expect(discharge.signature).toEqual(signature);
    expect(bound.signature).not.toEqual(signature);
    expect(Object.isFrozen(bound)).toBe(true);
  });
});

describe('what cannot be made', () => {
  const third = thirdParty('auth');
  const long = (length: number) => 'x'.repeat(length);

  it('takes every length up to its limit and refuses one more', () => {
    const macaroon = macaroonWith();
    const cases = [
      [(n: number) => mint(key, encodeUtf8(long(n))), 'maxIdentifierBytes', 'ERR_LIMIT_IDENTIFIER'],
      [(n: number) => mint(key, identifier, long(n)), 'maxLocationBytes', 'ERR_LIMIT_LOCATION'],
      [(n: number) => mint(key, identifier, 'é'.repeat(n / 2)), 'maxLocationBytes', 'ERR_LIMIT_LOCATION'],
      [(n: number) => addFirstPartyCaveat(macaroon, long(n)), 'maxConditionBytes', 'ERR_LIMIT_CONDITION'],
      [(n: number) => addFirstPartyCaveat(macaroon, encodeUtf8(long(n))), 'maxConditionBytes', 'ERR_LIMIT_CONDITION'],
      [
        (n: number) => addThirdPartyCaveat(macaroon, { ...third, identifier: encodeUtf8(long(n)) }, testRandomBytes()),
        'maxConditionBytes',
        'ERR_LIMIT_CONDITION',
      ],
      [
        (n: number) => addThirdPartyCaveat(macaroon, { ...third, location: long(n) }, testRandomBytes()),
        'maxLocationBytes',
        'ERR_LIMIT_LOCATION',
      ],
    ] as const;
    for (const [make, name, code] of cases) {
      expect(decode(encode(tokenOf(make(limits[name])))).root).toBeDefined();
      expect(errorOf(() => make(limits[name] + 2))).toMatchObject({ code, limit: limits[name] });
    }
  });

  it('takes as many caveats as the limit, of either kind, and not one more', () => {
    const full = macaroonWith(...Array.from({ length: limits.maxCaveats }, (_, i) => `c ${i}`));
    expect(holds(full)).toBe(true);
    expect(errorOf(() => addFirstPartyCaveat(full, 'one more'))).toMatchObject({
      code: 'ERR_LIMIT_CAVEATS',
      limit: limits.maxCaveats,
    });
    expect(errorOf(() => addThirdPartyCaveat(full, third, testRandomBytes())).code).toBe('ERR_LIMIT_CAVEATS');
  });

  it('refuses what is empty, and text that UTF-8 cannot hold', () => {
    const macaroon = macaroonWith();
    const nothing = new Uint8Array(0);
    expect(errorOf(() => mint(key, nothing))).toMatchObject({ code: 'ERR_ARGUMENT', argument: 'identifier' });
    expect(errorOf(() => addFirstPartyCaveat(macaroon, ''))).toMatchObject({ code: 'ERR_ARGUMENT', argument: 'condition' });
    expect(errorOf(() => addFirstPartyCaveat(macaroon, nothing)).code).toBe('ERR_ARGUMENT');
    expect(errorOf(() => addThirdPartyCaveat(macaroon, { ...third, identifier: nothing }, testRandomBytes()))).toMatchObject({
      code: 'ERR_ARGUMENT',
      argument: 'identifier',
    });
    for (const lone of ['a\ud800', '\udc00b', '\ud800\ud800']) {
      expect(errorOf(() => addFirstPartyCaveat(macaroon, lone)).code).toBe('ERR_FORMAT_UTF8');
      expect(errorOf(() => mint(key, identifier, lone)).code).toBe('ERR_FORMAT_UTF8');
    }
    expect(errorOf(() => toSignature(new Uint8Array(31))).code).toBe('ERR_FORMAT_SIGNATURE');
    expect(errorOf(() => toSignature(new Uint8Array(33))).code).toBe('ERR_FORMAT_SIGNATURE');
  });
});
