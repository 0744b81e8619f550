import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64Any } from '../../../src/core/base64url.js';
import { decodeBase64url, encodeBase64url } from '../../../src/core/index.js';
import { asView, faultOf } from './samples.js';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const someBytes = fc.uint8Array({ maxLength: 80 });

describe('base64url', () => {
  it('agrees with node:buffer and reads back what it wrote', () => {
    fc.assert(
      fc.property(someBytes, (bytes) => {
        const text = encodeBase64url(asView(bytes));
        expect(text).toBe(Buffer.from(bytes).toString('base64url'));
        expect(decodeBase64url(text)).toEqual(bytes);
      }),
    );
  });

  it('refuses every spelling but one: whatever it reads, it writes again the same', () => {
    const text = fc.string({ unit: fc.constantFrom(...alphabet, '+', '/', '=', ' ', '\n', 'é'), maxLength: 12 });
    fc.assert(
      fc.property(text, (spelling) => {
        let bytes: Uint8Array;
        try {
          bytes = decodeBase64url(spelling);
        } catch {
          return;
        }
        expect(encodeBase64url(bytes)).toBe(spelling);
      }),
      { numRuns: 20_000 },
    );
  });

  it('refuses every last character with stray bits, for one and for two bytes at the end', () => {
    for (const [head, mask] of [
      ['A', 15],
      ['AA', 3],
    ] as const) {
      [...alphabet].forEach((last, value) => {
        const text = head + last;
        if ((value & mask) === 0) expect(encodeBase64url(decodeBase64url(text))).toBe(text);
        else expect(faultOf(() => decodeBase64url(text))).toEqual({ code: 'ERR_FORMAT_BASE64', offset: head.length });
      });
    }
  });

  it.each([
    ['Z29-IQ==', 6],
    ['Z29-IQ=', 6],
    ['Z29+IQ', 3],
    ['Z29/IQ', 3],
    ['Z2 9-IQ', 2],
    ['Z29-IQ\n', 6],
    ['\u0100AAA', 0],
    ['AAAAA', 5],
    ['A', 1],
  ])('tells where %j is wrong', (text, offset) => {
    expect(faultOf(() => decodeBase64url(text))).toEqual({ code: 'ERR_FORMAT_BASE64', offset });
  });
});

describe('base64 of foreign formats', () => {
  it('reads either alphabet, padded or not', () => {
    fc.assert(
      fc.property(someBytes, (bytes) => {
        const padded = Buffer.from(bytes).toString('base64');
        const url = padded.replaceAll('+', '-').replaceAll('/', '_');
        for (const text of [padded, url, padded.replace(/=+$/, ''), url.replace(/=+$/, '')]) {
          expect(decodeBase64Any(text)).toEqual(bytes);
        }
      }),
    );
  });

  it.each([
    ['Z29+IQ===', 'ERR_FORMAT_BASE64'],
    ['Z29+IQ=', 'ERR_FORMAT_BASE64'],
    ['Z29+I===', 'ERR_FORMAT_BASE64'],
    ['====', 'ERR_FORMAT_BASE64'],
    ['Z2=9', 'ERR_FORMAT_BASE64'],
    ['Z2-+', 'ERR_FORMAT_BASE64'],
    ['_2/_', 'ERR_FORMAT_BASE64'],
    ['AB==', 'ERR_FORMAT_BASE64'],
    ['AB', 'ERR_FORMAT_BASE64'],
    ['Z29 IQ==', 'ERR_FORMAT_TEXT'],
    ['Z29\nIQ==', 'ERR_FORMAT_TEXT'],
  ])('refuses %j', (text, code) => {
    expect(faultOf(() => decodeBase64Any(text)).code).toBe(code);
  });
});
