import { describe, expect, it } from 'vitest';
import { nearest, requireKnownNames } from '../../../src/core/index.js';
import { errorOf } from './samples.js';

describe('nearest', () => {
  it('is the word with the fewest changes', () => {
    expect(nearest('action', ['audience', 'actions', 'caveats'])).toBe('actions');
    expect(nearest('expires', ['audience', 'expiresIn'])).toBe('expiresIn');
    expect(nearest('cafile', ['issuer', 'caFile', 'ca'])).toBe('caFile');
  });
});

describe('requireKnownNames', () => {
  const known = ['caFile', 'issuer'];

  it('accepts some, all and none of the names', () => {
    for (const value of [{}, { issuer: undefined }, { caFile: 1, issuer: 2 }]) {
      expect(() => requireKnownNames(value, known, 'options')).not.toThrow();
    }
  });

  it('names an unknown one, and what was probably meant', () => {
    expect(errorOf(() => requireKnownNames({ issuer: 1, ca_file: 2 }, known, 'options'))).toMatchObject({
      code: 'ERR_ARGUMENT',
      argument: 'ca_file',
      message: expect.stringContaining('did you mean caFile?'),
    });
  });

  it('prints an unknown name without what would steer a terminal', () => {
    expect(errorOf(() => requireKnownNames({ '\u001b[2J\n': 1 }, known, 'options'))).toMatchObject({
      message: expect.stringContaining('\\u{1b}[2J\\u{a}'),
    });
  });

  it.each([undefined, null, 'text', 7, [], () => 1])('refuses %s', (value) => {
    expect(errorOf(() => requireKnownNames(value, known, 'options'))).toMatchObject({
      code: 'ERR_ARGUMENT',
      argument: 'options',
    });
  });
});
