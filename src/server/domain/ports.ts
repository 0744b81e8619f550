/**
 * What the issuer needs of a store. Every method may be asynchronous, so that SQLite and a PostgreSQL-wire database fit alike.
 * Broken machinery throws `MacaroonError`: `ERR_STORE_UNAVAILABLE`, `ERR_STORE_FULL`, `ERR_STORE_CORRUPT`.
 */
import type { Clock, RandomBytes, RootKey } from '../../core/index.js';
import type { CertificateTools } from './certificate-tools.js';
import type {
  AudienceGenerationRecord,
  AudienceRecord,
  AuditFilter,
  AuditRecord,
  CertificateRecord,
  ClientRecord,
  CredentialRecord,
  GrantRecord,
  InvitationRecord,
  NewAuditEvent,
  RevocationRecord,
  RootKeyRecord,
  TokenRecord,
} from './records.js';

/** A root key with what an audience's verifier may know of it. */
export interface AudienceKeyRow {
  readonly rootKeyId: string;
  readonly client: string;
  readonly state: 'active' | 'passive';
  /** Highest change of the root key, the client's grant for the audience, and the audience. */
  readonly changeSeq: number;
}

/** What a client's tokens for an audience are minted by. */
export interface MintBasis {
  readonly audience: AudienceRecord;
  /** The grant also when removed: look at `removedAtMs`. */
  readonly grant: GrantRecord;
  /** The client's active root key. */
  readonly rootKey: RootKeyRecord | undefined;
  readonly secret: RootKey | undefined;
}

/** What a revocation is looked up by. */
export type RevocationLookup =
  | { readonly kind: 'token'; readonly tokenId: string }
  | { readonly kind: 'client'; readonly client: string }
  | { readonly kind: 'root_key'; readonly rootKeyId: string }
  | { readonly kind: 'audience_key'; readonly audience: string; readonly generation: number };

/** What a store answers at once where it holds it: to wait for what is there takes longer than to verify a token with it. */
export type Known<T> = T | Promise<T>;

export interface StoreReader {
  client(name: string): Known<ClientRecord | undefined>;
  clients(): Promise<readonly ClientRecord[]>;
  credential(id: string): Known<CredentialRecord | undefined>;
  credentials(client: string): Known<readonly CredentialRecord[]>;
  /** The credential, live or retired, that has this binding. */
  credentialByBinding(binding: string): Promise<CredentialRecord | undefined>;
  /** What was given to `insertCredential` as its secret; `undefined` when there is none. */
  credentialSecret(id: string): Promise<Uint8Array | undefined>;
  /** Clients that have `host` among their hosts. */
  clientsOfHost(host: string): Promise<readonly string[]>;
  invitation(id: string): Promise<InvitationRecord | undefined>;
  invitations(): Promise<readonly InvitationRecord[]>;
  /** 32 bytes. */
  invitationKey(id: string): Promise<Uint8Array | undefined>;
  certificate(thumbprint: string): Promise<CertificateRecord | undefined>;
  /** Of one client, or all; newest first. */
  certificates(client?: string): Promise<readonly CertificateRecord[]>;
  /** Revoked certificates that have a serial and did not expire before `nowMs`. */
  revokedCertificates(nowMs: number): Promise<readonly CertificateRecord[]>;
  rootKey(id: string): Known<RootKeyRecord | undefined>;
  rootKeys(client: string): Known<readonly RootKeyRecord[]>;
  /** The secret of a root key; `undefined` when there is none or it was destroyed. */
  rootKeySecret(id: string): Known<RootKey | undefined>;
  audience(name: string): Known<AudienceRecord | undefined>;
  audiences(): Promise<readonly AudienceRecord[]>;
  audienceGenerations(audience: string): Known<readonly AudienceGenerationRecord[]>;
  /** The grant also when removed: look at `removedAtMs`. */
  grant(client: string, audience: string): Known<GrantRecord | undefined>;
  /** Grants that were not removed. */
  grants(client: string): Promise<readonly GrantRecord[]>;
  /** `undefined` when there is no such audience, and when the client never had a grant for it. */
  mintBasis(client: string, audience: string): Known<MintBasis | undefined>;
  /** Audiences that the client verifies for. */
  verifierAudiences(client: string): Known<readonly string[]>;
  /** The token of an entry `token.minted` that was appended with its client, audience and `details.expires_at` (RFC 3339). */
  token(tokenId: string): Promise<TokenRecord | undefined>;
  /** Issue time of the newest token, as its id tells it; 0 before the first. */
  latestIssue(): Promise<number>;
  /**
   * Revocations with a greater seq, in order, that still matter at `nowMs` and concern one of `audiences`
   * (client and root-key revocations concern all of them).
   */
  revocationsAfter(
    after: number,
    audiences: readonly string[],
    nowMs: number,
    limit: number,
  ): Promise<readonly RevocationRecord[]>;
  /** Highest seq ever given to a revocation; 0 before the first. */
  latestRevocationSeq(): Promise<number>;
  /** The latest revocation of just that, also when it matters no more. */
  findRevocation(of: RevocationLookup): Known<RevocationRecord | undefined>;
  /** Root keys (not destroyed) of clients that hold or held a grant for `audience`, changed after `after`, in order of change. */
  audienceKeysAfter(audience: string, after: number, limit: number): Promise<readonly AudienceKeyRow[]>;
  /** Highest change ever given out. */
  latestChangeSeq(): Promise<number>;
  audit(filter: AuditFilter): Promise<readonly AuditRecord[]>;
}

