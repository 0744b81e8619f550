/** What replay stores have in common. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { replayBounds, replayKey } from '../../../src/protocol/replay-bounds.js';

describe('the bounds of a replay store', () => {
  it('are a million nonces and a tenth of them for a scope, unless others are asked for', () => {
    expect(replayBounds()).toEqual({ maxNonces: 1_000_000, maxNoncesPerScope: 100_000 });
    expect(replayBounds(5)).toEqual({ maxNonces: 5, maxNoncesPerScope: 1 });
  });
});

describe('what is kept of a nonce', () => {
  it('is the nonce itself up to 64 bytes, and a hash beyond', () => {
    expect(replayKey('a'.repeat(64))).toBe('a'.repeat(64));
    expect(replayKey('a'.repeat(65))).toBe('#635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0');
    expect(replayKey('é'.repeat(32))).toBe('é'.repeat(32));
    expect(replayKey('é'.repeat(33))).toMatch(/^#[0-9a-f]{64}$/);
  });

  it('is never what is kept of another', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 100 });
    fc.assert(fc.property(text, text, (a, b) => (replayKey(a) === replayKey(b)) === (a === b)));
    const hashed = replayKey('a'.repeat(65));
    expect(replayKey(hashed)).not.toBe(hashed);
  });
});
