/** Verifiers over the issuer's own store: one for its own audience, one for each audience that a verifier asks about. */
import type { Clock } from '../../core/index.js';
import type { ReplayStore } from '../../protocol/replay-store.js';
import { createVerifier, type Verifier } from '../../verifier/verifier.js';
import { type Issuer, issuerAudience } from '../domain/issuer.js';
import { issuerKeySource } from './issuer-key-source.js';

export interface IssuerVerifiers {
  /** For administration. */
  readonly own: Verifier;
  /** For a token of `audience`, which the caller knows to exist; `atMs` (Unix milliseconds) asks about another time than now. */
  of(audience: string, atMs?: number): Verifier;
}

/**
 * Verifiers are kept by audience, so that the signatures they verified stay remembered; those for another time are not, and remember nothing: to make room
 * for it takes five times as long as all else of such a verifier. `replayStore` keeps the nonces of sealed requests, those to services that ask the issuer
 * too. Each verifier that is kept remembers `rememberedTokens` tokens at most (as many as any when absent).
 */
export function createIssuerVerifiers(
  issuer: Pick<Issuer, 'findKey' | 'revocationOf'>,
  clock: Clock,
  replayStore: ReplayStore,
  rememberedTokens?: number,
): IssuerVerifiers {
  const keys = issuerKeySource(issuer);
  const kept = new Map<string, Verifier>();
  const keep = (audience: string): Verifier => {
    const verifier = createVerifier({ audience, keys, clock, replayStore, rememberedTokens });
    kept.set(audience, verifier);
    return verifier;
  };
  return {
    own: createVerifier({ audience: issuerAudience, keys, clock, replayStore, rememberedTokens }),
    of(audience, atMs) {
      if (atMs !== undefined) return createVerifier({ audience, keys, clock: () => atMs, rememberedTokens: 0 });
      return kept.get(audience) ?? keep(audience);
    },
  };
}
