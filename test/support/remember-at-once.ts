/**
 * Set-up that makes each token come twice, the first time in secret, to verifiers that remember what they saw once: every verdict of the tests is then that of
 * a token that is remembered, or whose beginning is.
 */
import { vi } from 'vitest';
import { LocalVerification } from '../../src/verifier/local-verification.js';
import { RequestProofs } from '../../src/verifier/request-proofs.js';
import { Sightings } from '../../src/verifier/sightings.js';
import { ToldFacts } from '../../src/verifier/told-facts.js';

vi.spyOn(Sightings.prototype, 'see').mockReturnValue('same');

const noProofs = new RequestProofs('', undefined, '', { origins: [], windowMs: 0, clock: Date.now });
const { verify } = LocalVerification.prototype;

LocalVerification.prototype.verify = function verifyTwice(text, facts, proofs) {
  const again = () => verify.call(this, text, facts, proofs);
  // Without the request itself, so that no nonce is claimed.
  const secretly = Object.assign(new ToldFacts(), facts, { told: undefined });
  try {
    const first = verify.call(this, text, secretly, noProofs);
    return first instanceof Promise ? first.then(again, again) : again();
  } catch {
    return again();
  }
};