/** Writes of one transaction. All of them are durable together, or none. */
export interface StoreTransaction extends StoreReader {
  insertClient(client: ClientRecord): Promise<void>;
  updateClient(client: ClientRecord): Known<void>;
  /** Encrypts `secret`, where there is one, under the master key, tied to the row. */
  insertCredential(credential: CredentialRecord, secret?: Uint8Array): Promise<void>;
  /** A retired record also erases the encrypted secret. */
  updateCredential(credential: CredentialRecord): Promise<void>;
  /** Encrypts `sharedKey` (32 bytes) under the master key, tied to the row. */
  insertInvitation(invitation: InvitationRecord, sharedKey: Uint8Array): Promise<void>;
  updateInvitation(invitation: InvitationRecord): Promise<void>;
  insertCertificate(certificate: CertificateRecord): Promise<void>;
  updateCertificate(certificate: CertificateRecord): Promise<void>;
  /** Encrypts `key` under the master key, tied to the row. */
  insertRootKey(rootKey: RootKeyRecord, key: RootKey): Promise<void>;
  /** A record in state `destroyed` also erases the encrypted key. */
  updateRootKey(rootKey: RootKeyRecord): Promise<void>;
  /** Also records generation `audience.generation` as live. */
  insertAudience(audience: AudienceRecord): Promise<void>;
  /** Also records generation `audience.generation` as live when it is new. */
  updateAudience(audience: AudienceRecord): Promise<void>;
  revokeAudienceGeneration(audience: string, generation: number, atMs: number): Promise<void>;
  /** Inserts or replaces. */
  putGrant(grant: GrantRecord): Promise<void>;
  putVerifier(client: string, audience: string, atMs: number): Promise<void>;
  /** Returns the record with its seq. */
  insertRevocation(revocation: Omit<RevocationRecord, 'seq'>): Promise<RevocationRecord>;
  /** Chained and written with the rest: when it cannot be, the transaction fails. The entry `token.minted` is all that is kept of a token. */
  appendAudit(event: NewAuditEvent): Known<void>;
  /** The next position in the feed of key changes. */
  nextChangeSeq(): Promise<number>;
}

/**
 * Why a transaction is made. `grow` is refused with `ERR_STORE_FULL` when the disk is full; `revoke` may then use the reserve.
 * Work that found no room may be run a second time, after its first run was rolled back.
 */
export type TransactionPurpose = 'grow' | 'revoke';

export interface Store {
  /** Reads outside of transactions; each sees what was committed before it. */
  readonly read: StoreReader;
  /**
   * Runs `work` after those that were called before and commits, perhaps together with others; resolves only when the commit is durable. `work`
   * awaits nothing but the transaction's own methods, if anything. When it throws or rejects, what it wrote is rolled back, and nothing else.
   */
  transaction<T>(purpose: TransactionPurpose, work: (tx: StoreTransaction) => Known<T>): Promise<T>;
  /** Throws when the store cannot be read or written now. */
  checkHealth(): Promise<void>;
  close(): Promise<void>;
}

/** What use cases that know no certificates stand on. */
export interface StoreDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
}

/** What every use case stands on. */
export interface IssuerDependencies extends StoreDependencies {
  readonly certificates: CertificateTools;
}
