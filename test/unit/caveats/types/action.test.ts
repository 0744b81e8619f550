import { describe, expect, it } from 'vitest';
import { action } from '../../../../src/caveats/types/action.js';
import { limits } from '../../../../src/core/index.js';
import { isTaken, narrowed, outcome } from '../samples.js';

const names = (count: number) => Array.from({ length: count }, (_, i) => `a${i}`).join(',');

describe('action', () => {
  it.each([
    'read',
    'invoices:read',
    'invoices:read,invoices:list',
    'invoices:*',
    'invoices:list,invoices:*',
    'A.b_c~d-e:1',
    names(limits.maxActions),
  ])('takes %s', (argument) => {
    expect(isTaken('action', argument)).toBe(true);
  });

  it.each([
    ['', 'no item'],
    ['invoices:read,', 'an empty item at the end'],
    [',invoices:read', 'an empty item at the start'],
    ['a,,b', 'an empty item inside'],
    ['a,a', 'an item twice'],
    ['a, b', 'a space'],
    [' a', 'a space before'],
    ['a ', 'a space after'],
    ['*', 'a star alone'],
    ['invoices*', 'a star inside a segment'],
    ['*:read', 'a star that is not last'],
    ['invoices:*:read', 'a star inside'],
    ['invoices:**', 'two stars'],
    ['invoices:', 'an empty segment at the end'],
    [':read', 'an empty segment at the start'],
    ['a::b', 'an empty segment inside'],
    ['!invoices:read', 'a negation'],
    ['a|b', 'an or'],
    ['invoices/read', 'a slash'],
    ['réad', 'a letter that is not ASCII'],
    ['a'.repeat(limits.maxActionLength + 1), 'too long'],
    [names(limits.maxActions + 1), 'too many'],
  ])('refuses %j: %s', (argument) => {
    expect(isTaken('action', argument)).toBe(false);
  });

  it.each([
    ['invoices:read', 'invoices:read', 'allowed'],
    ['invoices:list,invoices:read', 'invoices:read', 'allowed'],
    ['invoices:*', 'invoices:read', 'allowed'],
    ['invoices:*', 'invoices:read:draft', 'allowed'],
    ['invoices:*', 'invoices', 'denied'],
    ['invoices:*', 'invoices:', 'denied'],
    ['invoices:*', 'invoices2:read', 'denied'],
    ['invoices:read', 'invoices:read:draft', 'denied'],
    ['invoices:read', 'invoices:write', 'denied'],
    ['invoices:read', 'invoices', 'denied'],
    ['invoices:read', 'Invoices:read', 'denied'],
    ['invoices:*', 'invoices:*', 'denied'],
    ['invoices:read', '', 'denied'],
    ['invoices:read', 'invoices:read,invoices:list', 'denied'],
    ['invoices:read', ['invoices:read'], 'denied'],
    ['invoices:read', null, 'denied'],
    ['invoices:read', undefined, 'missing-context'],
  ])('%s for a request of %j: %s', (argument, requested, expected) => {
    expect(outcome(action, argument, { action: requested })).toBe(expected);
  });

  it.each([
    ['a,b,c', 'c,b', 'b,c'],
    ['invoices:*', 'invoices:read', 'invoices:read'],
    ['invoices:read', 'invoices:*', 'no-op'],
    ['invoices:*', 'invoices:*', 'no-op'],
    ['invoices:*,a', 'invoices:read,invoices:list', 'invoices:read,invoices:list'],
    ['a:*,a:b', 'a:b', 'a:b'],
    ['a', 'b', 'contradiction'],
    ['invoices:*', 'invoices', 'contradiction'],
  ])('%s narrowed by %s: %s', (inForce, added, expected) => {
    expect(narrowed(action, inForce, added)).toBe(expected);
  });
});
