/** Records with sensible members, for tests that care about one of them. */
import { formatRfc3339 } from '../../src/caveats/rfc3339.js';
import { createUuidV7, formatUuid, RootKey } from '../../src/core/index.js';
import type { StoreTransaction } from '../../src/server/domain/ports.js';
import type {
  AuditEvent,
  CertificateRecord,
  ClientRecord,
  CredentialRecord,
  GrantRecord,
  InvitationRecord,
  RootKeyRecord,
  TokenRecord,
} from '../../src/server/domain/records.js';

export const atMs = 1_764_000_000_000;

export function client(name: string, other: Partial<ClientRecord> = {}): ClientRecord {
  return {
    name,
    state: 'active',
    authPolicy: [['client_secret_basic', 'ip']],
    ips: ['10.0.0.0/8', '2001:db8::/32'],
    hosts: [],
    createdAtMs: atMs,
    lastIssuedAtMs: 0,
    revokedUntilMs: 0,
    ...other,
  };
}

export function credential(id: string, owner: string, other: Partial<CredentialRecord> = {}): CredentialRecord {
  return {
    id,
    client: owner,
    authMethod: 'client_secret_basic',
    algorithm: null,
    secretHash: 'h'.repeat(43),
    publicKey: null,
    binding: null,
    ips: [],
    createdAtMs: atMs,
    retiredAtMs: null,
    ...other,
  };
}

/** A credential that keeps a secret of its own. */
export function hmacCredential(id: string, owner: string, other: Partial<CredentialRecord> = {}): CredentialRecord {
  return credential(id, owner, { authMethod: 'http_sig', algorithm: 'hmac-sha256', secretHash: null, ...other });
}

/** A credential that is found by a name in a client certificate. */
export function tlsCredential(id: string, owner: string, binding: string): CredentialRecord {
  return credential(id, owner, { authMethod: 'tls_client_auth', secretHash: null, binding });
}

export function invitation(id: string, other: Partial<InvitationRecord> = {}): InvitationRecord {
  return { id, client: 'partner', usesLeft: 1, createdAtMs: atMs, expiresAtMs: atMs + 3_600_000, ...other };
}

/** A certificate of our CA; `name` tells it from others. */
export function certificate(name: string, other: Partial<CertificateRecord> = {}): CertificateRecord {
  return {
    thumbprint: name.padEnd(43, '_'),
    serial: `00${name}`,
    client: 'mail',
    notBeforeMs: atMs - 60_000,
    notAfterMs: atMs + 86_400_000,
    issuedAtMs: atMs,
    revokedAtMs: null,
    ...other,
  };
}

export function rootKey(id: string, owner: string, other: Partial<RootKeyRecord> = {}): RootKeyRecord {
  return { id, client: owner, generation: 1, state: 'active', createdAtMs: atMs, changeSeq: 1, ...other };
}

/** 32 bytes that tell which key they are. */
export function secretOf(marker: number): RootKey {
  return new RootKey(new Uint8Array(32).fill(marker));
}

export function grant(owner: string, audience: string, other: Partial<GrantRecord> = {}): GrantRecord {
  return {
    client: owner,
    audience,
    actions: ['invoices:read', 'invoices:*'],
    maxExpiresMs: 3_600_000,
    requiredCaveats: ['ip 10.0.0.0/8'],
    bind: [],
    createdAtMs: atMs,
    removedAtMs: null,
    changeSeq: 1,
    ...other,
  };
}

export function token(tokenId: string, other: Partial<TokenRecord> = {}): TokenRecord {
  return {
    tokenId,
    client: 'mail',
    audience: 'invoice',
    expiresAtMs: atMs + 3_600_000,
    ...other,
  };
}

/** The id of a token that was issued at `issuedAtMs`; `marker` tells it from others. */
export function tokenIdOf(issuedAtMs: number, marker = 0): string {
  return formatUuid(createUuidV7(issuedAtMs, (length) => new Uint8Array(length).fill(marker)));
}

/** The entry that a token is kept as. */
export function tokenMinted(minted: TokenRecord, details: AuditEvent['details'] = {}): AuditEvent {
  const { tokenId, client, audience, expiresAtMs } = minted;
  const about = { actor: client, client, audience, tokenId };
  return auditEvent('token.minted', { ...about, details: { expires_at: formatRfc3339(expiresAtMs), ...details } });
}

export function auditEvent(event: string, other: Partial<AuditEvent> = {}): AuditEvent {
  return { atMs, event, actor: '(local)', details: {}, ...other };
}

/** Audience `invoice`, and client `mail` with a credential, a root key and a grant for it. */
export async function fillStore(tx: StoreTransaction): Promise<void> {
  await tx.insertAudience({ name: 'invoice', generation: 0, createdAtMs: atMs, changeSeq: await tx.nextChangeSeq() });
  await tx.insertClient(client('mail'));
  await tx.insertCredential(credential('cred-mail', 'mail'));
  await tx.insertRootKey(rootKey('key-mail', 'mail', { changeSeq: await tx.nextChangeSeq() }), secretOf(7));
  await tx.putGrant(grant('mail', 'invoice', { changeSeq: await tx.nextChangeSeq() }));
  await tx.appendAudit(auditEvent('store.filled'));
}
