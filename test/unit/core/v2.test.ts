import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  concatBytes,
  decodeV2Token,
  encode,
  encodeUtf8,
  encodeV2,
  encodeV2Token,
  limits,
  mint,
  verifySignature,
} from '../../../src/core/index.js';
import {
  asking,
  asView,
  boundToken,
  dischargeBy,
  errorOf,
  faultOf,
  identifier,
  key,
  macaroonWith,
  otherKey,
  testRandomBytes,
  tokenOf,
} from './samples.js';

/** Length as a minimal varint. */
function varint(length: number): number[] {
  return length < 0x80 ? [length] : [(length & 0x7f) | 0x80, ...varint(length >>> 7)];
}

function field(type: number, data: string | Uint8Array): Uint8Array {
  const bytes = typeof data === 'string' ? encodeUtf8(data) : data;
  return Uint8Array.from([type, ...varint(bytes.length), ...bytes]);
}

const end = Uint8Array.of(0);
const head = concatBytes(Uint8Array.of(2), field(1, 'loc'), field(2, 'id'), end);
const tail = concatBytes(end, field(6, new Uint8Array(32).fill(7)));
const vid = new Uint8Array(72).fill(5);
const withCaveat = (...fields: Uint8Array[]) => concatBytes(head, ...fields, end, tail);
const caveatOffset = head.length;

