import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  concatBytes,
  decodeV1Token,
  encodeUtf8,
  importToken,
  limits,
  type Macaroon,
  type UnverifiedMacaroon,
  verifySignature,
} from '../../../src/core/index.js';
import { asking, asView, boundToken, dischargeBy, errorOf, faultOf, key, macaroonWith, tokenOf } from './samples.js';

/** A V1 packet; the project itself never writes one. */
function packet(name: string, data: string | Uint8Array): Uint8Array {
  const body = concatBytes(encodeUtf8(`${name} `), typeof data === 'string' ? encodeUtf8(data) : data, encodeUtf8('\n'));
  return concatBytes(encodeUtf8((body.length + 4).toString(16).padStart(4, '0')), body);
}

function v1Of({ location, identifier, caveats, signature }: Macaroon): Uint8Array {
  const packets = caveats.map((caveat) =>
    caveat.kind === 'first-party'
      ? packet('cid', caveat.condition)
      : concatBytes(packet('cid', caveat.identifier), packet('vid', caveat.verificationId), packet('cl', caveat.location)),
  );
  return concatBytes(packet('location', location), packet('identifier', identifier), ...packets, packet('signature', signature));
}

function v1TokenOf({ root, discharges }: UnverifiedMacaroon): Uint8Array {
  return concatBytes(...[root, ...discharges].map(v1Of));
}

const head = concatBytes(packet('location', 'loc'), packet('identifier', 'id'));
const tail = packet('signature', new Uint8Array(32).fill(7));
const vid = new Uint8Array(72).fill(5);
const at = head.length;

