import { describe, expect, it } from 'vitest';
import { path } from '../../../../src/caveats/types/path.js';
import { limits } from '../../../../src/core/index.js';
import { isTaken, narrowed, outcome } from '../samples.js';

describe('path', () => {
  it('takes as many items as the limit, and not one more', () => {
    const items = (count: number) => Array.from({ length: count }, (_, i) => `/${i}`).join(',');
    expect(isTaken('path', items(limits.maxListItems))).toBe(true);
    expect(isTaken('path', items(limits.maxListItems + 1))).toBe(false);
  });

  it.each(['/', '/invoices', '/invoices/', '/invoices,/reports/2026', '/a%2Cb', '/caf%C3%A9', '/a;v=1'])(
    'takes %s',
    (argument) => {
      expect(isTaken('path', argument)).toBe(true);
    },
  );

  it.each([
    '',
    'invoices',
    '/invoices,',
    '/invoices,/invoices',
    '/invoices, /reports',
    '/invoices/*/../x',
    '//',
    '/a//b',
    '/a/..',
    '/a/..;/b',
    '/a%2Fb',
    '/a%2f',
    '/%41',
    '/a b',
    '/a?b',
    '/é',
    '*',
  ])('refuses %j', (argument) => {
    expect(isTaken('path', argument)).toBe(false);
  });

  it.each([
    ['/invoices', '/invoices', 'allowed'],
    ['/invoices', '/invoices/7', 'allowed'],
    ['/invoices', '/invoices/', 'allowed'],
    ['/invoices', '/invoices2', 'denied'],
    ['/invoices', '/admin', 'denied'],
    ['/invoices/', '/invoices/7', 'allowed'],
    ['/invoices/', '/invoices', 'denied'],
    ['/reports,/invoices', '/invoices/7', 'allowed'],
    ['/', '/anything', 'allowed'],
    ['/invoices/*', '/invoices/7', 'denied'],
    ['/invoices', '/invoices/../admin', 'denied'],
    ['/invoices', '/invoices/..;/admin', 'denied'],
    ['/invoices', '/invoices/%2E%2E/admin', 'denied'],
    ['/invoices', '/invoices//7', 'denied'],
    ['/invoices', '//invoices', 'denied'],
    ['/invoices', '/invoices%2F7', 'denied'],
    ['/invoices', '/invoices/%5C..', 'denied'],
    ['/invoices', '/invoices/7?all', 'denied'],
    ['/', 'https://invoice.example/', 'denied'],
    ['/', '*', 'denied'],
    ['/', '', 'denied'],
    ['/', null, 'denied'],
    ['/', ['/'], 'denied'],
    ['/', undefined, 'missing-context'],
  ])('%s for a request of %j: %s', (argument, requested, expected) => {
    expect(outcome(path, argument, { path: requested })).toBe(expected);
  });

  it.each([
    ['/invoices', '/invoices/2026', '/invoices/2026'],
    ['/invoices', '/', 'no-op'],
    ['/invoices', '/invoices/', '/invoices/'],
    ['/invoices,/reports', '/reports/1,/invoices', '/invoices,/reports/1'],
    ['/invoices', '/invoices2', 'contradiction'],
  ])('%s narrowed by %s: %s', (inForce, added, expected) => {
    expect(narrowed(path, inForce, added)).toBe(expected);
  });
});