describe('V2 binary', () => {
  it('reads back what it wrote, from a view too, and shares no memory with it', () => {
    const root = asking(macaroonWith('action invoices:read', 'ip 10.0.0.0/8'), 'auth');
    const token = boundToken(root, [dischargeBy('auth', 'method GET')]);
    const bytes = encodeV2Token(token);
    expect(decodeV2Token(asView(bytes))).toEqual(token);
    const buffer = Buffer.from(bytes);
    const read = decodeV2Token(buffer);
    buffer.fill(0);
    expect(read).toEqual(token);
    expect(encodeV2Token(read)).toEqual(bytes);
  });

  it('is the identity of decode and encode for whatever it accepts', () => {
    const piece = fc.constantFrom(head, tail, end, field(1, 'l'), field(2, 'x'), field(4, vid), field(6, vid), Uint8Array.of(2));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const bytes = concatBytes(head, ...pieces, tail);
        let again: Uint8Array;
        try {
          again = encodeV2Token(decodeV2Token(bytes));
        } catch (error) {
          expect(error).toHaveProperty('name', 'MacaroonError');
          return;
        }
        expect(again).toEqual(bytes);
      }),
      { numRuns: 3000 },
    );
  });

  it('refuses every truncation of a token with all kinds of fields', () => {
    const root = asking(macaroonWith('action invoices:read'), 'auth');
    const token = boundToken(root, [dischargeBy('auth', 'method GET')]);
    const bytes = encodeV2Token(token);
    const wholeRoot = encodeV2(root).length;
    for (let length = 1; length < bytes.length; length++) {
      if (length === wholeRoot) {
        expect(verifySignature(decodeV2Token(bytes.subarray(0, length)), key)).toEqual({
          ok: false,
          code: 'ERR_DISCHARGE_MISSING',
        });
        continue;
      }
      expect(
        faultOf(() => decodeV2Token(bytes.subarray(0, length))),
        `cut at ${length}`,
      ).toEqual({
        code: 'ERR_FORMAT_TRUNCATED',
        offset: length,
      });
    }
    expect(faultOf(() => decodeV2Token(new Uint8Array(0)))).toEqual({ code: 'ERR_FORMAT_EMPTY', offset: 0 });
  });

  it('never verifies after any single bit was flipped; a location alone is not covered by the signature', () => {
    const root = asking(macaroonWith('action invoices:read', 'ip 10.0.0.0/8'), 'auth');
    const token = boundToken(root, [dischargeBy('auth', 'method GET')]);
    const bytes = encodeV2Token(token);
    expect(verifySignature(decodeV2Token(bytes), key).ok).toBe(true);
    let verifiedWithOtherLocation = 0;
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.with(bit >>> 3, (bytes[bit >>> 3] ?? 0) ^ (1 << (bit & 7)));
      let read: ReturnType<typeof decodeV2Token>;
      try {
        read = decodeV2Token(flipped);
      } catch (error) {
        expect(error, `bit ${bit}`).toHaveProperty('name', 'MacaroonError');
        continue;
      }
      if (!verifySignature(read, key).ok) continue;
      expect(withoutLocations(read), `bit ${bit}`).toEqual(withoutLocations(token));
      verifiedWithOtherLocation++;
    }
    expect(verifiedWithOtherLocation).toBeGreaterThan(0);
    const plain = encodeV2(macaroonWith('action invoices:read', 'time-before 2026-11-21T23:00:00Z'));
    for (let bit = 0; bit < plain.length * 8; bit++) {
      const flipped = plain.with(bit >>> 3, (plain[bit >>> 3] ?? 0) ^ (1 << (bit & 7)));
      try {
        expect(verifySignature(decodeV2Token(flipped), key).ok, `bit ${bit}`).toBe(false);
      } catch (error) {
        expect(error, `bit ${bit}`).toHaveProperty('name', 'MacaroonError');
      }
    }
  });

  it.each([
    ['version 1', concatBytes(Uint8Array.of(1), head.subarray(1), tail), 'ERR_FORMAT_VERSION', 0],
    ['version 3', concatBytes(Uint8Array.of(3), head.subarray(1), tail), 'ERR_FORMAT_VERSION', 0],
    ['no identifier', concatBytes(Uint8Array.of(2), field(1, 'loc'), end, tail), 'ERR_FORMAT_FIELD', 6],
    [
      'identifier before location',
      concatBytes(Uint8Array.of(2), field(2, 'id'), field(1, 'loc'), end, tail),
      'ERR_FORMAT_FIELD',
      5,
    ],
    [
      'location twice',
      concatBytes(Uint8Array.of(2), field(1, 'a'), field(1, 'b'), field(2, 'id'), end, tail),
      'ERR_FORMAT_FIELD',
      4,
    ],
    ['identifier twice', concatBytes(Uint8Array.of(2), field(2, 'id'), field(2, 'id'), end, tail), 'ERR_FORMAT_FIELD', 5],
    ['an empty location', concatBytes(Uint8Array.of(2), field(1, ''), field(2, 'id'), end, tail), 'ERR_FORMAT_FIELD', 1],
    ['an empty identifier', concatBytes(Uint8Array.of(2), field(2, ''), end, tail), 'ERR_FORMAT_FIELD', 1],
    [
      'an unknown field in the head',
      concatBytes(Uint8Array.of(2), field(2, 'id'), field(3, 'x'), end, tail),
      'ERR_FORMAT_FIELD',
      5,
    ],
    [
      'a verification id in the head',
      concatBytes(Uint8Array.of(2), field(2, 'id'), field(4, vid), end, tail),
      'ERR_FORMAT_FIELD',
      5,
    ],
    ['an empty condition', withCaveat(field(2, '')), 'ERR_FORMAT_FIELD', caveatOffset],
    ['an empty verification id', withCaveat(field(2, 'c'), field(4, '')), 'ERR_FORMAT_FIELD', caveatOffset + 3],
    ['a location on a first-party caveat', withCaveat(field(1, 'l'), field(2, 'c')), 'ERR_FORMAT_FIELD', caveatOffset],
    ['an empty location on a caveat', withCaveat(field(1, ''), field(2, 'c'), field(4, vid)), 'ERR_FORMAT_FIELD', caveatOffset],
    ['a caveat without identifier', withCaveat(field(4, vid)), 'ERR_FORMAT_FIELD', caveatOffset],
    ['a caveat of a location alone', withCaveat(field(1, 'l')), 'ERR_FORMAT_FIELD', caveatOffset + 3],
    ['verification id before identifier', withCaveat(field(4, vid), field(2, 'c')), 'ERR_FORMAT_FIELD', caveatOffset],
    ['verification id twice', withCaveat(field(2, 'c'), field(4, vid), field(4, vid)), 'ERR_FORMAT_FIELD', caveatOffset + 77],
    ['an unknown field in a caveat', withCaveat(field(2, 'c'), field(5, 'x')), 'ERR_FORMAT_FIELD', caveatOffset + 3],
    ['a signature among the caveats', concatBytes(head, field(6, new Uint8Array(32))), 'ERR_FORMAT_FIELD', caveatOffset],
    ['no signature', concatBytes(head, end, field(2, 'x')), 'ERR_FORMAT_FIELD', caveatOffset + 1],
    ['31 bytes of signature', concatBytes(head, end, field(6, new Uint8Array(31))), 'ERR_FORMAT_SIGNATURE', caveatOffset + 1],
    ['33 bytes of signature', concatBytes(head, end, field(6, new Uint8Array(33))), 'ERR_FORMAT_SIGNATURE', caveatOffset + 1],
    ['an empty signature', concatBytes(head, end, field(6, '')), 'ERR_FORMAT_SIGNATURE', caveatOffset + 1],
    ['a byte after the end', concatBytes(head, tail, end), 'ERR_FORMAT_TRAILING', head.length + tail.length],
    ['V1 after the end', concatBytes(head, tail, encodeUtf8('0010')), 'ERR_FORMAT_TRAILING', head.length + tail.length],
    [
      'a location that is not UTF-8',
      concatBytes(Uint8Array.of(2), field(1, Uint8Array.of(0xc0, 0x80)), field(2, 'id'), end, tail),
      'ERR_FORMAT_UTF8',
      1,
    ],
    [
      'a location with a surrogate',
      withCaveat(field(1, Uint8Array.of(0xed, 0xa0, 0x80)), field(2, 'c'), field(4, vid)),
      'ERR_FORMAT_UTF8',
      caveatOffset,
    ],
  ])('refuses %s and tells where', (_, bytes, code, offset) => {
    expect(faultOf(() => decodeV2Token(bytes))).toEqual({ code, offset });
  });

  it.each([
    ['two bytes for 2', [0x82, 0x00], 'ERR_FORMAT_VARINT'],
    ['three bytes for 2', [0x82, 0x80, 0x00], 'ERR_FORMAT_VARINT'],
    ['four bytes for 2', [0x82, 0x80, 0x80, 0x00], 'ERR_FORMAT_VARINT'],
    ['ten bytes for 2', [0x82, ...Array.from({ length: 8 }, () => 0x80), 0x00], 'ERR_FORMAT_VARINT'],
    ['2^21', [0x80, 0x80, 0x80, 0x01], 'ERR_FORMAT_VARINT'],
    ['2^32 - 1', [0xff, 0xff, 0xff, 0xff, 0x0f], 'ERR_FORMAT_VARINT'],
    ['2^32 + 2, which 32 bits read as 2', [0x82, 0x80, 0x80, 0x80, 0x10], 'ERR_FORMAT_VARINT'],
    ['2^32 + 3, which 32 bits read as 3', [0x83, 0x80, 0x80, 0x80, 0x10], 'ERR_FORMAT_VARINT'],
    ['2^64 - 1', [...Array.from({ length: 9 }, () => 0xff), 0x01], 'ERR_FORMAT_VARINT'],
    ['no end', Array.from({ length: 40 }, () => 0xff), 'ERR_FORMAT_VARINT'],
    ['2^21 - 1', [0xff, 0xff, 0x7f], 'ERR_FORMAT_TRUNCATED'],
  ])('refuses a length of %s', (_, length, code) => {
    const bytes = Uint8Array.from([2, 2, ...length, 0x69, 0x64, 0, ...tail]);
    expect(errorOf(() => decodeV2Token(bytes))).toMatchObject({ code, offset: code === 'ERR_FORMAT_VARINT' ? 2 : bytes.length });
  });

  it('reads a field type as one byte: a longer spelling of it is unknown', () => {
    const bytes = Uint8Array.from([2, 0x82, 0x00, 2, 0x69, 0x64, 0, ...tail]);
    expect(faultOf(() => decodeV2Token(bytes))).toEqual({ code: 'ERR_FORMAT_FIELD', offset: 1 });
  });
});

