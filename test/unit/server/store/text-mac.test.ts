import { createHmac, createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { macOfTexts } from '../../../../src/server/store/text-mac.js';

const keyBytes = fc.uint8Array({ minLength: 1, maxLength: 64 });
const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.string({ minLength: 300, maxLength: 3000 }));

describe('the MAC of texts', () => {
  it("is the platform's HMAC-SHA-256 of their UTF-8 bytes, after their lengths in bytes", () => {
    fc.assert(
      fc.property(keyBytes, fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 4 }), (bytes, pairs) => {
        const key = createSecretKey(bytes);
        // More than one under a key, as what was hashed before still lies in its buffer.
        for (const [a, b] of pairs) {
          const whole = `${Buffer.byteLength(a)}:${a}${Buffer.byteLength(b)}:${b}`;
          const expected = createHmac('sha256', key).update(whole, 'utf8').digest('base64url');
          expect(macOfTexts(key, (lengthOf) => `${lengthOf(a)}:${a}${lengthOf(b)}:${b}`)).toBe(expected);
        }
      }),
    );
  });

  it('is of no text that would come back as another one', () => {
    const key = createSecretKey(new Uint8Array(32));
    const lone = String.fromCharCode(0xd800);
    expect(() => macOfTexts(key, (lengthOf) => `${lengthOf(lone)}:${lone}`)).toThrow(
      expect.objectContaining({ code: 'ERR_FORMAT_UTF8' }),
    );
  });

  it('takes no key that is longer than a block', () => {
    expect(() => macOfTexts(createSecretKey(new Uint8Array(65)), () => '')).toThrow(RangeError);
  });
});
