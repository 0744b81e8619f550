/** The one place where a `VerifiedMacaroon` comes into being. For the verifier and the remote source alone; the index does not export it. */
import type { VerifiedMacaroon } from './result.js';

/** What is known of a verified token, without the mark that it was verified. */
export type VerifiedFacts = Pick<
  VerifiedMacaroon,
  'client' | 'audience' | 'tokenId' | 'rootKeyId' | 'authMethods' | 'actions' | 'issuedAtMs' | 'expiresAtMs' | 'caveats'
>;

/** `facts` as a verified token, frozen with its lists. Call it only when every check has passed. */
export function markVerified(facts: VerifiedFacts): VerifiedMacaroon {
  Object.freeze(facts.authMethods);
  Object.freeze(facts.actions);
  Object.freeze(facts.caveats);
  return Object.freeze({ ok: true, ...facts }) as VerifiedMacaroon;
}
