import { describe, expect, it } from 'vitest';
import { timeAfter } from '../../../../src/caveats/types/time-after.js';
import { timeBefore } from '../../../../src/caveats/types/time-before.js';
import { isTaken, narrowed, nowMs, outcome, outcomeOf, request } from '../samples.js';

const now = '2026-11-21T22:21:00Z';
const earlier = '2026-11-21T22:20:59.999Z';
const later = '2026-11-21T22:21:00.001Z';

describe.each(['time-before', 'time-after'])('%s', (name) => {
  it.each([now, earlier, '0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z'])('takes %s', (argument) => {
    expect(isTaken(name, argument)).toBe(true);
  });

  it.each([
    '',
    ' 2026-11-21T22:21:00Z',
    '2026-11-21T22:21:00Z ',
    '2026-11-21T22:21:00.000Z',
    '2026-11-21T22:21:00+00:00',
    '2026-02-30T00:00:00Z',
    '2026-11-21',
    `${now},${later}`,
    'tomorrow',
  ])('refuses %j', (argument) => {
    expect(isTaken(name, argument)).toBe(false);
  });
});

describe('time-before', () => {
  it.each([
    [later, 'allowed'],
    [now, 'denied'],
    [earlier, 'denied'],
  ])('%s at the time of the request: %s', (argument, expected) => {
    expect(outcome(timeBefore, argument)).toBe(expected);
  });

  it('is narrowed by an earlier time only', () => {
    expect(narrowed(timeBefore, now, earlier)).toBe(earlier);
    expect(narrowed(timeBefore, now, now)).toBe('no-op');
    expect(narrowed(timeBefore, now, later)).toBe('no-op');
  });
});

describe('time-after', () => {
  it.each([
    [later, 'denied'],
    [now, 'allowed'],
    [earlier, 'allowed'],
  ])('%s at the time of the request: %s', (argument, expected) => {
    expect(outcome(timeAfter, argument)).toBe(expected);
  });

  it('is narrowed by a later time only', () => {
    expect(narrowed(timeAfter, now, later)).toBe(later);
    expect(narrowed(timeAfter, now, now)).toBe('no-op');
    expect(narrowed(timeAfter, now, earlier)).toBe('no-op');
  });
});

describe('a clock that tells no time', () => {
  it.each([Number.NaN, undefined, null, '2026'])('denies for want of context: %s', (clock) => {
    expect(outcome(timeBefore, later, { nowMs: clock })).toBe('missing-context');
    expect(outcome(timeAfter, earlier, { nowMs: clock })).toBe('missing-context');
  });

  it('denies without throwing where the time has no spelling', () => {
    expect(outcomeOf(timeBefore.check(nowMs, { ...request, nowMs: Number.POSITIVE_INFINITY }))).toBe('denied');
    expect(outcomeOf(timeAfter.check(nowMs, { ...request, nowMs: -1e18 }))).toBe('denied');
  });
});
