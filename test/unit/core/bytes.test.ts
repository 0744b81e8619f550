import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { asciiReader, copyPublicBytes } from '../../../src/core/bytes.js';
import {
  concatBytes,
  copyBytes,
  decodeUtf8,
  encodeHex,
  encodeUtf8,
  equalBytes,
  internText,
  lengthPrefixed,
  uint32Bytes,
} from '../../../src/core/index.js';
import { asView, errorOf, toHex } from './samples.js';

describe('UTF-8', () => {
  it('reads back what it wrote, short and long, ASCII or not, with a byte order mark and control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const bytes = encodeUtf8(text);
        expect(bytes).toEqual(new Uint8Array(Buffer.from(text)));
        expect(decodeUtf8(asView(bytes))).toBe(text);
      }),
    );
    for (const text of ['', '\ufeffa', 'a\0\x7f', 'x'.repeat(128), 'x'.repeat(129), 'é'.repeat(300)]) {
      expect(decodeUtf8(encodeUtf8(text))).toBe(text);
    }
  });

  it.each([
    [[0x80]],
    [[0xc0, 0x80]],
    [[0xe0, 0x80, 0x80]],
    [[0xed, 0xa0, 0x80]],
    [[0xf4, 0x90, 0x80, 0x80]],
    [[0xf8]],
    [[0xc3]],
    [[...new Uint8Array(200).fill(0x61), 0xff]],
  ])('refuses bytes that are not UTF-8 (%#)', (bytes) => {
    expect(errorOf(() => decodeUtf8(Uint8Array.from(bytes))).code).toBe('ERR_FORMAT_UTF8');
  });

  it('refuses lone surrogates instead of replacing them', () => {
    for (const text of ['\ud800', 'a\udfff', '\udc00\ud800', '\ud83d\ud83d\ude00']) {
      expect(errorOf(() => encodeUtf8(text)).code).toBe('ERR_FORMAT_UTF8');
    }
    expect(toHex(encodeUtf8('\u{1f600}'))).toBe('f09f9880');
  });
});

describe('a reader of ASCII', () => {
  afterEach(() => vi.unstubAllGlobals());

  it.each(['with a Buffer', 'without one, as in a browser'])(
    'gives what stands before an end, also when it changed, %s',
    (where) => {
      if (where !== 'with a Buffer') vi.stubGlobal('Buffer', undefined);
      const bytes = asView(encodeUtf8('mcr_abcdef\0\x7f'.repeat(20)));
      const read = asciiReader(bytes);
      for (const end of [0, 1, 11, 12, 100, 240]) expect(read(end)).toBe('mcr_abcdef\0\x7f'.repeat(20).slice(0, end));
      bytes.fill(0x61, 0, 3);
      expect(read(5)).toBe('aaa_a');
    },
  );

  it.each([
    ['a list', []],
    ['a stand-in without from', { isBuffer: () => false }],
    ['one that copies', { from: (buffer: ArrayBuffer) => new Uint8Array(buffer.slice(0)) }],
    ['one that gives nothing', { from: () => null }],
  ])('does without what a page calls Buffer: %s', (_, standIn) => {
    const bytes = asView(encodeUtf8('mcr_abc'));
    vi.stubGlobal('Buffer', standIn);
    let read: ReturnType<typeof asciiReader> | undefined;
    try {
      read = asciiReader(bytes);
    } finally {
      vi.unstubAllGlobals();
    }
    bytes.fill(0x61, 0, 3);
    expect(read(5)).toBe('aaa_a');
  });
});

describe('internText', () => {
  it.each(['invoices:read', '', '7', '__proto__', 'constructor', 'ü\u0000', '\ud800'])('gives the very same text: %j', (text) => {
    expect(internText(text)).toBe(text);
  });
});

describe('bytes', () => {
  it('compares content and length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 8 }), (a, b) => {
        expect(equalBytes(a, asView(a))).toBe(true);
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
      }),
    );
    expect(equalBytes(Uint8Array.of(1), Uint8Array.of(1, 0))).toBe(false);
  });

  it('joins and frames so that no two lists of parts give the same bytes', () => {
    expect(toHex(concatBytes())).toBe('');
    expect(toHex(concatBytes(Uint8Array.of(1), asView(Uint8Array.of(2, 3))))).toBe('010203');
    expect(toHex(lengthPrefixed('ab', Uint8Array.of(7), ''))).toBe('00000002616200000001' + '0700000000');
    expect(toHex(lengthPrefixed('ab', 'c'))).not.toBe(toHex(lengthPrefixed('a', 'bc')));
  });

  it('copies a Buffer, whose own slice would share the memory', () => {
    const buffer = Buffer.from([1, 2, 3]);
    const copy = copyBytes(buffer);
    buffer.fill(0);
    expect([...copy]).toEqual([1, 2, 3]);
  });

  it('writes integers of 32 bits big-endian and refuses others', () => {
    expect(toHex(uint32Bytes(0))).toBe('00000000');
    expect(toHex(uint32Bytes(0x01020304))).toBe('01020304');
    expect(toHex(uint32Bytes(0xffffffff))).toBe('ffffffff');
    for (const value of [-1, 0x1_0000_0000, 0.5, Number.NaN]) {
      expect(errorOf(() => uint32Bytes(value)).code).toBe('ERR_ARGUMENT');
    }
  });

  it('writes hexadecimal with two lower-case digits a byte', () => {
    expect(encodeHex(Uint8Array.of(0x00, 0x0a, 0xff))).toBe('000aff');
  });
});

describe('copies that may share a buffer', () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);

  it('hold what they were made of, whatever comes after them, and do not overlap', () => {
    const originals = Array.from({ length: 300 }, (_, i) => bytes.map((byte) => byte ^ i));
    const copies = originals.map((original) => copyPublicBytes(original));
    expect(copies.map(toHex)).toEqual(originals.map(toHex));
    expect(toHex(copyPublicBytes(bytes, 3, 90))).toBe(toHex(bytes.slice(3, 90)));
  });

  it('are made still when somebody has given the buffer away', () => {
    const buffer = copyPublicBytes(bytes).buffer as ArrayBuffer;
    structuredClone(buffer, { transfer: [buffer] });
    expect(toHex(copyPublicBytes(bytes))).toBe(toHex(bytes));
  });
});
