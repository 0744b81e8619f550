import { afterEach, describe, expect, it, vi } from 'vitest';
import { createCaveatRegistry } from '../../../src/caveats/registry.js';
import { standardCaveats } from '../../../src/caveats/standard.js';
import { attenuate } from '../../../src/client/attenuate.js';
import { decode, decodeUtf8, encode } from '../../../src/core/index.js';
import { account } from '../caveats/samples.js';
import { errorOf, macaroonWith, tokenOf } from '../core/samples.js';

const text = encode(tokenOf(macaroonWith()));

function conditionsOf(narrower: string): readonly string[] {
  return decode(narrower).root.caveats.map((caveat) => (caveat.kind === 'first-party' ? decodeUtf8(caveat.condition) : ''));
}

describe('attenuate', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("counts from this machine's clock", () => {
    vi.useFakeTimers({ now: Date.UTC(2026, 10, 21, 22, 21, 0, 250) });
    expect(conditionsOf(attenuate(text, { expiresIn: '10m', actions: ['invoices:read'] }))).toEqual([
      'time-before 2026-11-21T22:31:00.250Z',
      'action invoices:read',
    ]);
  });

  it("takes a service's own conditions, and reads them where it knows them", () => {
    const registry = createCaveatRegistry([...standardCaveats, account]);
    expect(conditionsOf(attenuate(text, { conditions: ['account 42'] }))).toEqual(['account 42']);
    expect(conditionsOf(attenuate(text, { conditions: ['account x'] }))).toEqual(['account x']);
    expect(errorOf(() => attenuate(text, { conditions: ['account x'] }, { registry })).code).toBe('ERR_ARGUMENT');
  });

  it('refuses to return a token that is not narrower', () => {
    expect(errorOf(() => attenuate(text, {})).code).toBe('ERR_ARGUMENT');
  });
});
