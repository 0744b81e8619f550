import { poly1305 as noblePoly1305 } from '@noble/ciphers/_poly1305.js';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../src/core/bytes.js';
import { poly1305 } from '../../../src/core/poly1305.js';
import { xsalsa20Block } from '../../../src/core/salsa20.js';
import { openVerificationId, openVerificationIdAt, sealVerificationId } from '../../../src/core/secretbox.js';
import { bytesToState, stateToBytes } from '../../../src/core/sha256.js';
import { asView, errorOf, fromHex, testRandomBytes, toHex } from './samples.js';

/** Words of `hex`, little-endian. */
function wordsOf(hex: string): Int32Array {
  const bytes = fromHex(hex.replaceAll(' ', ''));
  const view = new DataView(bytes.buffer);
  return Int32Array.from({ length: bytes.length / 4 }, (_, i) => view.getInt32(i * 4, true));
}

/** `words` as hex, little-endian. */
function hexOf(words: Int32Array): string {
  const view = new DataView(new ArrayBuffer(words.length * 4));
  words.forEach((word, i) => {
    view.setInt32(i * 4, word, true);
  });
  return toHex(new Uint8Array(view.buffer));
}

/** Bytes of which many are all zeros or all ones, where carries are. */
const bytesOf = (length: number) =>
  fc.oneof(
    fc.uint8Array({ minLength: length, maxLength: length }),
    fc.array(fc.constantFrom(0, 1, 0xfb, 0xff), { minLength: length, maxLength: length }).map((list) => Uint8Array.from(list)),
  );

// NaCl, tests/secretbox: of a message of 131 bytes the first 32, which no later one changes the encryption of.
const nacl = {
  key: '1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389',
  nonce: '69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37',
  message: 'be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffc',
  ciphertext: '8e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186a',
};

describe('the stream of XSalsa20', () => {
  it('is that of NaCl', () => {
    const stream = new Int32Array(16);
    xsalsa20Block(wordsOf(nacl.key), wordsOf(nacl.nonce), stream);
    const encrypted = wordsOf(nacl.message).map((word, i) => word ^ (stream[i + 8] ?? 0));
    expect(hexOf(encrypted)).toBe(nacl.ciphertext);
    // The first half is the one-time key of the authenticator: NaCl, tests/onetimeauth.
    expect(hexOf(stream.subarray(0, 8))).toBe('eea6a7251c1e72916d11c2cb214d3c252539121d8e234e652d651fa4c8cff880');
  });
});

describe('poly1305', () => {
  const zeros = (bytes: number) => '00'.repeat(bytes);
  // RFC 8439, appendix A.3, those whose messages are whole blocks: [number, r, s, message, tag].
  it.each([
    [1, zeros(16), zeros(16), zeros(64), zeros(16)],
    [7, `02${zeros(15)}`, zeros(16), 'ff'.repeat(16), `03${zeros(15)}`],
    [8, `02${zeros(15)}`, 'ff'.repeat(16), `02${zeros(15)}`, `03${zeros(15)}`],
    [9, `01${zeros(15)}`, zeros(16), `${'ff'.repeat(16)}f0${'ff'.repeat(15)}11${zeros(15)}`, `05${zeros(15)}`],
    [10, `01${zeros(15)}`, zeros(16), `${'ff'.repeat(16)}fb${'fe'.repeat(15)}${'01'.repeat(16)}`, zeros(16)],
    [11, `02${zeros(15)}`, zeros(16), `fd${'ff'.repeat(15)}`, `fa${'ff'.repeat(15)}`],
    [
      12,
      `0100000000000000 04${zeros(7)}`,
      zeros(16),
      `e33594d7505e43b900000000000000003394d7505e4379cd01000000000000000000000000000000000000000000000001${zeros(15)}`,
      '14000000000000005500000000000000',
    ],
    [
      13,
      `0100000000000000 04${zeros(7)}`,
      zeros(16),
      `e33594d7505e43b900000000000000003394d7505e4379cd01${zeros(7)}${zeros(16)}`,
      `13${zeros(15)}`,
    ],
  ])('gives the tag of RFC 8439, appendix A.3 #%i', (_, r, s, message, expected) => {
    const words = wordsOf(message);
    const tag = new Int32Array(4);
    poly1305(wordsOf(r + s), words, words.length, tag);
    expect(hexOf(tag)).toBe(expected);
  });

  it('gives the tag of another implementation, also where every carry is', () => {
    const message = fc.array(bytesOf(16), { maxLength: 6 }).map((blocks) => concatBytes(...blocks));
    fc.assert(
      fc.property(bytesOf(32), message, (key, bytes) => {
        const tag = new Int32Array(4);
        poly1305(wordsOf(toHex(key)), wordsOf(toHex(bytes)), bytes.length / 4, tag);
        expect(hexOf(tag)).toBe(toHex(noblePoly1305(bytes, key)));
      }),
      { numRuns: process.env['MACAROOND_TEST_LONG'] ? 100_000 : 2000 },
    );
  });
});

