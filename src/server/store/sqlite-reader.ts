/** What the domain reads, from any connection. Every row's MAC is checked before anything in it is believed. */
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';
import { RootKey } from '../../core/index.js';
import type { AudienceKeyRow, Known, MintBasis, RevocationLookup, StoreReader } from '../domain/ports.js';
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
  RevocationRecord,
  RootKeyRecord,
  TokenRecord,
} from '../domain/records.js';
import { entriesIn, rangesOf } from './audit-blocks.js';
import { decryptSecret, type StoreKeys } from './encryption.js';
import { findMintBasis } from './mint-basis.js';
import type { FoundOf, Kept, KeptKind, KeptRecords, RecordCache } from './record-cache.js';
import { checkRowMac, type PlainRow } from './row-mac.js';
import { credentialPlace, invitationPlace, rootKeyPlace } from './secret-places.js';
import type { ReadStatements } from './sqlite-queries.js';
import {
  fromAudienceRow,
  fromAuditRow,
  fromCertificateRow,
  fromClientRow,
  fromCredentialRow,
  fromGrantRow,
  fromInvitationRow,
  fromRevocationRow,
  fromRootKeyRow,
} from './sqlite-records.js';
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
import { findLatestIssue, findToken } from './token-entries.js';

/** What a reader stands on. */
export interface ReaderContext {
  readonly db: BetterSQLite3Database;
  readonly reads: ReadStatements;
  readonly keys: StoreKeys;
  /** Runs `work` at once and turns what it throws into one of our errors. */
  readonly run: <T>(work: () => T) => T;
  /** Records that were read before and still stand; `undefined` where none may be relied on now. */
  readonly records: () => RecordCache | undefined;
  /** Lets others run in the middle of what takes long; absent where nothing may come between. */
  readonly pause?: () => Promise<void>;
}

export class SqliteReader implements StoreReader {
  readonly #context: ReaderContext;

  constructor(context: ReaderContext) {
    this.#context = context;
  }

  client(name: string): Known<ClientRecord | undefined> {
    return (
      this.#known('client', name) ??
      this.#keep('client', name, () => this.#find(clients, (reads) => reads.client.get({ name }), fromClientRow))
    ).found;
  }

  clients(): Promise<readonly ClientRecord[]> {
    return this.#all(clients, (reads) => reads.clients.all(), fromClientRow);
  }

  credential(id: string): Known<CredentialRecord | undefined> {
    return (
      this.#known('credential', id) ??
      this.#keep('credential', id, () => this.#find(credentials, (reads) => reads.credential.get({ id }), fromCredentialRow))
    ).found;
  }

