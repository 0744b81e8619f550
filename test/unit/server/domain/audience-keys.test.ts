import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { deriveAudienceKey, RootKey } from '../../../../src/core/index.js';
import { audienceKeyOf } from '../../../../src/server/domain/audience-keys.js';

const rootKey = (byte: number) => new RootKey(new Uint8Array(32).fill(byte));

describe('keys of audiences that are kept', () => {
  it('are those that are derived, for each root key, audience and generation', () => {
    const keys = [rootKey(1), rootKey(2)];
    for (let round = 0; round < 2; round++) {
      for (const key of keys) {
        for (const audience of ['invoice', 'pay', ...Array.from({ length: 100 }, (_, i) => `a-${i}`)]) {
          for (const generation of [0, 1]) {
            const expected = deriveAudienceKey(key, audience, generation).reveal();
            expect(audienceKeyOf(key, audience, generation).reveal()).toEqual(expected);
          }
        }
      }
    }
  });

  it('are derived once', () => {
    const key = rootKey(1);
    expect(audienceKeyOf(key, 'invoice', 0)).toBe(audienceKeyOf(key, 'invoice', 0));
  });

  it('do not print themselves', () => {
    expect(inspect(audienceKeyOf(rootKey(1), 'invoice', 0))).toBe('[redacted]');
  });
});
