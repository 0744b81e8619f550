/** What an issuer answers to a mint request: a real token, and about it what its identifier says. */
import {
  addFirstPartyCaveat,
  createUuidV7,
  encode,
  encodeBase64url,
  encodeIdentifier,
  formatUuid,
  type Macaroon,
  MacaroonKey,
  mint,
} from '../../../src/core/index.js';
import type { MintResponse } from '../../../src/protocol/wire.js';

/** What a test wants to be otherwise. */
export interface MintedParts {
  readonly client?: string;
  readonly audience?: string;
  readonly actions?: readonly string[];
  readonly lifeMs?: number;
  readonly caveats?: readonly string[];
}

const issuedAt = '2026-11-21T22:21:00.500Z';

export function mintedAnswer(parts: MintedParts = {}): MintResponse {
  const { client = 'mail', audience = 'invoice', actions = ['invoices:read'], lifeMs = 3_599_500, caveats = [] } = parts;
  const bytes = (length: number) => new Uint8Array(length).fill(5);
  const issuedAtMs = Date.parse(issuedAt);
  const tokenId = createUuidV7(issuedAtMs, bytes);
  const expiresAtMs = issuedAtMs + lifeMs;
  const rootKeyId = bytes(16);
  const authMethods = ['client_secret_basic'];
  const identifier = encodeIdentifier({ rootKeyId, generation: 0, tokenId, expiresAtMs, audience, client, authMethods, actions });
  const root = caveats.reduce<Macaroon>(addFirstPartyCaveat, mint(new MacaroonKey(bytes(32)), identifier));
  return {
    token: encode({ root, discharges: [] }),
    token_id: formatUuid(tokenId),
    root_key_id: encodeBase64url(rootKeyId),
    client,
    audience,
    actions,
    issued_at: issuedAt,
    expires_at: new Date(expiresAtMs).toISOString().replace('.000Z', 'Z'),
    caveats,
  };
}
