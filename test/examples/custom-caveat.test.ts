import { describe, expect, it } from 'vitest';
import { account, registry } from '../../examples/custom-caveat.js';
import type { RequestContext } from '../../src/caveats/caveat-type.js';

const request: RequestContext = { action: 'accounts:read', nowMs: 0 };

describe('the example of a custom caveat', () => {
  it.each(['account 42', 'account 42,43'])('takes %s', (condition) => {
    expect(registry.parse(condition).ok).toBe(true);
  });

  it.each(['account', 'account ', 'account 042', 'account 42,', 'account 42,42', 'account x'])('refuses %j', (condition) => {
    expect(registry.parse(condition).ok).toBe(false);
  });

  it.each([
    [['42'], '42', true],
    [['42', '43'], '43', true],
    [['42'], '43', false],
    [['42'], 42, false],
    [['42'], undefined, false],
  ])('%j for a request about %j: %s', (accounts, requested, expected) => {
    expect(account.check(accounts, { ...request, account: requested }).holds).toBe(expected);
  });

  it('narrows to what both lists hold', () => {
    expect(account.narrows(['1', '2'], ['2', '3'])).toEqual({ kind: 'narrower', value: ['2'] });
    expect(account.narrows(['1'], ['1', '2'])).toEqual({ kind: 'no-op' });
    expect(account.narrows(['1'], ['2'])).toEqual({ kind: 'contradiction' });
  });
});