describe('V1 binary', () => {
  const token = boundToken(asking(macaroonWith('action invoices:read'), 'auth'), [dischargeBy('auth', 'method GET')]);

  it('is the same value as V2 gives, and verifies the same', () => {
    const bytes = v1TokenOf(token);
    expect(decodeV1Token(asView(bytes))).toEqual(token);
    expect(decodeV1Token(Buffer.from(bytes))).toEqual(token);
    expect(importToken(bytes)).toEqual(token);
    expect(verifySignature(decodeV1Token(bytes), key).ok).toBe(true);
  });

  it('shares no memory with what it was given', () => {
    const buffer = Buffer.from(v1TokenOf(token));
    const read = decodeV1Token(buffer);
    buffer.fill(0);
    expect(read).toEqual(token);
  });

  it('reads any macaroon that V2 holds', () => {
    const condition = fc.uint8Array({ minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(fc.array(condition, { maxLength: 5 }), fc.string({ maxLength: 20 }), (conditions, location) => {
        const caveats = conditions.map((one) => ({ kind: 'first-party', condition: one }) as const);
        const macaroon: Macaroon = { ...macaroonWith(), location, caveats };
        expect(decodeV1Token(v1Of(macaroon))).toEqual(tokenOf(macaroon));
      }),
    );
  });

  it('takes a third-party caveat without location, as pymacaroons could write it', () => {
    const bytes = concatBytes(head, packet('cid', 'c'), packet('vid', vid), tail);
    expect(decodeV1Token(bytes).root.caveats).toEqual([
      { kind: 'third-party', identifier: encodeUtf8('c'), verificationId: vid, location: '' },
    ]);
  });

  it('refuses every truncation', () => {
    const bytes = v1Of(token.root);
    for (let length = 1; length < bytes.length; length++) {
      expect(
        faultOf(() => decodeV1Token(bytes.subarray(0, length))),
        `cut at ${length}`,
      ).toEqual({
        code: 'ERR_FORMAT_TRUNCATED',
        offset: length,
      });
    }
    expect(faultOf(() => decodeV1Token(new Uint8Array(0)))).toEqual({ code: 'ERR_FORMAT_EMPTY', offset: 0 });
  });

  it('never verifies after any single bit was flipped, but for a location', () => {
    const bytes = v1Of(macaroonWith('action invoices:read', 'ip 10.0.0.0/8'));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.with(bit >>> 3, (bytes[bit >>> 3] ?? 0) ^ (1 << (bit & 7)));
      try {
        expect(verifySignature(decodeV1Token(flipped), key).ok, `bit ${bit}`).toBe(false);
      } catch (error) {
        expect(error, `bit ${bit}`).toHaveProperty('name', 'MacaroonError');
      }
    }
  });

  it.each([
    ['no location packet', concatBytes(packet('identifier', 'id'), tail), 'ERR_FORMAT_FIELD', 0],
    ['location twice', concatBytes(packet('location', 'a'), packet('location', 'b'), tail), 'ERR_FORMAT_FIELD', 15],
    ['identifier twice', concatBytes(head, packet('identifier', 'id'), tail), 'ERR_FORMAT_FIELD', at],
    ['an empty identifier', concatBytes(packet('location', ''), packet('identifier', ''), tail), 'ERR_FORMAT_FIELD', 14],
    ['an empty condition', concatBytes(head, packet('cid', ''), tail), 'ERR_FORMAT_FIELD', at],
    ['an empty verification id', concatBytes(head, packet('cid', 'c'), packet('vid', ''), tail), 'ERR_FORMAT_FIELD', at + 10],
    ['a verification id alone', concatBytes(head, packet('vid', vid), tail), 'ERR_FORMAT_FIELD', at],
    [
      'a location without verification id',
      concatBytes(head, packet('cid', 'c'), packet('cl', 'x'), tail),
      'ERR_FORMAT_FIELD',
      at + 10,
    ],
    [
      'location before verification id',
      concatBytes(head, packet('cid', 'c'), packet('cl', 'x'), packet('vid', vid), tail),
      'ERR_FORMAT_FIELD',
      at + 10,
    ],
    ['a caveat after the signature', concatBytes(head, tail, packet('cid', 'c')), 'ERR_FORMAT_FIELD', at + tail.length],
    ['an unknown packet', concatBytes(head, packet('nonce', 'c'), tail), 'ERR_FORMAT_FIELD', at],
    ['a name in upper case', concatBytes(head, packet('CID', 'c'), tail), 'ERR_FORMAT_FIELD', at],
    ['a very long name', concatBytes(head, packet('c'.repeat(300), 'c'), tail), 'ERR_FORMAT_FIELD', at],
    ['31 bytes of signature', concatBytes(head, packet('signature', new Uint8Array(31))), 'ERR_FORMAT_SIGNATURE', at],
    ['33 bytes of signature', concatBytes(head, packet('signature', new Uint8Array(33))), 'ERR_FORMAT_SIGNATURE', at],
    ['a line feed after the end', concatBytes(head, tail, encodeUtf8('\n')), 'ERR_FORMAT_TRAILING', at + tail.length],
    ['V2 after the end', concatBytes(head, tail, Uint8Array.of(2)), 'ERR_FORMAT_TRAILING', at + tail.length],
    ['a location that is not UTF-8', concatBytes(packet('location', Uint8Array.of(0xff)), tail), 'ERR_FORMAT_UTF8', 0],
    ['a length in upper-case hex', concatBytes(encodeUtf8('001F'), head.subarray(4), tail), 'ERR_FORMAT_VARINT', 0],
    ['a length with a space', concatBytes(encodeUtf8('0 1f'), head.subarray(4), tail), 'ERR_FORMAT_VARINT', 0],
    ['a length of 0', concatBytes(encodeUtf8('0000'), head.subarray(4), tail), 'ERR_FORMAT_FIELD', 0],
    ['a length that ends before the name does', concatBytes(encodeUtf8('0008'), head.subarray(4), tail), 'ERR_FORMAT_FIELD', 0],
    ['a length one too short', concatBytes(encodeUtf8('0010'), head.subarray(4), tail), 'ERR_FORMAT_FIELD', 0],
    ['a length past the end', concatBytes(head, encodeUtf8('ffff'), tail.subarray(4)), 'ERR_FORMAT_TRUNCATED', at + tail.length],
  ])('refuses %s and tells where', (_, bytes, code, offset) => {
    expect(faultOf(() => decodeV1Token(bytes))).toEqual({ code, offset });
  });

  it('keeps to the limits of V2: at the limit, and not one more', () => {
    const long = (length: number) => 'x'.repeat(length);
    const caveats = (count: number) => concatBytes(...Array.from({ length: count }, () => packet('cid', 'c')));
    const cases = [
      [
        (n: number) => concatBytes(packet('location', long(n)), packet('identifier', 'id'), tail),
        'maxLocationBytes',
        'ERR_LIMIT_LOCATION',
        0,
      ],
      [
        (n: number) => concatBytes(packet('location', ''), packet('identifier', long(n)), tail),
        'maxIdentifierBytes',
        'ERR_LIMIT_IDENTIFIER',
        14,
      ],
      [(n: number) => concatBytes(head, packet('cid', long(n)), tail), 'maxConditionBytes', 'ERR_LIMIT_CONDITION', at],
      [
        (n: number) => concatBytes(head, packet('cid', 'c'), packet('vid', long(n)), tail),
        'maxConditionBytes',
        'ERR_LIMIT_CONDITION',
        at + 10,
      ],
      [
        (n: number) => concatBytes(head, packet('cid', 'c'), packet('vid', 'v'), packet('cl', long(n)), tail),
        'maxLocationBytes',
        'ERR_LIMIT_LOCATION',
        at + 20,
      ],
      [(n: number) => concatBytes(head, caveats(n), tail), 'maxCaveats', 'ERR_LIMIT_CAVEATS', at + 10 * limits.maxCaveats],
      [
        (n: number) => concatBytes(...Array.from({ length: n + 1 }, () => concatBytes(head, tail))),
        'maxDischarges',
        'ERR_LIMIT_DISCHARGES',
        (at + tail.length) * 17,
      ],
    ] as const;
    for (const [make, name, code, offset] of cases) {
      expect(decodeV1Token(make(limits[name])).root.signature).toHaveLength(32);
      expect(errorOf(() => decodeV1Token(make(limits[name] + 1)))).toMatchObject({ code, offset, limit: limits[name] });
    }
  });
});
