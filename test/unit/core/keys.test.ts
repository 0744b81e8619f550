import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { deriveAudienceKey, encodeUtf8, MacaroonKey, mint, RootKey, verifySignature } from '../../../src/core/index.js';
import { errorOf, identifier, toHex, tokenOf } from './samples.js';

const bytes = Uint8Array.from({ length: 32 }, (_, i) => i + 1);

describe.each([
  ['RootKey', () => new RootKey(bytes)],
  ['MacaroonKey', () => new MacaroonKey(bytes)],
])('%s', (_, make) => {
  it('shows no byte in JSON, inspect, templates, spreads or enumeration', () => {
    const key = make();
    if (key instanceof MacaroonKey) key.midstate;
    const shown = [
      JSON.stringify({ key }),
      inspect({ key }, { depth: 9, showHidden: true }),
      `${key}`,
      String(key),
      JSON.stringify({ ...key }),
      Object.values(key).join(),
      JSON.stringify(structuredClone({ ...key })),
    ].join('\n');
    expect(shown).toContain('[redacted]');
    expect(shown).not.toContain(toHex(bytes));
    expect(shown).not.toContain('1,2,3');
    expect(shown).not.toContain('1, 2, 3');
    expect(shown).not.toContain('"0":1');
  });

  it('keeps its own copy of the bytes, of a Buffer too, and hands out copies', () => {
    const buffer = Buffer.from(bytes);
    const key = make() instanceof RootKey ? new RootKey(buffer) : new MacaroonKey(buffer);
    buffer.fill(0);
    expect(toHex(key.reveal())).toBe(toHex(bytes));
    key.reveal().fill(0);
    expect(toHex(key.reveal())).toBe(toHex(bytes));
  });
});

describe('key lengths', () => {
  it('takes 32 bytes for a root key and any length but 0 for a macaroon key', () => {
    for (const length of [0, 31, 33]) expect(errorOf(() => new RootKey(new Uint8Array(length))).code).toBe('ERR_ARGUMENT');
    expect(errorOf(() => new MacaroonKey(new Uint8Array(0))).code).toBe('ERR_ARGUMENT');
    for (const length of [1, 32, 200]) {
      const key = new MacaroonKey(new Uint8Array(length).fill(9));
      expect(verifySignature(tokenOf(mint(key, identifier)), key).ok).toBe(true);
    }
  });
});

describe('deriveAudienceKey', () => {
  const rootKey = new RootKey(bytes);

  it('gives the published key for known input', () => {
    // HKDF-SHA-256 by Python's hmac module: salt "", info LP("macaroond/v1/audience") LP("invoice") u32be(3).
    expect(toHex(deriveAudienceKey(rootKey, 'invoice', 3).reveal())).toBe(
      'd3e8a42003e3ef19a1dd5ffc69b4ccfcca4c1280301644dc600b755e628fe099',
    );
  });

  it('gives another key for another root key, audience or generation, also where the joined texts are alike', () => {
    const other = new RootKey(bytes.toReversed());
    const keys = [
      deriveAudienceKey(rootKey, 'invoice', 0),
      deriveAudienceKey(rootKey, 'invoice', 1),
      deriveAudienceKey(rootKey, 'invoic', 0),
      deriveAudienceKey(rootKey, 'invoice\0', 0),
      deriveAudienceKey(rootKey, 'invoice', 0xffffffff),
      deriveAudienceKey(other, 'invoice', 0),
    ].map((key) => toHex(key.reveal()));
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('refuses a generation that four bytes cannot hold', () => {
    for (const generation of [-1, 0x1_0000_0000, 1.5, Number.NaN]) {
      expect(errorOf(() => deriveAudienceKey(rootKey, 'invoice', generation)).code, String(generation)).toBe('ERR_ARGUMENT');
    }
  });

  it('refuses an audience with a lone surrogate instead of replacing it', () => {
    expect(errorOf(() => deriveAudienceKey(rootKey, 'a\ud800', 0)).code).toBe('ERR_FORMAT_UTF8');
    expect(encodeUtf8('a\u{1f600}')).toHaveLength(5);
  });
});
