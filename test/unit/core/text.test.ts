import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode, encodeBase64url, encodeV2Token, limits, mint, textPrefix } from '../../../src/core/index.js';
import { asking, boundToken, dischargeBy, errorOf, faultOf, identifier, key, macaroonWith, tokenOf } from './samples.js';

const token = tokenOf(macaroonWith('action invoices:read', 'ip 10.0.0.0/8'));
const text = encode(token);
const payload = encodeBase64url(encodeV2Token(token));
const dot = text.lastIndexOf('.');
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

describe('text form', () => {
  it('is prefix, payload, dot and CRC-32 of the payload text', () => {
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32BE(typeof crc32 === 'function' ? crc32(payload) : crcOf(payload));
    expect(text).toBe(`mcr_${payload}.${checksum.toString('base64url')}`);
    expect(textPrefix).toBe('mcr_');
  });

  it('reads back what it wrote, with and without prefix and checksum, with discharges too', () => {
    const asked = asking(macaroonWith('action invoices:read'), 'auth', 'time');
    const tokens = [token, tokenOf(mint(key, identifier)), boundToken(asked, [dischargeBy('auth', 'a b'), dischargeBy('time')])];
    for (const one of tokens) {
      expect(decode(encode(one))).toEqual(one);
      expect(decode(encodeBase64url(encodeV2Token(one)))).toEqual(one);
    }
  });

  it('tells every cut from a forgery: checksum, or the prefix is gone', () => {
    for (let length = 0; length < text.length; length++) {
      const { code } = errorOf(() => decode(text.slice(0, length)));
      if (length === 0) expect(code).toBe('ERR_FORMAT_EMPTY');
      else if (length < 4) expect(code.startsWith('ERR_FORMAT_'), `cut at ${length}`).toBe(true);
      else expect(code, `cut at ${length}`).toBe('ERR_FORMAT_CHECKSUM');
    }
  });

  it('tells every mistyped, missing, doubled and swapped character', () => {
    for (let at = textPrefix.length; at < text.length; at++) {
      const character = text.charAt(at);
      if (character === '.') continue;
      const mistyped = alphabet.charAt((alphabet.indexOf(character) + 1 + (at % 62)) % 64);
      const spellings = [
        text.slice(0, at) + mistyped + text.slice(at + 1),
        text.slice(0, at) + text.slice(at + 1),
        text.slice(0, at) + character + text.slice(at),
        text.slice(0, at) + text.charAt(at + 1) + character + text.slice(at + 2),
      ];
      for (const spelling of spellings) {
        if (spelling === text) continue;
        expect(errorOf(() => decode(spelling)).code, spelling).toBe('ERR_FORMAT_CHECKSUM');
      }
    }
  });

  it('tells where a character is that no token has', () => {
    for (const [foreign, at] of [
      [' ', 20],
      ['+', 4],
      ['=', dot],
      ['\n', 30],
      ['é', 30],
      ['\u0100', 31],
      ['\0', 40],
      ['.', 40],
    ] as const) {
      expect(
        faultOf(() => decode(text.slice(0, at) + foreign + text.slice(at))),
        foreign,
      ).toEqual({
        code: 'ERR_FORMAT_TEXT',
        offset: at,
      });
    }
    expect(faultOf(() => decode(`${payload.slice(0, 9)} ${payload.slice(9)}`))).toEqual({ code: 'ERR_FORMAT_TEXT', offset: 9 });
    expect(faultOf(() => decode(` ${text}`))).toEqual({ code: 'ERR_FORMAT_TEXT', offset: 0 });
    expect(faultOf(() => decode(`MCR_${text.slice(4)}`)).code).toMatch(/^ERR_FORMAT_/);
  });

  it('has one spelling: nothing that differs reads as the same token', () => {
    const stray = payload.length % 4 !== 0;
    const lastValue = alphabet.indexOf(payload.at(-1) ?? '');
    const respelled = payload.slice(0, -1) + alphabet.charAt(lastValue ^ 1);
    if (stray) expect(faultOf(() => decode(respelled))).toEqual({ code: 'ERR_FORMAT_BASE64', offset: payload.length - 1 });
    for (const other of [`${payload}=`, `${payload}==`, `${text}.`, `${text}A`, text.slice(0, -1), `${text}\n`, `mcr_${text}`]) {
      expect(errorOf(() => decode(other)).code).toMatch(/^ERR_FORMAT_/);
    }
    expect(faultOf(() => decode(`${payload}A`.padEnd(payload.length + ((5 - (payload.length % 4)) % 4), 'A'))).code).toMatch(
      /^ERR_FORMAT_(BASE64|TRAILING)$/,
    );
  });

  it('is at most as long as the limit, read and written', () => {
    const fill = (last: number) =>
      macaroonWith(...Array.from({ length: 5 }, () => `x ${'a'.repeat(limits.maxConditionBytes - 2)}`), `x ${'a'.repeat(last)}`);
    let last = 1;
    while (encodeBase64url(encodeV2Token(tokenOf(fill(last)))).length + 11 <= limits.maxTextLength - 2) last++;
    const longest = encode(tokenOf(fill(last)));
    expect(longest.length).toBeGreaterThan(limits.maxTextLength - 2);
    expect(decode(longest).root.caveats).toHaveLength(6);
    expect(errorOf(() => encode(tokenOf(fill(last + 3))))).toMatchObject({ code: 'ERR_LIMIT_TEXT', limit: limits.maxTextLength });
    const atLimit = 'A'.repeat(limits.maxTextLength);
    expect(errorOf(() => decode(atLimit)).code).toBe('ERR_FORMAT_VERSION');
    expect(errorOf(() => decode(`${atLimit}A`))).toMatchObject({
      code: 'ERR_LIMIT_TEXT',
      limit: limits.maxTextLength,
      offset: limits.maxTextLength,
    });
  });

  it.each([undefined, null, 7, new Uint8Array(3)])('throws ERR_ARGUMENT for what is no text: %j', (input: unknown) => {
    expect(errorOf(() => decode(input as string))).toMatchObject({ code: 'ERR_ARGUMENT', argument: 'text' });
  });

  it('throws nothing but MacaroonError, and what it reads it writes again the same', () => {
    const piece = fc.oneof(fc.constantFrom('mcr_', '.', 'Ag', 'AgI', payload, text), fc.string({ maxLength: 8 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 5 }), (pieces) => {
        const candidate = pieces.join('');
        let read: ReturnType<typeof decode>;
        try {
          read = decode(candidate);
        } catch (error) {
          expect(error).toHaveProperty('name', 'MacaroonError');
          return;
        }
        expect([encode(read), encodeBase64url(encodeV2Token(read))]).toContain(candidate);
      }),
      { numRuns: 5000 },
    );
  });
});

/** CRC-32 bit by bit, for a Node without `zlib.crc32`. */
function crcOf(ascii: string): number {
  let crc = 0xffffffff;
  for (const byte of new TextEncoder().encode(ascii)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
