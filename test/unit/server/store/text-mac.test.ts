import { createHmac, createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { macOfText } from '../../../../src/server/store/text-mac.js';

const keyBytes = fc.uint8Array({ minLength: 1, maxLength: 64 });
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ minLength: 300, maxLength: 3000 }));

describe('the MAC of a text', () => {
  it("is the platform's HMAC-SHA-256 of its UTF-8 bytes", () => {
    fc.assert(
      fc.property(keyBytes, fc.array(text, { minLength: 1, maxLength: 4 }), (bytes, texts) => {
        const key = createSecretKey(bytes);
        // More than one under a key, as what was hashed before still lies in its buffer.
        for (const one of texts) {
          expect(macOfText(key, one)).toBe(createHmac('sha256', key).update(one, 'utf8').digest('base64url'));
        }
      }),
    );
  });

  it('takes no key that is longer than a block', () => {
    expect(() => macOfText(createSecretKey(new Uint8Array(65)), '')).toThrow(RangeError);
  });
});
