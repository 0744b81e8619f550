/** What must be true of every standard caveat type, on generated values and requests. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCondition } from '../../../src/caveats/caveat-type.js';
import { clearCaveats } from '../../../src/caveats/clear-caveats.js';
import { effectiveLimits } from '../../../src/caveats/effective-limits.js';
import { standardCaveats, standardRegistry } from '../../../src/caveats/standard.js';
import { action } from '../../../src/caveats/types/action.js';
import { type PendingCondition, someCoverAction } from '../../../src/core/index.js';
import { campaignSize, fuzzSeed, mutateBytes, seededRandom } from '../../fuzz/mutate.js';
import { parsed, pending, request, requestValue, valuesOf } from './samples.js';

const runs = { numRuns: campaignSize(2_000, 200_000) };

function generatorOf(name: string): fc.Arbitrary<unknown> {
  const value = valuesOf[name];
  if (value === undefined) throw new Error(`no values for ${name}`);
  return value;
}

/** Of those that do not narrow like the others. */
const kindsOf: Readonly<Record<string, string[]>> = { 'request-required': ['no-op'], request: ['contradiction'] };

describe.each(standardCaveats.map((type) => ({ name: type.name, type })))('$name', ({ name, type }) => {
  const value = generatorOf(name);

  it('reads what it printed', () => {
    fc.assert(
      fc.property(value, (one) => {
        const text = type.format(one);
        expect(type.parse(text)).toEqual({ ok: true, value: one });
        expect(standardRegistry.parse(formatCondition(type, one)).ok).toBe(true);
      }),
      runs,
    );
  });

  it('describes every value and never throws at a check', () => {
    fc.assert(
      fc.property(value, requestValue, (one, context) => {
        expect(type.describe(one).length).toBeGreaterThan(0);
        expect(typeof type.check(one, context).holds).toBe('boolean');
      }),
      runs,
    );
  });

  it('narrows in agreement with its checks', () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(value, value, requestValue, (inForce, added, context) => {
        const holds = (one: unknown) => type.check(one, context).holds;
        const narrowing = type.narrows(inForce, added);
        kinds.add(narrowing.kind);
        const both = holds(inForce) && holds(added);
        if (narrowing.kind === 'narrower') expect(holds(narrowing.value)).toBe(both);
        if (narrowing.kind === 'no-op') expect(holds(inForce)).toBe(both);
        if (narrowing.kind === 'contradiction') expect(both).toBe(false);
      }),
      runs,
    );
    expect([...kinds]).toEqual(expect.arrayContaining(kindsOf[name] ?? ['narrower', 'no-op']));
  });
});

const condition = fc
  .constantFrom(...standardCaveats)
  .chain((type) => generatorOf(type.name).map((one) => formatCondition(type, one)));

describe('caveats together', () => {
  it('never allow more when one is added, wherever it is added', () => {
    let allowed = 0;
    fc.assert(
      fc.property(fc.array(condition, { maxLength: 4 }), condition, fc.nat(4), requestValue, (conditions, added, at, context) => {
        const before = clearCaveats(standardRegistry, pending(...conditions), context).ok;
        const after = clearCaveats(standardRegistry, pending(...conditions.toSpliced(at, 0, added)), context).ok;
        if (after) allowed++;
        expect(after && !before).toBe(false);
      }),
      runs,
    );
    expect(allowed).toBeGreaterThan(0);
  });

  it('hold for no request that is outside their effective limits', () => {
    let allowed = 0;
    fc.assert(
      fc.property(fc.array(condition, { maxLength: 4 }), requestValue, (conditions, context) => {
        const result = clearCaveats(standardRegistry, pending(...conditions), context);
        if (!result.ok) return;
        allowed++;
        const limits = effectiveLimits(undefined, result.caveats);
        expect(limits.canHold).toBe(true);
        expect(context.nowMs).toBeLessThan(limits.expiresAtMs ?? Number.POSITIVE_INFINITY);
        expect(context.nowMs).toBeGreaterThanOrEqual(limits.notBeforeMs ?? 0);
        if (limits.actions !== undefined) expect(someCoverAction(limits.actions, context.action)).toBe(true);
        if (limits.methods !== undefined) expect(limits.methods).toContain(context.method);
      }),
      runs,
    );
    expect(allowed).toBeGreaterThan(0);
  });

  it('limit actions to what a list of all of them allows', () => {
    fc.assert(
      fc.property(fc.array(generatorOf('action'), { minLength: 1, maxLength: 4 }), requestValue, (lists, context) => {
        const caveats = lists.map((list) => parsed(`action ${action.format(list as readonly string[])}`));
        const limit = effectiveLimits(undefined, caveats).actions ?? [];
        const allHold = caveats.every((caveat) => action.check(caveat.value as readonly string[], context).holds);
        expect(someCoverAction(limit, context.action)).toBe(allHold);
      }),
      runs,
    );
  });
});

describe('a condition of any bytes', () => {
  it('is a denial or holds in its one spelling, and never throws', () => {
    const random = seededRandom(fuzzSeed);
    const encoder = new TextEncoder();
    const samples = [
      'time-before 2026-11-21T22:21:00.001Z',
      'time-after 2026-11-21T22:21:00Z',
      'action invoices:read,invoices:*',
      'ip 10.0.0.0/8,2001:db8::/32',
      'method GET,HEAD',
      'path /invoices,/caf%C3%A9',
    ].map((text) => encoder.encode(text));
    let held = 0;
    const size = campaignSize(20_000, 2_000_000);
    for (let run = 0; run < size; run++) {
      const bytes = random.chance(0.2)
        ? random.bytes(random.below(40))
        : mutateBytes(random, random.pick(samples), random.pick(samples));
      const asked: readonly PendingCondition[] = [{ condition: bytes, caveatIndex: 0 }];
      const result = clearCaveats(standardRegistry, asked, request);
      if (!result.ok) {
        expect(['ERR_CAVEAT_UNKNOWN', 'ERR_CAVEAT_MALFORMED', 'ERR_CAVEAT_DENIED'], `seed ${fuzzSeed}`).toContain(result.code);
        continue;
      }
      held++;
      const [caveat] = result.caveats;
      const printed = `${caveat?.type.name} ${caveat?.type.format(caveat.value)}`;
      expect(encoder.encode(printed), `seed ${fuzzSeed}`).toEqual(Uint8Array.from(bytes));
    }
    expect(held).toBeGreaterThan(0);
  });
});
