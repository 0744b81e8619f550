import { describe, expect, it } from 'vitest';
import { method } from '../../../../src/caveats/types/method.js';
import { limits } from '../../../../src/core/index.js';
import { isTaken, narrowed, outcome } from '../samples.js';

describe('method', () => {
  it('takes as many items as the limit, and not one more', () => {
    const items = (count: number) =>
      Array.from({ length: count }, (_, i) => String.fromCharCode(65 + (i >> 4), 65 + (i & 15))).join(',');
    expect(isTaken('method', items(limits.maxListItems))).toBe(true);
    expect(isTaken('method', items(limits.maxListItems + 1))).toBe(false);
  });

  it.each(['GET', 'GET,HEAD', 'HEAD,GET', 'VERSION-CONTROL', 'M-SEARCH'])('takes %s', (argument) => {
    expect(isTaken('method', argument)).toBe(true);
  });

  it.each([
    '',
    'get',
    'Get',
    'GET,',
    ',GET',
    'GET,GET',
    'GET, HEAD',
    ' GET',
    'GET ',
    '*',
    '!GET',
    'GET|HEAD',
    'GET HEAD',
    '-GET',
    'GET-',
    'G_ET',
    'GÉT',
  ])('refuses %j', (argument) => {
    expect(isTaken('method', argument)).toBe(false);
  });

  it.each([
    ['GET', 'GET', 'allowed'],
    ['GET,HEAD', 'HEAD', 'allowed'],
    ['GET', 'HEAD', 'denied'],
    ['GET', 'POST', 'denied'],
    ['GET', 'get', 'denied'],
    ['GET', 'GET ', 'denied'],
    ['GET', '', 'denied'],
    ['GET', ['GET'], 'denied'],
    ['GET', null, 'denied'],
    ['GET', undefined, 'missing-context'],
  ])('%s for a request with %j: %s', (argument, requested, expected) => {
    expect(outcome(method, argument, { method: requested })).toBe(expected);
  });

  it.each([
    ['GET,HEAD,POST', 'POST,GET', 'GET,POST'],
    ['GET', 'GET,HEAD', 'no-op'],
    ['GET', 'HEAD', 'contradiction'],
  ])('%s narrowed by %s: %s', (inForce, added, expected) => {
    expect(narrowed(method, inForce, added)).toBe(expected);
  });
});