/** The 8 words of a chain that are `bytes`. */
function chainOf(bytes: Uint8Array): Int32Array {
  const chain = new Int32Array(8);
  bytesToState(bytes, chain);
  return chain;
}

/** The caveat key in `verificationId`, alone and in the middle of a view; `undefined` where it does not open, and nothing is written then. */
function opened(signature: Uint8Array, verificationId: Uint8Array): Uint8Array | undefined {
  const key = new Int32Array(8).fill(-3);
  const keyAt = key.slice();
  const opens = openVerificationId(chainOf(signature), verificationId, key);
  const view = new DataView(concatBytes(new Uint8Array(5).fill(1), verificationId, new Uint8Array(3)).buffer);
  expect(openVerificationIdAt(chainOf(signature), view, 5, 5 + verificationId.length, keyAt)).toBe(opens);
  expect(keyAt).toEqual(opens ? key : new Int32Array(8).fill(-3));
  return opens ? stateToBytes(key) : undefined;
}

describe('a verification id', () => {
  const signature = testRandomBytes(1)(32);
  const caveatKey = testRandomBytes(2)(32);
  const sealed = sealVerificationId(chainOf(signature), caveatKey, testRandomBytes(3));

  it('is what another implementation of secretbox makes and opens', () => {
    fc.assert(
      fc.property(bytesOf(32), bytesOf(32), bytesOf(24), (key, message, nonce) => {
        const box = concatBytes(nonce, xsalsa20poly1305(key, nonce).encrypt(message));
        expect(sealVerificationId(chainOf(key), message, () => nonce)).toEqual(box);
        expect(opened(asView(key), asView(box))).toEqual(message);
      }),
      { numRuns: process.env['MACAROOND_TEST_LONG'] ? 100_000 : 2000 },
    );
  });

  it('does not open when any bit of it or of the signature is changed', () => {
    expect(opened(signature, sealed)).toEqual(caveatKey);
    const flip = (bytes: Uint8Array, bit: number) => bytes.with(bit >>> 3, (bytes[bit >>> 3] ?? 0) ^ (1 << (bit & 7)));
    for (let bit = 0; bit < sealed.length * 8; bit++) expect(opened(signature, flip(sealed, bit))).toBeUndefined();
    for (let bit = 0; bit < 256; bit++) expect(opened(flip(signature, bit), sealed)).toBeUndefined();
  });

  it('does not open when it is longer or shorter', () => {
    for (const wrong of [sealed.subarray(0, 71), concatBytes(sealed, Uint8Array.of(0)), new Uint8Array(0)]) {
      expect(opened(signature, wrong)).toBeUndefined();
    }
  });

  it('is not made with a nonce of another length', () => {
    for (const length of [0, 23, 25]) {
      expect(errorOf(() => sealVerificationId(chainOf(signature), caveatKey, () => new Uint8Array(length)))).toMatchObject({
        code: 'ERR_ARGUMENT',
        argument: 'randomBytes',
      });
    }
  });
});
