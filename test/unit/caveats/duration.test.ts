import { describe, expect, it } from 'vitest';
import { parseDurationMs } from '../../../src/caveats/duration.js';

describe('parseDurationMs', () => {
  it.each([
    ['1s', 1_000],
    ['90s', 90_000],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['2w', 1_209_600_000],
    ['1h30m', 5_400_000],
    ['1w1d1h1m1s', 694_861_000],
    ['0h5m', 300_000],
  ])('reads %s', (text, durationMs) => {
    expect(parseDurationMs(text)).toBe(durationMs);
  });

  it.each([
    '',
    '10',
    'm',
    '0s',
    '0h0m',
    '-1m',
    '+1m',
    '1.5h',
    '10 m',
    ' 10m',
    '10m ',
    '10M',
    '10ms',
    '30m1h',
    '5m5m',
    '1y',
    'PT1H',
    '10m\n',
    '9999999999s',
  ])('refuses %j', (text) => {
    expect(parseDurationMs(text)).toBeUndefined();
  });
});
