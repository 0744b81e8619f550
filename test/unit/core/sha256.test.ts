import { createHash, createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  hkdfSha256,
  hmacFromMidstateAt,
  hmacSha256,
  hmacStep,
  hmacStepAt,
  newMidstate,
  setMidstate,
} from '../../../src/core/hmac.js';
import { bytesToState, sha256, slackBytes, stateToBytes, stateWords } from '../../../src/core/sha256.js';
import { asView, errorOf, fromHex, toHex } from './samples.js';

const ascii = (text: string) => new TextEncoder().encode(text);

/** Every length of a few blocks, and those about what is copied in one go. */
const lengths = [...Array(1026).keys(), 1087, 1088, 1089, 2047, 2048, 2049, 3071, 3072, 3135, 5000];

describe('SHA-256', () => {
  it('agrees with node:crypto on random input of many lengths, whole and as a view', () => {
    for (const length of lengths) {
      const message = new Uint8Array(randomBytes(length));
      const expected = createHash('sha256').update(message).digest('hex');
      expect(toHex(sha256(message)), toHex(message)).toBe(expected);
      expect(toHex(sha256(asView(message))), toHex(message)).toBe(expected);
    }
  });

  it.each([
    // FIPS 180-4 examples, and the long message of NIST's SHA test vectors.
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    [
      'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    ],
    [
      'abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu',
      'cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1',
    ],
    ['a'.repeat(1_000_000), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
  ])('gives the published digest (%#)', (message, digest) => {
    expect(toHex(sha256(ascii(message)))).toBe(digest);
  });
});

describe('HMAC-SHA-256', () => {
  it('agrees with node:crypto on random messages of many lengths under keys of every length up to 200', () => {
    for (const length of lengths) {
      const key = new Uint8Array(randomBytes(length % 201));
      const message = new Uint8Array(randomBytes(length));
      const expected = createHmac('sha256', key).update(message).digest('hex');
      expect(toHex(hmacSha256(key, message)), `${toHex(key)} ${toHex(message)}`).toBe(expected);
      expect(toHex(hmacSha256(asView(key), asView(message)))).toBe(expected);
    }
  });

  it.each([
    // RFC 4231 §4.2 to §4.8, in order; the fifth is cut to 128 bits there.
    ['0b'.repeat(20), toHex(ascii('Hi There')), 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    [
      toHex(ascii('Jefe')),
      toHex(ascii('what do ya want for nothing?')),
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    ['aa'.repeat(20), 'dd'.repeat(50), '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe'],
    [
      '0102030405060708090a0b0c0d0e0f10111213141516171819',
      'cd'.repeat(50),
      '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
    ],
    ['0c'.repeat(20), toHex(ascii('Test With Truncation')), 'a3b6167473100ee06e0c796c2955552b'],
    [
      'aa'.repeat(131),
      toHex(ascii('Test Using Larger Than Block-Size Key - Hash Key First')),
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
    [
      'aa'.repeat(131),
      toHex(
        ascii(
          'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.',
        ),
      ),
      '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
    ],
  ])('gives the tag of RFC 4231 (%#)', (key, message, tag) => {
    expect(toHex(hmacSha256(fromHex(key), fromHex(message))).slice(0, tag.length)).toBe(tag);
  });
});

describe('a step of a chain', () => {
  it('is HMAC under the words of the chain, whatever stands before and behind the message in its view', () => {
    const bytes = new Uint8Array(randomBytes(300 + slackBytes));
    const view = new DataView(bytes.buffer);
    const before = new Uint8Array(randomBytes(32));
    const key = new Int32Array(stateWords);
    bytesToState(before, key);
    const midstate = newMidstate();
    setMidstate(midstate, key);
    for (let start = 0; start < 9; start++) {
      for (let end = start; end <= 300; end += start + 1) {
        const expected = createHmac('sha256', before).update(bytes.subarray(start, end)).digest('hex');
        const [at, whole, under] = [key.slice(), key.slice(), new Int32Array(stateWords)];
        hmacStepAt(at, view, start, end);
        hmacStep(whole, bytes.subarray(start, end));
        hmacFromMidstateAt(midstate, view, start, end, under);
        for (const chain of [at, whole, under]) expect(toHex(stateToBytes(chain)), `${start} to ${end}`).toBe(expected);
      }
    }
  });
});

describe('HKDF-SHA-256', () => {
  it.each([
    // RFC 5869, appendix A.1 to A.3.
    [
      '0b'.repeat(22),
      '000102030405060708090a0b0c',
      'f0f1f2f3f4f5f6f7f8f9',
      42,
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    ],
    [
      Array.from({ length: 80 }, (_, i) => i.toString(16).padStart(2, '0')).join(''),
      Array.from({ length: 80 }, (_, i) => (0x60 + i).toString(16)).join(''),
      Array.from({ length: 80 }, (_, i) => (0xb0 + i).toString(16)).join(''),
      82,
      'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
    ],
    ['0b'.repeat(22), '', '', 42, '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8'],
  ])('gives the output of RFC 5869 (%#)', (secret, salt, info, length, output) => {
    expect(toHex(hkdfSha256(fromHex(secret), fromHex(salt), fromHex(info), length))).toBe(output);
  });

  it('gives up to 8160 bytes and refuses every other length', () => {
    const empty = new Uint8Array(0);
    expect(hkdfSha256(empty, empty, empty, 8160)).toHaveLength(8160);
    for (const length of [8161, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(errorOf(() => hkdfSha256(empty, empty, empty, length)).code, String(length)).toBe('ERR_ARGUMENT');
    }
  });
});
