import { describe, expect, it } from 'vitest';
import { createUuidV7, formatUuid, isUuidText, isUuidV7, uuidTimeMs } from '../../../src/core/index.js';
import { errorOf, testRandomBytes } from './samples.js';

describe('UUIDv7', () => {
  it('holds the time, the version and the variant, whatever the random bytes are', () => {
    for (const fill of [0x00, 0xff, 0x5a]) {
      for (const timeMs of [0, 1, 1_645_557_742_000, 2 ** 48 - 1]) {
        const bytes = createUuidV7(timeMs, (length) => new Uint8Array(length).fill(fill));
        expect(uuidTimeMs(bytes)).toBe(timeMs);
        expect(isUuidV7(bytes)).toBe(true);
        expect(isUuidText(formatUuid(bytes))).toBe(true);
      }
    }
  });

  it('is the example of RFC 9562, appendix A.6', () => {
    const random = Uint8Array.from([0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f]);
    expect(formatUuid(createUuidV7(0x017f22e279b0, () => random))).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
  });

  it('refuses a time that 48 bits cannot hold', () => {
    for (const timeMs of [-1, 2 ** 48, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(errorOf(() => createUuidV7(timeMs, testRandomBytes())).code, String(timeMs)).toBe('ERR_ARGUMENT');
    }
  });

  it('tells other versions, variants and spellings apart', () => {
    const bytes = createUuidV7(1, testRandomBytes());
    expect(isUuidV7(bytes.with(6, 0x40))).toBe(false);
    expect(isUuidV7(bytes.with(8, 0xc0))).toBe(false);
    expect(isUuidV7(bytes.subarray(1))).toBe(false);
    expect(isUuidText(formatUuid(bytes).toUpperCase())).toBe(false);
    expect(isUuidText(`${formatUuid(bytes)}\n`)).toBe(false);
  });
});
