import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addFirstPartyCaveat,
  decode,
  encode,
  encodeBase64url,
  encodeUtf8,
  encodeV2Token,
  limits,
  MacaroonError,
  mint,
  narrowText,
  toSignature,
  verifySignature,
} from '../../../src/core/index.js';
import { mutateText, seededRandom } from '../../fuzz/mutate.js';
import { asking, boundToken, dischargeBy, errorOf, identifier, key, macaroonWith, tokenOf } from './samples.js';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_mcr_.';
const condition = fc.oneof(
  fc.constantFrom('action invoices:read', 'ip 10.0.0.0/8', 'method GET').map(encodeUtf8),
  fc.uint8Array({ minLength: 1, maxLength: 40 }),
  fc.integer({ min: 1, max: limits.maxConditionBytes }).map((length) => new Uint8Array(length).fill(0x61)),
);
const token = fc
  .record({
    id: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    location: fc.constantFrom('', 'https://a.example/', 'é'),
    conditions: fc.array(condition, { maxLength: 6 }),
  })
  .map(({ id, location, conditions }) =>
    tokenOf(conditions.reduce((macaroon, one) => addFirstPartyCaveat(macaroon, one), mint(key, id, location))),
  );

/** The long way: macaroons as values. The code of its error where there is one. */
function narrowedByValues(text: string, conditions: readonly Uint8Array[]): string {
  try {
    const { root, discharges } = decode(text);
    return encode({ root: conditions.reduce((macaroon, one) => addFirstPartyCaveat(macaroon, one), root), discharges });
  } catch (error) {
    if (error instanceof MacaroonError) return error.code;
    throw error;
  }
}

/** The short way, and the long one where it gives nothing. */
function narrowed(text: string, conditions: readonly Uint8Array[]): string {
  try {
    return narrowText(text, conditions) ?? narrowedByValues(text, conditions);
  } catch (error) {
    if (error instanceof MacaroonError) return error.code;
    throw error;
  }
}

describe('narrowText', () => {
  it('writes the same text as adding the conditions to the decoded token, and its signature holds', () => {
    fc.assert(
      fc.property(token, fc.array(condition, { minLength: 1, maxLength: 4 }), (one, conditions) => {
        const { location } = one.root;
        let text: string;
        try {
          text = encode(one);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_LIMIT_TEXT' });
          return;
        }
        const expected = narrowedByValues(text, conditions);
        expect(narrowed(text, conditions)).toBe(expected);
        if (!expected.startsWith('mcr_')) return;
        expect(verifySignature(decode(expected), key).ok).toBe(true);
        expect(narrowText(text, conditions)).toBe(location === 'é' ? undefined : expected);
      }),
      { numRuns: process.env['MACAROOND_TEST_LONG'] ? 20_000 : 500 },
    );
  });

  it('gives for a broken text what the long way gives', () => {
    const texts = [
      encode(tokenOf(macaroonWith('method GET', 'ip 10.0.0.0/8'))),
      encode(tokenOf(mint(key, identifier, 'https://a.example/'))),
      encode(tokenOf(asking(macaroonWith(), 'auth'))),
    ];
    const added = [encodeUtf8('method GET')];
    const random = seededRandom(11);
    for (let i = 0; i < (process.env['MACAROOND_TEST_LONG'] ? 200_000 : 3000); i++) {
      const broken = mutateText(random, random.pick(texts), alphabet, random.pick(texts));
      expect(narrowed(broken, added), broken).toBe(narrowedByValues(broken, added));
    }
  });

  it('leaves every payload with one byte changed to the long way, or changes it in the same way', () => {
    const bytes = encodeV2Token(tokenOf(macaroonWith('method GET')));
    const added = [encodeUtf8('ip 10.0.0.0/8')];
    for (let at = 0; at < bytes.length; at++) {
      for (const change of [1, 0x80, 0xff]) {
        const payload = encodeBase64url(bytes.with(at, (bytes[at] ?? 0) ^ change));
        const text = `mcr_${payload}.${checksumOf(payload)}`;
        expect(narrowed(text, added), `${at} by ${change}`).toBe(narrowedByValues(text, added));
      }
    }
  });

  it('is for the usual form alone', () => {
    const added = [encodeUtf8('method GET')];
    const root = asking(macaroonWith(), 'auth');
    const usual = encode(tokenOf(macaroonWith()));
    expect(narrowText(usual, added)).toBe(encode(tokenOf(macaroonWith('method GET'))));
    const others = [
      encode(tokenOf(root)),
      encode(boundToken(root, [dischargeBy('auth')])),
      encodeBase64url(encodeV2Token(decode(usual))),
      `${usual} `,
      '',
    ];
    for (const other of others) expect(narrowText(other, added), other).toBeUndefined();
  });

  it('keeps the limits: of a condition, of caveats, of the text', () => {
    const text = encode(tokenOf(macaroonWith()));
    const long = (length: number) => new Uint8Array(length).fill(0x61);
    expect(narrowText(text, [long(limits.maxConditionBytes)])).toMatch(/^mcr_/);
    for (const length of [0, limits.maxConditionBytes + 1]) expect(narrowText(text, [long(length)])).toBeUndefined();
    const many = (count: number) => Array.from({ length: count }, () => long(2));
    expect(narrowText(text, many(limits.maxCaveats))).toMatch(/^mcr_/);
    expect(narrowText(text, many(limits.maxCaveats + 1))).toBeUndefined();
    expect(
      errorOf(() =>
        narrowText(
          text,
          Array.from({ length: 6 }, () => long(limits.maxConditionBytes)),
        ),
      ).code,
    ).toBe('ERR_LIMIT_TEXT');
  });

  it('needs no key: a token that was forged stays one', () => {
    const forged = encode(tokenOf({ ...macaroonWith(), signature: toSignature(new Uint8Array(32)) }));
    const longer = narrowText(forged, [encodeUtf8('method GET')]) ?? '';
    expect(verifySignature(decode(longer), key)).toEqual({ ok: false, code: 'ERR_SIGNATURE_MISMATCH' });
  });
});

/** The checksum that `encode` would write behind `payload`: CRC-32 bit by bit. */
function checksumOf(payload: string): string {
  let crc = 0xffffffff;
  for (const byte of encodeUtf8(payload)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  const checksum = (crc ^ 0xffffffff) >>> 0;
  return encodeBase64url(Uint8Array.of(checksum >>> 24, checksum >>> 16, checksum >>> 8, checksum));
}
