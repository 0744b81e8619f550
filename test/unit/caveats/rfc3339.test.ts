import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatRfc3339, isRfc3339Time, parseRfc3339 } from '../../../src/caveats/rfc3339.js';

const firstMs = -62_167_219_200_000;
const lastMs = 253_402_300_799_999;

describe('parseRfc3339', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0],
    ['2026-11-21T22:21:00Z', 1_795_299_660_000],
    ['2026-11-21T22:21:00.001Z', 1_795_299_660_001],
    ['2024-02-29T23:59:59.999Z', 1_709_251_199_999],
    ['0000-01-01T00:00:00Z', firstMs],
    ['9999-12-31T23:59:59.999Z', lastMs],
  ])('reads %s', (text, timeMs) => {
    expect(parseRfc3339(text)).toBe(timeMs);
    expect(formatRfc3339(timeMs)).toBe(text);
  });

  it.each([
    ['', 'empty'],
    ['2026-11-21', 'no time'],
    ['2026-11-21T22:21Z', 'no seconds'],
    ['2026-11-21T22:21:00', 'no zone'],
    ['2026-11-21T22:21:00+00:00', 'an offset'],
    ['2026-11-21T22:21:00-00:00', 'the unknown offset'],
    ['2026-11-21t22:21:00z', 'lower case'],
    ['2026-11-21 22:21:00Z', 'a space'],
    ['2026-11-21T22:21:00.000Z', 'milliseconds that are zero'],
    ['2026-11-21T22:21:00.1Z', 'one digit of milliseconds'],
    ['2026-11-21T22:21:00.123456Z', 'microseconds'],
    ['2026-11-21T22:21:00,5Z', 'a decimal comma'],
    ['2026-02-30T00:00:00Z', 'a date that does not exist'],
    ['2025-02-29T00:00:00Z', '29 February of no leap year'],
    ['2026-13-01T00:00:00Z', 'month 13'],
    ['2026-00-01T00:00:00Z', 'month 0'],
    ['2026-11-21T24:00:00Z', 'hour 24'],
    ['2026-11-21T22:60:00Z', 'minute 60'],
    ['2016-12-31T23:59:60Z', 'a leap second'],
    ['+002026-11-21T22:21:00Z', 'six digits of year'],
    ['26-11-21T22:21:00Z', 'two digits of year'],
    [' 2026-11-21T22:21:00Z', 'a space before'],
    ['2026-11-21T22:21:00Z\n', 'a line feed after'],
    ['٢٠٢٦-11-21T22:21:00Z', 'digits of another script'],
    ['1795299660', 'Unix seconds'],
  ])('refuses %j: %s', (text) => {
    expect(parseRfc3339(text)).toBeUndefined();
  });

  it('reads what formatRfc3339 wrote, and nothing but that', () => {
    fc.assert(
      fc.property(fc.integer({ min: firstMs, max: lastMs }), (timeMs) => {
        expect(parseRfc3339(formatRfc3339(timeMs))).toBe(timeMs);
      }),
    );
  });
});

describe('formatRfc3339', () => {
  it('writes what the engine writes, in whatever order days come', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: firstMs, max: lastMs }), { maxLength: 5 }), (times) => {
        for (const timeMs of [...times, ...times.map((time) => time - (time % 1000))]) {
          expect(formatRfc3339(timeMs)).toBe(new Date(timeMs).toISOString().replace('.000Z', 'Z'));
        }
      }),
    );
  });

  it.each([firstMs - 1, lastMs + 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses %s', (timeMs) => {
    expect(isRfc3339Time(timeMs)).toBe(false);
    expect(() => formatRfc3339(timeMs)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT', argument: 'timeMs' }));
  });
});
