import { describe, expect, it } from 'vitest';
import type { CaveatType } from '../../../src/caveats/caveat-type.js';
import { effectiveLimits } from '../../../src/caveats/effective-limits.js';
import { createCaveatRegistry } from '../../../src/caveats/registry.js';
import { standardCaveats } from '../../../src/caveats/standard.js';
import { account, nowMs, parsed, registry } from './samples.js';

const facts = { expiresAtMs: nowMs + 3_600_000, actions: ['invoices:read', 'invoices:list', 'reports:*'] };
const limitsOf = (...conditions: readonly string[]) =>
  effectiveLimits(
    facts,
    conditions.map((condition) => parsed(condition, registry)),
  );

describe('effectiveLimits', () => {
  it('are those of the identifier without caveats', () => {
    expect(effectiveLimits(facts, [])).toEqual({
      expiresAtMs: facts.expiresAtMs,
      notBeforeMs: undefined,
      actions: facts.actions,
      ips: undefined,
      methods: undefined,
      paths: undefined,
      others: [],
      canHold: true,
    });
  });

  it('are none without identifier and caveats', () => {
    expect(effectiveLimits(undefined, [])).toMatchObject({ expiresAtMs: undefined, actions: undefined, canHold: true });
  });

  it('take the earliest expiry and the latest start', () => {
    const limits = limitsOf(
      'time-before 2026-11-21T22:31:00Z',
      'time-before 2026-11-21T22:26:00Z',
      'time-before 2026-11-21T23:59:00Z',
      'time-after 2026-11-21T22:22:00Z',
      'time-after 2026-11-21T22:21:30Z',
    );
    expect(limits).toMatchObject({ expiresAtMs: nowMs + 300_000, notBeforeMs: nowMs + 60_000, canHold: true });
  });

  it('keep the expiry of the identifier when a caveat is later', () => {
    expect(limitsOf('time-before 2027-01-01T00:00:00Z').expiresAtMs).toBe(facts.expiresAtMs);
  });

  it('intersect lists, actions with those of the identifier too', () => {
    const limits = limitsOf(
      'action invoices:*,reports:daily',
      'action invoices:list,reports:*,admin',
      'ip 10.0.0.0/8,2001:db8::/32',
      'ip 10.1.0.0/16,192.0.2.1',
      'method GET,HEAD,POST',
      'method POST,GET',
      'path /invoices,/reports',
      'path /invoices/2026,/reports',
    );
    expect(limits).toMatchObject({
      actions: ['invoices:list', 'reports:daily'],
      ips: ['10.1.0.0/16'],
      methods: ['GET', 'POST'],
      paths: ['/invoices/2026', '/reports'],
      canHold: true,
    });
  });

  it.each([
    [['action admin'], { actions: [] }],
    [['ip 10.0.0.0/8', 'ip 192.0.2.1'], { ips: [] }],
    [['method GET', 'method HEAD'], { methods: [] }],
    [['path /a', 'path /b', 'path /a'], { paths: [] }],
    [['time-after 2026-11-21T22:22:00Z', 'time-before 2026-11-21T22:22:00Z'], {}],
    [['time-after 2026-11-22T00:00:00Z'], {}],
    [['account 1', 'account 2'], { others: ['account 1', 'account 2'] }],
  ])('cannot hold under %j', (conditions, expected) => {
    expect(limitsOf(...conditions)).toMatchObject({ ...expected, canHold: false });
  });

  it("fold a service's own types by their own narrows", () => {
    expect(limitsOf('account 1,2,3', 'account 3,2', 'account 2,3,4').others).toEqual(['account 2,3']);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['answers nothing', () => undefined],
    ['answers another word', () => ({ kind: 'wider' })],
  ])('list both conditions when narrows %s', (_, narrows) => {
    const odd = { ...account, name: 'odd', narrows } as CaveatType<unknown>;
    const oddRegistry = createCaveatRegistry([...standardCaveats, odd]);
    const limits = effectiveLimits(facts, [parsed('odd 1', oddRegistry), parsed('odd 2', oddRegistry)]);
    expect(limits).toMatchObject({ others: ['odd 1', 'odd 2'], canHold: true });
  });

  it('list both conditions, and end no process, when narrows is async and rejects', async () => {
    const odd = { ...account, name: 'odd', narrows: async () => Promise.reject(new Error('late')) } as unknown;
    const oddRegistry = createCaveatRegistry([...standardCaveats, odd as CaveatType<unknown>]);
    const caveats = ['odd 1', 'odd 2'].map((condition) => parsed(condition, oddRegistry));
    expect(effectiveLimits(facts, caveats).others).toEqual(['odd 1', 'odd 2']);
    // A rejection that nobody caught would make the test run fail.
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('stay impossible when a type contradicts once and then fails', () => {
    const narrows = (_: unknown, added: readonly string[]) => {
      if (added.includes('3')) throw new Error('broken');
      return { kind: 'contradiction' };
    };
    const odd = { ...account, name: 'odd', narrows } as CaveatType<unknown>;
    const oddRegistry = createCaveatRegistry([...standardCaveats, odd]);
    const caveats = ['odd 1', 'odd 2', 'odd 3'].map((condition) => parsed(condition, oddRegistry));
    expect(effectiveLimits(facts, caveats).canHold).toBe(false);
  });
});
