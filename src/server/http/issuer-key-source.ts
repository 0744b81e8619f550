/** The issuer's own keys and revocations as the source of a verifier: always the live state, nothing is cached or polled. */
import { whenKnown } from '../../core/index.js';
import type { KeyLookup, KeySource, RevocationCode, RevocationSubject } from '../../verifier/result.js';
import type { Issuer } from '../domain/issuer.js';

/** Keys of every audience, the issuer's own included. Root key and audience key revocations are told by the lookup already. */
export function issuerKeySource(issuer: Pick<Issuer, 'findKey' | 'revocationOf'>): KeySource {
  return {
    kind: 'keys',
    find(audience: string, rootKeyId: string, generation: number): KeyLookup | Promise<KeyLookup> {
      return whenKnown(issuer.findKey(audience, { rootKeyId, generation }), (found) => {
        if (!found.found) return found;
        const { client, key } = found.state;
        return { found: true, entry: { rootKeyId, generation, client, key } };
      });
    },
    revocationOf(subject: RevocationSubject): RevocationCode | undefined | Promise<RevocationCode | undefined> {
      return issuer.revocationOf(subject);
    },
    async close(): Promise<void> {},
  };
}
