import { describe, expect, it } from 'vitest';
import { lintConditions } from '../../../src/caveats/lint.js';
import { nowMs, registry } from './samples.js';

const facts = { expiresAtMs: nowMs + 3_600_000, actions: ['invoices:read', 'invoices:list'] };

/** Findings as `kind@index`. */
function lint(conditions: readonly (string | Uint8Array)[], withFacts = true): readonly string[] {
  const findings = lintConditions(registry, conditions, withFacts ? facts : undefined);
  return findings.map(({ kind, caveatIndex }) => `${kind}@${caveatIndex}`);
}

describe('lintConditions', () => {
  it('finds nothing in caveats that all narrow', () => {
    expect(
      lint([
        'time-before 2026-11-21T22:31:00Z',
        'time-after 2026-11-21T22:21:00Z',
        'action invoices:read',
        'ip 10.0.0.0/8',
        'ip 10.1.0.0/16',
        'method GET,HEAD',
        'method GET',
        'path /invoices',
        'account 42',
      ]),
    ).toEqual([]);
  });

  it.each([
    [['ip 10.1.0.0/16', 'ip 10.0.0.0/8'], 'no-op@1'],
    [['method GET', 'method GET'], 'no-op@1'],
    [['path /a/b', 'path /a'], 'no-op@1'],
    [['account 42', 'account 42,43'], 'no-op@1'],
    [['time-before 2026-11-21T22:31:00Z', 'time-before 2026-11-21T22:32:00Z'], 'no-op@1'],
    [['time-before 2027-01-01T00:00:00Z'], 'no-op@0'],
    [['action invoices:*'], 'no-op@0'],
    [['action invoices:write'], 'contradiction@0'],
    [['ip 10.0.0.0/8', 'method GET', 'ip 192.0.2.1'], 'contradiction@2'],
    [['method GET', 'method HEAD'], 'contradiction@1'],
    [['account 42', 'account 43'], 'contradiction@1'],
    [['time-before 2026-11-21T22:31:00Z', 'time-after 2026-11-21T22:31:00Z'], 'contradiction@1'],
    [['time-after 2026-11-21T22:31:00Z', 'method GET', 'time-before 2026-11-21T22:30:00Z'], 'contradiction@2'],
    [['time-after 2026-11-21T23:21:00Z'], 'contradiction@0'],
    [['tenant 7'], 'unknown@0'],
    [['method get'], 'malformed@0'],
    [[Uint8Array.of(0xff)], 'malformed@0'],
    [['method GET', 'nonsense'], 'unknown@1'],
  ])('%j: %s', (conditions, expected) => {
    expect(lint(conditions)).toEqual([expected]);
  });

  it('judges by the caveats alone without an identifier', () => {
    expect(lint(['time-before 2027-01-01T00:00:00Z', 'action invoices:write'], false)).toEqual([]);
  });

  it('goes on after a finding, and tells an empty time window once', () => {
    expect(
      lint([
        'tenant 7',
        'time-after 2026-11-21T22:31:00Z',
        'time-before 2026-11-21T22:30:00Z',
        'time-before 2026-11-21T22:29:00Z',
        'method GET',
        'method GET',
      ]),
    ).toEqual(['unknown@0', 'contradiction@2', 'no-op@5']);
  });

  it('quotes no condition', () => {
    const findings = lintConditions(registry, ['canary 7', 'method canary', 'path /canary', 'path /canary'], facts);
    expect(findings).toHaveLength(3);
    expect(JSON.stringify(findings)).not.toContain('canary');
  });
});