  credentials(client: string): Known<readonly CredentialRecord[]> {
    return (
      this.#known('credentials', client) ??
      this.#keep('credentials', client, () =>
        this.#findAll(credentials, (reads) => reads.credentials.all({ client }), fromCredentialRow),
      )
    ).found;
  }

  credentialByBinding(binding: string): Promise<CredentialRecord | undefined> {
    return this.#one(credentials, (reads) => reads.credentialByBinding.get({ binding }), fromCredentialRow);
  }

  credentialSecret(id: string): Promise<Uint8Array | undefined> {
    return this.#one(
      credentials,
      (reads) => reads.credential.get({ id }),
      (row) => {
        if (row.encryptedSecret === null) return undefined;
        return decryptSecret(this.#context.keys, credentialPlace(row), row.encryptedSecret);
      },
    );
  }

  clientsOfHost(host: string): Promise<readonly string[]> {
    return this.#all(
      clients,
      (reads) => reads.clientsOfHost.all({ host }),
      (row) => row.name,
    );
  }

  invitation(id: string): Promise<InvitationRecord | undefined> {
    return this.#one(invitations, (reads) => reads.invitation.get({ id }), fromInvitationRow);
  }

  invitations(): Promise<readonly InvitationRecord[]> {
    return this.#all(invitations, (reads) => reads.invitations.all(), fromInvitationRow);
  }

  invitationKey(id: string): Promise<Uint8Array | undefined> {
    return this.#one(
      invitations,
      (reads) => reads.invitation.get({ id }),
      (row) => decryptSecret(this.#context.keys, invitationPlace(row), row.encryptedKey),
    );
  }

  certificate(thumbprint: string): Promise<CertificateRecord | undefined> {
    return this.#one(certificates, (reads) => reads.certificate.get({ thumbprint }), fromCertificateRow);
  }

  certificates(client?: string): Promise<readonly CertificateRecord[]> {
    const find = (reads: ReadStatements) =>
      client === undefined ? reads.certificates.all() : reads.certificatesOfClient.all({ client });
    return this.#all(certificates, find, fromCertificateRow);
  }

  revokedCertificates(nowMs: number): Promise<readonly CertificateRecord[]> {
    return this.#all(certificates, (reads) => reads.revokedCertificates.all({ nowMs }), fromCertificateRow);
  }

  rootKey(id: string): Known<RootKeyRecord | undefined> {
    return (
      this.#known('rootKey', id) ??
      this.#keep('rootKey', id, () => this.#find(rootKeys, (reads) => reads.rootKey.get({ id }), fromRootKeyRow))
    ).found;
  }

  rootKeys(client: string): Known<readonly RootKeyRecord[]> {
    return (
      this.#known('rootKeys', client) ??
      this.#keep('rootKeys', client, () => this.#findAll(rootKeys, (reads) => reads.rootKeys.all({ client }), fromRootKeyRow))
    ).found;
  }

  rootKeySecret(id: string): Known<RootKey | undefined> {
    const open = (row: typeof rootKeys.$inferSelect) => {
      if (row.encryptedKey === null) return undefined;
      return new RootKey(decryptSecret(this.#context.keys, rootKeyPlace(row), row.encryptedKey));
    };
    return (
      this.#known('rootKeySecret', id) ??
      this.#keep('rootKeySecret', id, () => this.#find(rootKeys, (reads) => reads.rootKey.get({ id }), open))
    ).found;
  }

  audience(name: string): Known<AudienceRecord | undefined> {
    return (
      this.#known('audience', name) ??
      this.#keep('audience', name, () => this.#find(audiences, (reads) => reads.audience.get({ name }), fromAudienceRow))
    ).found;
  }

  audiences(): Promise<readonly AudienceRecord[]> {
    return this.#all(audiences, (reads) => reads.audiences.all(), fromAudienceRow);
  }

  audienceGenerations(audience: string): Known<readonly AudienceGenerationRecord[]> {
    const find = () =>
      this.#findAll(
        audienceGenerations,
        (reads) => reads.audienceGenerations.all({ audience }),
        ({ rowMac: _, ...record }) => record,
      );
    return (this.#known('audienceGenerations', audience) ?? this.#keep('audienceGenerations', audience, find)).found;
  }

  grant(client: string, audience: string): Known<GrantRecord | undefined> {
    const key = pairOf(client, audience);
    return (
      this.#known('grant', key) ??
      this.#keep('grant', key, () => this.#find(grants, (reads) => reads.grant.get({ client, audience }), fromGrantRow))
    ).found;
  }

  mintBasis(client: string, audience: string): Known<MintBasis | undefined> {
    const key = pairOf(client, audience);
    const { reads, keys } = this.#context;
    return (this.#known('mintBasis', key) ?? this.#keep('mintBasis', key, () => findMintBasis(reads, keys, client, audience)))
      .found;
  }

  async grants(client: string): Promise<readonly GrantRecord[]> {
    // Removed ones are left out here, not in SQL: a row whose `removed_at_ms` was altered must be noticed.
    const all = await this.#all(grants, (reads) => reads.grants.all({ client }), fromGrantRow);
    return all.filter((grant) => grant.removedAtMs === null);
  }

  verifierAudiences(client: string): Known<readonly string[]> {
    const find = () =>
      this.#findAll(
        verifiers,
        (reads) => reads.verifiers.all({ client }),
        (row) => row.audience,
      );
    return (this.#known('verifierAudiences', client) ?? this.#keep('verifierAudiences', client, find)).found;
  }

  async token(tokenId: string): Promise<TokenRecord | undefined> {
    const { reads, keys, run } = this.#context;
    return run(() => findToken(reads, keys, tokenId));
  }

  async latestIssue(): Promise<number> {
    const { reads, keys, run } = this.#context;
    return run(() => findLatestIssue(reads, keys));
  }

  revocationsAfter(
    after: number,
    audiences: readonly string[],
    nowMs: number,
    limit: number,
  ): Promise<readonly RevocationRecord[]> {
    const parameters = { after, audiences: JSON.stringify(audiences), nowMs, limit };
    return this.#all(revocations, (reads) => reads.revocationsAfter.all(parameters), fromRevocationRow);
  }

  async latestRevocationSeq(): Promise<number> {
    return this.#context.run(() => this.#context.reads.latestRevocationSeq.get()?.seq ?? 0);
  }

  findRevocation(of: RevocationLookup): Known<RevocationRecord | undefined> {
    const find = () => this.#find(revocations, (reads) => latestRevocation(reads, of), fromRevocationRow);
    if (of.kind === 'root_key') {
      const { rootKeyId } = of;
      return (this.#known('rootKeyRevocation', rootKeyId) ?? this.#keep('rootKeyRevocation', rootKeyId, find)).found;
    }
    return of.kind !== 'token' || this.#mayBeRevoked(of.tokenId) ? find() : undefined;
  }

  async audienceKeysAfter(audience: string, after: number, limit: number): Promise<readonly AudienceKeyRow[]> {
    const { reads, keys, run } = this.#context;
    return run(() => {
      const found = reads.audienceKeysAfter.all({ audience, after, limit });
      return found.flatMap((row, i) => {
        if (i === 0) checkRowMac(keys.rowKey, audiences, row.audience);
        checkRowMac(keys.rowKey, grants, row.grant);
        const { id, client, state, changeSeq } = checkRowMac(keys.rowKey, rootKeys, row.rootKey);
        if (state === 'destroyed') return [];
        return [{ rootKeyId: id, client, state, changeSeq: Math.max(changeSeq, row.grant.changeSeq, row.audience.changeSeq) }];
      });
    });
  }

  async latestChangeSeq(): Promise<number> {
    return this.#context.run(() => Number(this.#context.reads.setting.get({ name: 'change_seq' })?.value));
  }

  async audit(filter: AuditFilter): Promise<readonly AuditRecord[]> {
    const { db, run, pause } = this.#context;
    const ranges = rangesOf(db, filter);
    const rows: AuditRecord[] = [];
    for (;;) {
      const isComplete = run(() => {
        const range = ranges.next();
        if (range.done) return true;
        rows.push(...entriesIn(db, range.value, filter, filter.limit - rows.length).map(fromAuditRow));
        return rows.length === filter.limit;
      });
      if (isComplete) return rows;
      await pause?.();
    }
  }

  async #one<R extends PlainRow & { readonly rowMac: string }, T>(
    table: SQLiteTable,
    find: (reads: ReadStatements) => R | undefined,
    convert: (row: R) => T,
  ): Promise<T | undefined> {
    return this.#find(table, find, convert);
  }

  async #all<R extends PlainRow & { readonly rowMac: string }, T>(
    table: SQLiteTable,
    find: (reads: ReadStatements) => readonly R[],
    convert: (row: R) => T,
  ): Promise<readonly T[]> {
    return this.#findAll(table, find, convert);
  }

  /** What was found under `key` before. Makes no functions, as every request comes here a few times. */
  #known<Kind extends KeptKind>(kind: Kind, key: string): Kept<FoundOf<Kind>> | undefined {
    const { run, records } = this.#context;
    const kept: KeptRecords<unknown> | undefined = run(records)?.[kind];
    return kept?.get(key) as Kept<FoundOf<Kind>> | undefined;
  }

  /** What `find` finds, for the next time. */
  #keep<Kind extends KeptKind>(kind: Kind, key: string, find: () => FoundOf<Kind>): Kept<FoundOf<Kind>> {
    const { run, records } = this.#context;
    return run(() => {
      // Asked for before the rows are: what was found must not count for what others committed later.
      const kept: KeptRecords<unknown> | undefined = records()?.[kind];
      const found = find();
      kept?.set(key, found);
      return { found };
    });
  }

  #mayBeRevoked(tokenId: string): boolean {
    const { run, records, reads, pause } = this.#context;
    const read = (after: number, limit: number) => run(() => reads.revokedTokensAfter.values({ after, limit }));
    return run(() => records()?.revokedTokens.mayHold(tokenId, read, pause)) ?? true;
  }

  #find<R extends PlainRow & { readonly rowMac: string }, T>(
    table: SQLiteTable,
    find: (reads: ReadStatements) => R | undefined,
    convert: (row: R) => T,
  ): T | undefined {
    const { reads, keys, run } = this.#context;
    return run(() => {
      const row = find(reads);
      return row === undefined ? undefined : convert(checkRowMac(keys.rowKey, table, row));
    });
  }

  #findAll<R extends PlainRow & { readonly rowMac: string }, T>(
    table: SQLiteTable,
    find: (reads: ReadStatements) => readonly R[],
    convert: (row: R) => T,
  ): readonly T[] {
    const { reads, keys, run } = this.#context;
    return run(() => find(reads).map((row) => convert(checkRowMac(keys.rowKey, table, row))));
  }
}

/** One text for each pair of names. */
function pairOf(client: string, audience: string): string {
  return `${client.length} ${client} ${audience}`;
}

function latestRevocation(reads: ReadStatements, of: RevocationLookup) {
  switch (of.kind) {
    case 'token':
      return reads.revocationOfToken.get({ tokenId: of.tokenId });
    case 'client':
      return reads.revocationOfClient.get({ client: of.client });
    case 'root_key':
      return reads.revocationOfRootKey.get({ rootKeyId: of.rootKeyId });
    case 'audience_key':
      return reads.revocationOfAudienceKey.get({ audience: of.audience, generation: of.generation });
  }
}
