/** Tokens and keys that the verifier's tests share: what an issuer would mint, with every part open to change. */
import {
  addFirstPartyCaveat,
  createUuidV7,
  deriveAudienceKey,
  encode,
  encodeBase64url,
  encodeIdentifier,
  formatUuid,
  type IdentifierParts,
  type Macaroon,
  MacaroonKey,
  mint,
  RootKey,
} from '../../../src/core/index.js';
import type { StaticKey } from '../../../src/verifier/index.js';
import { seededRandom } from '../../fuzz/mutate.js';

export const nowMs = Date.UTC(2026, 10, 21, 22, 21);
export const audience = 'invoice';
export const generation = 1;
export const client = 'mail';
const rootKey = new RootKey(seededRandom(1).bytes(32));
const rootKeyIdBytes = seededRandom(2).bytes(16);
export const rootKeyId = encodeBase64url(rootKeyIdBytes);
const tokenIdBytes = createUuidV7(nowMs - 1000, seededRandom(3).bytes);
export const tokenId = formatUuid(tokenIdBytes);

export function audienceKey(keyGeneration = generation, keyAudience = audience): MacaroonKey {
  return deriveAudienceKey(rootKey, keyAudience, keyGeneration);
}

/** The key of `audienceKey` as it is given to `staticKeys`. */
export const staticKey: StaticKey = { rootKeyId, generation, client, key: audienceKey().reveal() };

export interface TokenParts extends Partial<IdentifierParts> {
  readonly key?: MacaroonKey;
  readonly conditions?: readonly string[];
  /** Issue time: makes a token id for it. */
  readonly issuedAtMs?: number;
}

/** A root macaroon as the issuer mints it, with what `parts` changes. */
export function macaroonOf(parts: TokenParts = {}): Macaroon {
  const { key = audienceKey(), conditions = [], issuedAtMs, ...identifier } = parts;
  const bytes = encodeIdentifier({
    rootKeyId: rootKeyIdBytes,
    generation,
    tokenId: issuedAtMs === undefined ? tokenIdBytes : createUuidV7(issuedAtMs, seededRandom(4).bytes),
    expiresAtMs: nowMs + 3_600_000,
    audience,
    client,
    authMethods: ['client_secret_basic'],
    actions: ['invoices:read', 'invoices:list'],
    ...identifier,
  });
  return conditions.reduce<Macaroon>((macaroon, condition) => addFirstPartyCaveat(macaroon, condition), mint(key, bytes));
}

/** The text of `macaroonOf(parts)`. */
export function tokenOf(parts: TokenParts = {}): string {
  return textOf(macaroonOf(parts));
}

export function textOf(root: Macaroon, discharges: readonly Macaroon[] = []): string {
  return encode({ root, discharges });
}

/** A key that the issuer never made. */
export const forgedKey = new MacaroonKey(new Uint8Array(32).fill(9));
