/** The writes of one transaction. Each runs at once on the writer's connection, inside the transaction that store and caller share. */
import { and, eq } from 'drizzle-orm';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';
import { MacaroonError, type RandomBytes, type RootKey } from '../../core/index.js';
import type { Known, StoreTransaction } from '../domain/ports.js';
import type {
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
} from '../domain/records.js';
import type { AppendedRows } from './appended-rows.js';
import { type AuditRow, auditDetails, auditMac, emptyAuditHead } from './audit-chain.js';
import { encryptSecret, type StoreKeys } from './encryption.js';
import type { GroupChanges } from './group-changes.js';
import { addRowMac, checkRowMac, type PlainRow } from './row-mac.js';
import { credentialPlace, invitationPlace, rootKeyPlace } from './secret-places.js';
import type { WriteStatements } from './sqlite-queries.js';
import { type ReaderContext, SqliteReader } from './sqlite-reader.js';
import { toClientRow, toCredentialRow, toGrantRow, toRevocationRow } from './sqlite-records.js';
import {
  audienceGenerations,
  audiences,
  certificates,
  clients,
  credentials,
  grants,
  invitations,
  revocations,
  rootKeys,
  verifiers,
} from './sqlite-schema.js';

/** What a transaction stands on. */
export interface TransactionContext extends ReaderContext {
  readonly writes: WriteStatements;
  readonly appended: AppendedRows;
  readonly randomBytes: RandomBytes;
  readonly changes: GroupChanges;
}

export class SqliteTransaction extends SqliteReader implements StoreTransaction {
  readonly #context: TransactionContext;

  constructor(context: TransactionContext) {
    super(context);
    this.#context = context;
  }

  insertClient(client: ClientRecord): Promise<void> {
    return this.#write(({ db }) =>
      db
        .insert(clients)
        .values(this.#withMac(clients, toClientRow(client)))
        .run(),
    );
  }

  override client(name: string): Known<ClientRecord | undefined> {
    const changed = this.#context.changes.client(name);
    return changed === undefined ? super.client(name) : this.#context.run(() => changed);
  }

  override async clients(): Promise<readonly ClientRecord[]> {
    const { changes } = this.#context;
    return (await super.clients()).map((client) => changes.client(client.name) ?? client);
  }

  updateClient(client: ClientRecord): Known<void> {
    const { run, changes, records, writes, keys } = this.#context;
    run(() => {
      changes.beginWrite();
      const known = changes.client(client.name) ?? records()?.client.get(client.name)?.found;
      // Every mint moves the issue time: it is written once for all that share the commit.
      if (known !== undefined && isSameButIssued(known, client)) return changes.noteClient(client, false);
      changes.beginOther();
      writeClient(writes, keys, client);
      changes.noteClient(client, true);
    });
  }

