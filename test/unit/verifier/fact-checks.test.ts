/** What the identifier must say: the list that explains it and the quick way that decides it are the same checks. */
import { describe, expect, it } from 'vitest';
import { MacaroonKey } from '../../../src/core/index.js';
import { allFactsHold, factChecks } from '../../../src/verifier/fact-checks.js';

const nowMs = 1_800_000_000_000;
const audience = 'invoice';
const facts = {
  rootKeyId: 'AAAAAAAAAAAAAAAAAAAAAA',
  generation: 1,
  tokenId: '01900000-0000-7000-8000-000000000000',
  issuedAtMs: nowMs - 1000,
  expiresAtMs: nowMs + 1000,
  audience,
  client: 'mail',
  authMethods: ['client_secret_basic'],
  actions: ['invoices:read'],
};
const context = { action: 'invoices:read', nowMs, path: '/invoices' };
const key = new MacaroonKey(new Uint8Array(32).fill(1));
const entry = { rootKeyId: facts.rootKeyId, generation: 1, client: 'mail', key };

/** By check, what breaks it and no other. */
const broken: Readonly<Record<string, { readonly facts?: Partial<typeof facts>; readonly context?: Partial<typeof context> }>> = {
  audience: { facts: { audience: 'payroll' } },
  client: { facts: { client: 'mallory' } },
  expiry: { facts: { expiresAtMs: nowMs } },
  'issue time': { facts: { issuedAtMs: nowMs + 60_001 } },
  action: { facts: { actions: ['invoices:pay'] } },
  'request path': { context: { path: '/invoices//7' } },
};

describe('allFactsHold', () => {
  it('holds where every check of the list does', () => {
    expect(factChecks.map((check) => check.holds(facts, context, audience, entry))).toEqual(factChecks.map(() => true));
    expect(allFactsHold(facts, context, audience, entry)).toBe(true);
  });

  it.each(factChecks.map(({ name }) => name))('does not hold where %s alone fails', (name) => {
    const wrong = broken[name];
    expect(wrong).toBeDefined();
    const wrongFacts = { ...facts, ...wrong?.facts };
    const wrongContext = { ...context, ...wrong?.context };
    const failed = factChecks.filter((check) => !check.holds(wrongFacts, wrongContext, audience, entry));
    expect(failed.map((check) => check.name)).toEqual([name]);
    expect(allFactsHold(wrongFacts, wrongContext, audience, entry)).toBe(false);
  });
});
