/**
 * Set-up that makes each token come twice, the first time in secret, to verifiers that remember what they saw once: every verdict of the tests is then that of
 * a token that is remembered, or whose beginning is.
 */
import { LocalVerification } from '../../src/verifier/local-verification.js';
import { RequestProofs } from '../../src/verifier/request-proofs.js';
import type { VerifyResult } from '../../src/verifier/result.js';
import { Sightings } from '../../src/verifier/sightings.js';
import { SignatureCache } from '../../src/verifier/signature-cache.js';
import { ToldFacts } from '../../src/verifier/told-facts.js';

Sightings.prototype.see = () => 'same';

let textsFound = 0;
const { get } = SignatureCache.prototype;
SignatureCache.prototype.get = function getAndCount(...asked) {
  const found = get.call(this, ...asked);
  if (found !== undefined) textsFound++;
  return found;
};

const noProofs = new RequestProofs('', undefined, '', { origins: [], windowMs: 0, clock: Date.now });
const { verify, explain } = LocalVerification.prototype;

LocalVerification.prototype.verify = function verifyTwice(text, facts, proofs) {
  const again = (first?: VerifyResult) => {
    const before = textsFound;
    const result = verify.call(this, text, facts, proofs);
    if (first?.ok && textsFound === before) throw new Error('the token was not remembered');
    return result;
  };
  let first: VerifyResult | Promise<VerifyResult> | undefined;
  try {
    first = verifySecretly(this, text, facts);
  } catch {
    // The same is thrown below.
  }
  return first instanceof Promise ? first.then(again, () => again()) : again(first);
};

// At a time when it has expired, so that no caveat is asked once more.
LocalVerification.prototype.explain = async function explainLater(text, facts, proofs) {
  try {
    await verifySecretly(this, text, facts, Number.MAX_SAFE_INTEGER);
  } catch {
    // The same is thrown below.
  }
  return explain.call(this, text, facts, proofs);
};

/** Without the request itself, so that no nonce is claimed. */
function verifySecretly(local: LocalVerification, text: string, facts: ToldFacts, nowMs = facts.nowMs) {
  return verify.call(local, text, Object.assign(new ToldFacts(), facts, { told: undefined, nowMs }), noProofs);
}
