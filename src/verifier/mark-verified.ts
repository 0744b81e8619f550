/** The one place where a `VerifiedMacaroon` comes into being. For the verifier and the remote source alone; the index does not export it. */
import type { VerifiedMacaroon } from './result.js';

/** What is known of a verified token, without the mark that it was verified. */
export type VerifiedFacts = Pick<
  VerifiedMacaroon,
  'client' | 'audience' | 'tokenId' | 'rootKeyId' | 'authMethods' | 'actions' | 'issuedAtMs' | 'expiresAtMs' | 'caveats'
>;

/** `facts`, whose lists are frozen, as a verified token, frozen too. Call it only when every check has passed. */
export function markVerified(facts: VerifiedFacts): VerifiedMacaroon {
  // Named one by one: to spread them costs as much as hashing a block.
  return Object.freeze({
    ok: true,
    client: facts.client,
    audience: facts.audience,
    tokenId: facts.tokenId,
    rootKeyId: facts.rootKeyId,
    authMethods: facts.authMethods,
    actions: facts.actions,
    issuedAtMs: facts.issuedAtMs,
    expiresAtMs: facts.expiresAtMs,
    caveats: facts.caveats,
  }) as VerifiedMacaroon;
}
