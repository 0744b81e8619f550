import { describe, expect, it } from 'vitest';
import {
  coversAction,
  isAction,
  isActionPattern,
  isName,
  limits,
  requireName,
  someCoverAction,
} from '../../../src/core/index.js';
import { errorOf } from './samples.js';

describe('names', () => {
  it('are lower-case letters, digits and inner marks, 1 to 64 of them', () => {
    for (const name of ['a', '0', 'mail', 'mail-server', 'a.b_c-d', 'a'.repeat(limits.maxNameLength)]) {
      expect(isName(name), name).toBe(true);
      expect(requireName(name, 'client')).toBe(name);
    }
    for (const name of ['', '-a', 'a-', '.a', 'a.', 'A', 'a b', 'a\n', 'é', 'a/b', 'a'.repeat(limits.maxNameLength + 1)]) {
      expect(isName(name), name).toBe(false);
      expect(errorOf(() => requireName(name, 'client'))).toMatchObject({ code: 'ERR_ARGUMENT', argument: 'client' });
    }
    const others: readonly unknown[] = [undefined, null, 7, ['mail']];
    for (const value of others) {
      expect(errorOf(() => requireName(value as string, 'client'))).toMatchObject({ code: 'ERR_ARGUMENT', argument: 'client' });
    }
  });
});

describe('actions', () => {
  it('take a star only as a last segment after a colon', () => {
    for (const text of ['a', 'invoices:read', 'A:b.c:d_e~f-', 'invoices:*', 'a:b:*'])
      expect(isActionPattern(text), text).toBe(true);
    for (const text of ['', '*', ':a', 'a:', 'a::b', 'a*', 'a:*:b', 'a:*b', 'a b', 'a,b', 'a\n', 'é']) {
      expect(isActionPattern(text), text).toBe(false);
    }
    expect(isAction('invoices:read')).toBe(true);
    expect(isAction('invoices:*')).toBe(false);
    expect(isActionPattern('a'.repeat(limits.maxActionLength))).toBe(true);
    expect(isActionPattern('a'.repeat(limits.maxActionLength + 1))).toBe(false);
  });

  it('are covered by themselves and by a star above them, not by a star beside them', () => {
    expect(coversAction('invoices:read', 'invoices:read')).toBe(true);
    expect(coversAction('invoices:*', 'invoices:read')).toBe(true);
    expect(coversAction('invoices:*', 'invoices:a:b')).toBe(true);
    expect(coversAction('a:*', 'a:b:*')).toBe(true);
    for (const [wide, narrow] of [
      ['invoices:*', 'invoices'],
      ['invoices:*', 'invoices2:read'],
      ['invoices:read', 'invoices:*'],
      ['invoices:read', 'invoices:read:all'],
      ['invoices', 'invoices:read'],
      ['a:b:*', 'a:*'],
    ] as const) {
      expect(coversAction(wide, narrow), `${wide} over ${narrow}`).toBe(false);
    }
    expect(someCoverAction([], 'a')).toBe(false);
  });

  it('stay covered: what covers a pattern covers all that the pattern covers', () => {
    const actions = ['a', 'b'].flatMap((one) => [
      one,
      ...['a', 'b'].flatMap((two) => [`${one}:${two}`, `${one}:${two}:a`, `${one}:${two}:b`]),
    ]);
    const patterns = [...actions, ...actions.map((action) => `${action}:*`)];
    let seen = 0;
    for (const wide of patterns) {
      for (const narrow of patterns.filter((pattern) => coversAction(wide, pattern))) {
        for (const asked of actions.filter((action) => coversAction(narrow, action))) {
          expect(coversAction(wide, asked), `${wide} > ${narrow} > ${asked}`).toBe(true);
          seen++;
        }
      }
    }
    expect(seen).toBeGreaterThan(actions.length);
  });
});