  insertCredential(credential: CredentialRecord, secret?: Uint8Array): Promise<void> {
    return this.#write(({ db, keys, randomBytes }) => {
      const encryptedSecret = secret === undefined ? null : encryptSecret(keys, credentialPlace(credential), secret, randomBytes);
      const row = { ...toCredentialRow(credential), encryptedSecret };
      db.insert(credentials).values(this.#withMac(credentials, row)).run();
    });
  }

  /** Only `retiredAtMs` can change. A retired credential's encrypted secret is erased. */
  updateCredential({ id, retiredAtMs }: CredentialRecord): Promise<void> {
    return this.#change('credential', ({ db, reads, changes }) => {
      const old = this.#checked(credentials, reads.credential.get({ id }), 'credential');
      const encryptedSecret = retiredAtMs === null ? old.encryptedSecret : null;
      if (encryptedSecret !== old.encryptedSecret) changes.noteErased();
      const row = this.#withMac(credentials, { ...old, retiredAtMs, encryptedSecret });
      return db.update(credentials).set(row).where(eq(credentials.id, id)).run();
    });
  }

  insertInvitation(invitation: InvitationRecord, sharedKey: Uint8Array): Promise<void> {
    return this.#write(({ db, keys, randomBytes }) => {
      const { id, client, usesLeft, createdAtMs, expiresAtMs } = invitation;
      const encryptedKey = encryptSecret(keys, invitationPlace(invitation), sharedKey, randomBytes);
      const row = { id, client, usesLeft, encryptedKey, createdAtMs, expiresAtMs };
      db.insert(invitations).values(this.#withMac(invitations, row)).run();
    });
  }

  /** Only `usesLeft` and `expiresAtMs` can change. */
  updateInvitation({ id, usesLeft, expiresAtMs }: InvitationRecord): Promise<void> {
    return this.#change('invitation', ({ db, reads }) => {
      const old = this.#checked(invitations, reads.invitation.get({ id }), 'invitation');
      const row = this.#withMac(invitations, { ...old, usesLeft, expiresAtMs });
      return db.update(invitations).set(row).where(eq(invitations.id, id)).run();
    });
  }

  insertCertificate(certificate: CertificateRecord): Promise<void> {
    return this.#write(({ db }) => {
      const { thumbprint, serial, client, notBeforeMs, notAfterMs, issuedAtMs, revokedAtMs } = certificate;
      const row = { thumbprint, serial, client, notBeforeMs, notAfterMs, issuedAtMs, revokedAtMs };
      db.insert(certificates).values(this.#withMac(certificates, row)).run();
    });
  }

  /** Only `revokedAtMs` can change. */
  updateCertificate({ thumbprint, revokedAtMs }: CertificateRecord): Promise<void> {
    return this.#change('certificate', ({ db, reads }) => {
      const old = this.#checked(certificates, reads.certificate.get({ thumbprint }), 'certificate');
      const row = this.#withMac(certificates, { ...old, revokedAtMs });
      return db.update(certificates).set(row).where(eq(certificates.thumbprint, thumbprint)).run();
    });
  }

  insertRootKey(rootKey: RootKeyRecord, key: RootKey): Promise<void> {
    return this.#write(({ db, keys, randomBytes }) => {
      const { id, client, generation, state, createdAtMs, changeSeq } = rootKey;
      const encryptedKey = encryptSecret(keys, rootKeyPlace(rootKey), key.reveal(), randomBytes);
      const row = { id, client, generation, state, encryptedKey, createdAtMs, changeSeq };
      db.insert(rootKeys).values(this.#withMac(rootKeys, row)).run();
    });
  }

  /** Only `state` and `changeSeq` can change. */
  updateRootKey({ id, state, changeSeq }: RootKeyRecord): Promise<void> {
    return this.#change('rootKey', ({ db, reads, changes }) => {
      const old = this.#checked(rootKeys, reads.rootKey.get({ id }), 'rootKey');
      const encryptedKey = state === 'destroyed' ? null : old.encryptedKey;
      if (encryptedKey !== old.encryptedKey) changes.noteErased();
      const row = this.#withMac(rootKeys, { ...old, state, changeSeq, encryptedKey });
      return db.update(rootKeys).set(row).where(eq(rootKeys.id, id)).run();
    });
  }

  insertAudience(audience: AudienceRecord): Promise<void> {
    return this.#write(({ db }) => {
      const { name, generation, createdAtMs, changeSeq } = audience;
      db.insert(audiences).values(this.#withMac(audiences, { name, generation, createdAtMs, changeSeq })).run();
      this.#insertGeneration(name, generation);
    });
  }

  /** Only `generation` and `changeSeq` can change. */
  updateAudience({ name, generation, changeSeq }: AudienceRecord): Promise<void> {
    return this.#change('audience', ({ db, reads }) => {
      const old = this.#checked(audiences, reads.audience.get({ name }), 'audience');
      this.#insertGeneration(name, generation);
      const row = this.#withMac(audiences, { ...old, generation, changeSeq });
      return db.update(audiences).set(row).where(eq(audiences.name, name)).run();
    });
  }

  /** Keeps the time of a generation that was revoked before. */
  revokeAudienceGeneration(audience: string, generation: number, atMs: number): Promise<void> {
    return this.#change('generation', ({ db, reads }) => {
      const rows = reads.audienceGenerations.all({ audience });
      const old = this.#checked(
        audienceGenerations,
        rows.find((one) => one.generation === generation),
        'generation',
      );
      const row = this.#withMac(audienceGenerations, { ...old, revokedAtMs: old.revokedAtMs ?? atMs });
      const isThis = and(eq(audienceGenerations.audience, audience), eq(audienceGenerations.generation, generation));
      return db.update(audienceGenerations).set(row).where(isThis).run();
    });
  }

  putGrant(grant: GrantRecord): Promise<void> {
    return this.#write(({ db }) => {
      const row = this.#withMac(grants, toGrantRow(grant));
      db.insert(grants)
        .values(row)
        .onConflictDoUpdate({ target: [grants.client, grants.audience], set: row })
        .run();
    });
  }

  putVerifier(client: string, audience: string, atMs: number): Promise<void> {
    return this.#write(({ db }) => {
      const row = this.#withMac(verifiers, { client, audience, createdAtMs: atMs });
      db.insert(verifiers).values(row).onConflictDoNothing().run();
    });
  }

  override async token(tokenId: string): Promise<TokenRecord | undefined> {
    this.#flush();
    return await super.token(tokenId);
  }

  override async latestIssue(): Promise<number> {
    this.#flush();
    return await super.latestIssue();
  }

  override async audit(filter: AuditFilter): Promise<readonly AuditRecord[]> {
    this.#flush();
    return await super.audit(filter);
  }

  async insertRevocation(revocation: Omit<RevocationRecord, 'seq'>): Promise<RevocationRecord> {
    return this.#context.run(() => {
      const { db, reads, changes } = this.#context;
      changes.beginOther();
      // Taken before the insert, as the row's MAC covers it; nobody else writes between the two.
      const seq = (reads.latestRevocationSeq.get()?.seq ?? 0) + 1;
      const record = { ...revocation, seq };
      db.insert(revocations)
        .values(this.#withMac(revocations, toRevocationRow(record)))
        .run();
      return record;
    });
  }

  appendAudit(event: NewAuditEvent): Known<void> {
    const { run, reads, appended, keys, changes } = this.#context;
    run(() => {
      changes.beginWrite();
      const last = changes.auditHead ?? reads.lastAudit.get() ?? emptyAuditHead;
      const row: AuditRow = {
        seq: last.seq + 1,
        atMs: event.atMs,
        event: event.event,
        actor: event.actor,
        client: event.client ?? null,
        audience: event.audience ?? null,
        tokenId: event.tokenId ?? null,
        address: event.address ?? null,
        requestId: event.requestId ?? null,
        details: auditDetails(event.details),
        mac: '',
      };
      row.mac = auditMac(keys.auditKey, last.mac, row);
      appended.addEntry(row);
      changes.noteAudit({ seq: row.seq, mac: row.mac });
    });
  }

  /** The next change, which whoever asks for it is about to make. */
  async nextChangeSeq(): Promise<number> {
    const { run, writes, changes } = this.#context;
    return run(() => {
      changes.beginOther();
      return Number(writes.nextChangeSeq.get()?.value);
    });
  }

  #flush(): void {
    this.#context.run(() => this.#context.appended.flush());
  }

  async #write(work: (context: TransactionContext) => unknown): Promise<void> {
    this.#context.run(() => {
      this.#context.changes.beginOther();
      work(this.#context);
    });
  }

  async #change(argument: string, work: (context: TransactionContext) => { readonly changes: number }): Promise<void> {
    this.#context.run(() => {
      this.#context.changes.beginOther();
      if (work(this.#context).changes !== 1) throw noSuchRow(argument);
    });
  }

  #checked<R extends PlainRow & { readonly rowMac: string }>(table: SQLiteTable, row: R | undefined, argument: string): R {
    if (row === undefined) throw noSuchRow(argument);
    return checkRowMac(this.#context.keys.rowKey, table, row);
  }

  #withMac<R extends PlainRow>(table: SQLiteTable, row: R): R & { readonly rowMac: string } {
    return addRowMac(this.#context.keys.rowKey, table, row);
  }

  #insertGeneration(audience: string, generation: number): void {
    const row = this.#withMac(audienceGenerations, { audience, generation, revokedAtMs: null });
    this.#context.db.insert(audienceGenerations).values(row).onConflictDoNothing().run();
  }
}

/** Writes the issue times that still wait in `changes`. Call it right before the commit. */
export function writeIssueTimes(writes: WriteStatements, keys: StoreKeys, changes: GroupChanges): void {
  for (const client of changes.unwrittenClients()) writeClient(writes, keys, client);
}

function writeClient(writes: WriteStatements, keys: StoreKeys, client: ClientRecord): void {
  if (writes.updateClient(addRowMac(keys.rowKey, clients, toClientRow(client))).changes !== 1) throw noSuchRow('client');
}

/** Whether `b` differs from `a` in nothing but its issue time. What is the same is the same object. */
function isSameButIssued(a: ClientRecord, b: ClientRecord): boolean {
  const names: readonly (keyof ClientRecord)[] = ['name', 'state', 'authPolicy', 'ips', 'hosts', 'createdAtMs', 'revokedUntilMs'];
  return names.every((name) => a[name] === b[name]);
}

function noSuchRow(argument: string): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', `there is no such ${argument} to change`, { argument });
}
