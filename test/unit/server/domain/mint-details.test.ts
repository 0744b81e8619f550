import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MintDetails, mintDetailsText } from '../../../../src/server/domain/mint-details.js';
import { auditDetails } from '../../../../src/server/store/audit-chain.js';

/** As ids, times, thumbprints and names of methods are written. */
const made = fc.stringMatching(/^[A-Za-z0-9_:.-]+$/);
const madeOrNone = fc.option(made, { nil: undefined });
const condition = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', 'ip "a"', 'a\\b', '","x":"', '\u2028', '\ud800'));
const details: fc.Arbitrary<MintDetails> = fc.record({
  actionsCount: fc.nat(),
  authMethods: fc.array(made, { maxLength: 3 }),
  bindings: fc.array(condition, { maxLength: 3 }),
  byTokenId: madeOrNone,
  caveatsCount: fc.nat(),
  certificateThumbprint: madeOrNone,
  credentialId: fc.option(made),
  expiresAt: made,
  generation: fc.nat(),
  keyThumbprint: madeOrNone,
  rootKeyId: made,
  secondCredentialId: madeOrNone,
});

describe('the details of a minted token', () => {
  it('are what the audit log makes of them', () => {
    const snakeCase = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    fc.assert(
      fc.property(details, (made) => {
        const named = Object.fromEntries(Object.entries(made).map(([name, value]) => [snakeCase(name), value]));
        expect(mintDetailsText(made)).toBe(auditDetails(named));
      }),
      { numRuns: 500 },
    );
  });
});
