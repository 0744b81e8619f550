/** The issuer's own keys and revocations as the source of a verifier: always the live state, nothing is cached or polled. */

import type { KeyLookup, KeySource, RevocationCode, RevocationSubject } from '../../verifier/result.js';
import type { Issuer } from '../domain/issuer.js';

/** Keys of every audience, the issuer's own included. Root key and audience key revocations are told by the lookup already. */
export function issuerKeySource(issuer: Pick<Issuer, 'findKey' | 'revocationOf'>): KeySource {
  return {
    kind: 'keys',
    async find(audience: string, rootKeyId: string, generation: number): Promise<KeyLookup> {
      const found = await issuer.findKey(audience, { rootKeyId, generation });
      if (!found.found) return found;
      const { client, key } = found.state;
      return { found: true, entry: { rootKeyId, generation, client, key } };
    },
    async revocationOf({ tokenId, client, issuedAtMs }: RevocationSubject): Promise<RevocationCode | undefined> {
      return await issuer.revocationOf({ tokenId, client, issuedAtMs });
    },
    async close(): Promise<void> {},
  };
}