describe('limits of V2 binary', () => {
  const long = (length: number) => 'x'.repeat(length);

  it('takes a location, identifier, condition and verification id at the limit, and refuses one byte more', () => {
    const cases = [
      [
        (n: number) => concatBytes(Uint8Array.of(2), field(1, long(n)), field(2, 'id'), end, tail),
        'maxLocationBytes',
        'ERR_LIMIT_LOCATION',
        1,
      ],
      [
        (n: number) => concatBytes(Uint8Array.of(2), field(2, long(n)), end, tail),
        'maxIdentifierBytes',
        'ERR_LIMIT_IDENTIFIER',
        1,
      ],
      [(n: number) => withCaveat(field(2, long(n))), 'maxConditionBytes', 'ERR_LIMIT_CONDITION', caveatOffset],
      [(n: number) => withCaveat(field(2, long(n)), field(4, vid)), 'maxConditionBytes', 'ERR_LIMIT_CONDITION', caveatOffset],
      [(n: number) => withCaveat(field(2, 'c'), field(4, long(n))), 'maxConditionBytes', 'ERR_LIMIT_CONDITION', caveatOffset + 3],
      [
        (n: number) => withCaveat(field(1, long(n)), field(2, 'c'), field(4, vid)),
        'maxLocationBytes',
        'ERR_LIMIT_LOCATION',
        caveatOffset,
      ],
    ] as const;
    for (const [make, name, code, offset] of cases) {
      const bytes = make(limits[name]);
      expect(encodeV2Token(decodeV2Token(bytes))).toEqual(bytes);
      expect(errorOf(() => decodeV2Token(make(limits[name] + 1)))).toMatchObject({ code, offset, limit: limits[name] });
    }
  });

  it('takes as many caveats as the limit, and not one more', () => {
    const caveats = (count: number) =>
      concatBytes(head, ...Array.from({ length: count }, () => concatBytes(field(2, 'c'), end)), tail);
    expect(decodeV2Token(caveats(limits.maxCaveats)).root.caveats).toHaveLength(limits.maxCaveats);
    expect(errorOf(() => decodeV2Token(caveats(limits.maxCaveats + 1)))).toMatchObject({
      code: 'ERR_LIMIT_CAVEATS',
      offset: head.length + 4 * limits.maxCaveats,
      limit: limits.maxCaveats,
    });
  });

  it('takes as many discharges as the limit, and not one more, read and written', () => {
    const one = mint(otherKey, testRandomBytes(1)(20));
    const many = (count: number) =>
      tokenOf(
        one,
        Array.from({ length: count }, () => one),
      );
    const bytes = encodeV2Token(many(limits.maxDischarges));
    expect(decodeV2Token(bytes).discharges).toHaveLength(limits.maxDischarges);
    expect(errorOf(() => decodeV2Token(concatBytes(bytes, encodeV2(one))))).toMatchObject({
      code: 'ERR_LIMIT_DISCHARGES',
      offset: bytes.length,
      limit: limits.maxDischarges,
    });
    for (const write of [encode, encodeV2Token]) {
      expect(errorOf(() => write(many(limits.maxDischarges + 1)))).toMatchObject({
        code: 'ERR_LIMIT_DISCHARGES',
        limit: limits.maxDischarges,
      });
    }
  });

  it('does not let a caller change a decoded macaroon through its lists', () => {
    const { root, discharges } = decodeV2Token(encodeV2(macaroonWith('a b')));
    expect([root, root.caveats, root.caveats[0], discharges].every(Object.isFrozen)).toBe(true);
  });

  it('decodes the identifier as a view that reads right', () => {
    expect(decodeV2Token(encodeV2(macaroonWith())).root.identifier).toEqual(identifier);
  });
});

function withoutLocations(token: ReturnType<typeof decodeV2Token>) {
  return JSON.stringify(token, (name, value) => (name === 'location' ? undefined : value));
}
