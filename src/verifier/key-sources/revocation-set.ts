/** What has been revoked, of all four kinds, as one audience's verifier needs it. */
import { IdFilter } from '../../core/index.js';
import type { RevocationCode, RevocationSubject } from '../result.js';

export type Revocation =
  | { readonly kind: 'token'; readonly tokenId: string; readonly expiresAtMs?: number }
  /** Tokens of the client whose issue time is `beforeMs` or earlier. */
  | { readonly kind: 'client'; readonly client: string; readonly beforeMs: number }
  | { readonly kind: 'root_key'; readonly rootKeyId: string }
  | { readonly kind: 'audience_key'; readonly audience: string; readonly generation: number };

type KeyRevocationCode = Extract<RevocationCode, 'ERR_REVOKED_ROOT_KEY' | 'ERR_REVOKED_AUDIENCE_KEY'>;

/** How long a revoked token's entry outlives it, for verifiers whose clock is behind the issuer's. */
const forgetAfterMs = 60 * 60 * 1000;
const smallSize = 10_000;

export class RevocationSet {
  readonly #tokens = new Map<string, number>();
  /** Holds every id of `#tokens`, and some that were forgotten; there when they are many. */
  #filter: IdFilter | undefined;
  readonly #clients = new Map<string, number>();
  readonly #rootKeys = new Set<string>();
  readonly #generations = new Map<string, Set<number>>();
  #forgetAtSize = smallSize;

  add(revocation: Revocation): void {
    switch (revocation.kind) {
      case 'token':
        this.#tokens.set(revocation.tokenId, revocation.expiresAtMs ?? Number.POSITIVE_INFINITY);
        this.#filter?.add(revocation.tokenId);
        if (this.#tokens.size > (this.#filter?.capacity ?? smallSize)) this.#enlargeFilter();
        return;
      case 'client': {
        const known = this.#clients.get(revocation.client) ?? Number.NEGATIVE_INFINITY;
        this.#clients.set(revocation.client, Math.max(known, revocation.beforeMs));
        return;
      }
      case 'root_key':
        this.#rootKeys.add(revocation.rootKeyId);
        return;
      case 'audience_key': {
        const generations = this.#generations.get(revocation.audience) ?? new Set();
        this.#generations.set(revocation.audience, generations.add(revocation.generation));
      }
    }
  }

  /** Why the key may carry no token any more, or `undefined`. */
  revocationOfKey(audience: string, rootKeyId: string, generation: number): KeyRevocationCode | undefined {
    // Mostly nothing is revoked, and looking a text up in an empty table costs as much as in a full one.
    if (this.#rootKeys.size > 0 && this.#rootKeys.has(rootKeyId)) return 'ERR_REVOKED_ROOT_KEY';
    if (this.#generations.size > 0 && this.#generations.get(audience)?.has(generation) === true)
      return 'ERR_REVOKED_AUDIENCE_KEY';
    return undefined;
  }

  /** Why the token is revoked, or `undefined`. */
  revocationOf(audience: string, subject: RevocationSubject): RevocationCode | undefined {
    if (this.#mayHold(subject.tokenId) && this.#tokens.has(subject.tokenId)) return 'ERR_REVOKED_TOKEN';
    const beforeMs = this.#clients.size > 0 ? this.#clients.get(subject.client) : undefined;
    if (beforeMs !== undefined && subject.issuedAtMs <= beforeMs) return 'ERR_REVOKED_CLIENT';
    return this.revocationOfKey(audience, subject.rootKeyId, subject.generation);
  }

  /**
   * Forgets revoked tokens that have long expired, once there are many. `issuerTimeMs` is a time that the issuer itself told: our own
   * clock may have jumped ahead, and would then revive tokens when it comes back.
   */
  forgetExpired(issuerTimeMs: number): void {
    if (this.#tokens.size < this.#forgetAtSize) return;
    for (const [tokenId, expiresAtMs] of this.#tokens) {
      if (expiresAtMs + forgetAfterMs < issuerTimeMs) this.#tokens.delete(tokenId);
    }
    this.#forgetAtSize = Math.max(smallSize, this.#tokens.size * 2);
  }

  /** A few ids are looked up as quickly as they are ruled out. */
  #mayHold(tokenId: string): boolean {
    return this.#filter === undefined ? this.#tokens.size > 0 : this.#filter.mayHold(tokenId);
  }

  #enlargeFilter(): void {
    const filter = new IdFilter(this.#tokens.size * 4);
    for (const tokenId of this.#tokens.keys()) filter.add(tokenId);
    this.#filter = filter;
  }
}
