/** The prepared statements of a connection. Building a statement costs fifteen times what running it does, so they are made once. */
import {
  and,
  asc,
  desc,
  eq,
  getTableColumns,
  gt,
  gte,
  inArray,
  is,
  isNotNull,
  ne,
  or,
  Param,
  Placeholder,
  type SQL,
  sql,
} from 'drizzle-orm';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import { type BlockNote, isInTokenBlock } from './audit-blocks.js';
import type { AuditRow } from './audit-chain.js';
import type { SqliteConnection } from './open-sqlite.js';
import type { PlainRow } from './row-mac.js';
import {
  audienceGenerations,
  audiences,
  audit,
  auditBlocks,
  certificates,
  clients,
  credentials,
  grants,
  invitations,
  pki,
  revocations,
  rootKeys,
  settings,
  verifiers,
} from './sqlite-schema.js';

const value = sql.placeholder;

/** Statements that read, for any connection. */
export function prepareReads(db: BetterSQLite3Database) {
  return {
    ...prepareClientReads(db),
    ...prepareProofReads(db),
    ...prepareAudienceReads(db),
    ...prepareFeedReads(db),
    ...prepareTokenReads(db),
    setting: db
      .select({ value: settings.value })
      .from(settings)
      .where(eq(settings.name, value('name')))
      .prepare(),
    pki: db
      .select()
      .from(pki)
      .where(eq(pki.name, value('name')))
      .prepare(),
  };
}

function prepareClientReads(db: BetterSQLite3Database) {
  return {
    client: db
      .select()
      .from(clients)
      .where(eq(clients.name, value('name')))
      .prepare(),
    clients: db.select().from(clients).orderBy(asc(clients.name)).prepare(),
    clientsOfHost: db
      .select()
      .from(clients)
      .where(inArray(value('host'), sql`(select value from json_each(${clients.hosts}))`))
      .orderBy(asc(clients.name))
      .prepare(),
    rootKey: db
      .select()
      .from(rootKeys)
      .where(eq(rootKeys.id, value('id')))
      .prepare(),
    rootKeys: db
      .select()
      .from(rootKeys)
      .where(eq(rootKeys.client, value('client')))
      .orderBy(asc(rootKeys.generation))
      .prepare(),
  };
}

/** Statements about what proves a client. */
function prepareProofReads(db: BetterSQLite3Database) {
  const newestFirst = [desc(certificates.issuedAtMs), asc(certificates.thumbprint)] as const;
  return {
    credential: db
      .select()
      .from(credentials)
      .where(eq(credentials.id, value('id')))
      .prepare(),
    credentials: db
      .select()
      .from(credentials)
      .where(eq(credentials.client, value('client')))
      .orderBy(asc(credentials.createdAtMs), asc(credentials.id))
      .prepare(),
    credentialByBinding: db
      .select()
      .from(credentials)
      .where(eq(credentials.binding, value('binding')))
      .prepare(),
    invitation: db
      .select()
      .from(invitations)
      .where(eq(invitations.id, value('id')))
      .prepare(),
    invitations: db.select().from(invitations).orderBy(asc(invitations.createdAtMs), asc(invitations.id)).prepare(),
    certificate: db
      .select()
      .from(certificates)
      .where(eq(certificates.thumbprint, value('thumbprint')))
      .prepare(),
    certificates: db
      .select()
      .from(certificates)
      .orderBy(...newestFirst)
      .prepare(),
    certificatesOfClient: db
      .select()
      .from(certificates)
      .where(eq(certificates.client, value('client')))
      .orderBy(...newestFirst)
      .prepare(),
    revokedCertificates: db
      .select()
      .from(certificates)
      .where(
        and(isNotNull(certificates.revokedAtMs), isNotNull(certificates.serial), gte(certificates.notAfterMs, value('nowMs'))),
      )
      .orderBy(...newestFirst)
      .prepare(),
  };
}

function prepareAudienceReads(db: BetterSQLite3Database) {
  return {
    audience: db
      .select()
      .from(audiences)
      .where(eq(audiences.name, value('name')))
      .prepare(),
    audiences: db.select().from(audiences).orderBy(asc(audiences.name)).prepare(),
    audienceGenerations: db
      .select()
      .from(audienceGenerations)
      .where(eq(audienceGenerations.audience, value('audience')))
      .orderBy(asc(audienceGenerations.generation))
      .prepare(),
    grant: db
      .select()
      .from(grants)
      .where(and(eq(grants.client, value('client')), eq(grants.audience, value('audience'))))
      .prepare(),
    grants: db
      .select()
      .from(grants)
      .where(eq(grants.client, value('client')))
      .orderBy(asc(grants.audience))
      .prepare(),
    verifiers: db
      .select()
      .from(verifiers)
      .where(eq(verifiers.client, value('client')))
      .orderBy(asc(verifiers.audience))
      .prepare(),
  };
}

function latestRevocation(db: BetterSQLite3Database, condition: SQL | undefined) {
  return db.select().from(revocations).where(condition).orderBy(desc(revocations.seq)).limit(1).prepare();
}

/** Statements behind the feeds of revocations, key changes and audit entries. */
function prepareFeedReads(db: BetterSQLite3Database) {
  const changeSeq = sql<number>`max(${rootKeys.changeSeq}, ${grants.changeSeq}, ${audiences.changeSeq})`;
  return {
    revocationsAfter: db
      .select()
      .from(revocations)
      .where(
        and(
          gt(revocations.seq, value('after')),
          gte(revocations.expiresAtMs, value('nowMs')),
          or(
            inArray(revocations.kind, ['client', 'root_key']),
            inArray(revocations.audience, sql`(select value from json_each(${value('audiences')}))`),
          ),
        ),
      )
      .orderBy(asc(revocations.seq))
      .limit(value('limit'))
      .prepare(),
    revokedTokensAfter: db
      .select({ seq: revocations.seq, tokenId: revocations.tokenId })
      .from(revocations)
      .where(gt(revocations.seq, value('after')))
      .orderBy(asc(revocations.seq))
      .limit(value('limit'))
      .prepare(),
    latestRevocationSeq: db
      .select({ seq: sql<number>`seq` })
      .from(sql`sqlite_sequence`)
      .where(sql`name = 'revocations'`)
      .prepare(),
    // Not by kind: each of these columns is filled in one kind alone, and an altered kind must be found, not passed over.
    revocationOfToken: latestRevocation(db, eq(revocations.tokenId, value('tokenId'))),
    revocationOfClient: latestRevocation(db, eq(revocations.client, value('client'))),
    revocationOfRootKey: latestRevocation(db, eq(revocations.rootKeyId, value('rootKeyId'))),
    revocationOfAudienceKey: latestRevocation(
      db,
      and(eq(revocations.audience, value('audience')), eq(revocations.generation, value('generation'))),
    ),
    audienceKeysAfter: db
      .select({ rootKey: rootKeys, grant: grants, audience: audiences })
      .from(grants)
      .innerJoin(rootKeys, eq(rootKeys.client, grants.client))
      .innerJoin(audiences, eq(audiences.name, grants.audience))
      .where(and(eq(grants.audience, value('audience')), ne(rootKeys.state, 'destroyed'), sql`${changeSeq} > ${value('after')}`))
      .orderBy(asc(changeSeq), asc(rootKeys.id))
      .limit(value('limit'))
      .prepare(),
    auditMac: db
      .select({ mac: audit.mac })
      .from(audit)
      .where(eq(audit.seq, value('seq')))
      .prepare(),
    lastAudit: db.select({ seq: audit.seq, mac: audit.mac }).from(audit).orderBy(desc(audit.seq)).limit(1).prepare(),
    auditAfter: db
      .select()
      .from(audit)
      .where(gt(audit.seq, value('after')))
      .orderBy(asc(audit.seq))
      .limit(value('limit'))
      .prepare(),
  };
}

/** Statements that look for a token in the blocks of the audit log that are noted for it. */
function prepareTokenReads(db: BetterSQLite3Database) {
  const isNoted = and(eq(auditBlocks.kind, 'token'), inArray(auditBlocks.value, [value('id'), value('step')]));
  const inNotedBlocks = () => db.select(getTableColumns(audit)).from(auditBlocks).innerJoin(audit, isInTokenBlock());
  return {
    // Not by event, which may have been altered: the first entry that names a token is the one of its minting.
    firstAuditOfToken: inNotedBlocks()
      .where(and(isNoted, eq(audit.tokenId, value('id'))))
      .orderBy(asc(audit.seq))
      .limit(1)
      .prepare(),
    newestTokenNote: db
      .select({ value: sql<string | null>`max(${auditBlocks.value})` })
      .from(auditBlocks)
      .where(eq(auditBlocks.kind, 'token'))
      .prepare(),
    // Ids begin with their time.
    auditOfNewestToken: inNotedBlocks()
      .where(and(isNoted, isNotNull(audit.tokenId)))
      .orderBy(desc(audit.tokenId))
      .limit(1)
      .prepare(),
  };
}

interface BuiltQuery {
  toSQL(): { readonly sql: string; readonly params: readonly unknown[] };
}

/** Runs a write of `row`. */
type Write = (row: PlainRow) => { readonly changes: number };

/**
 * A write that is run straight on the driver: filling in and running it through drizzle takes as long as SQLite does. No column of ours is stored
 * in another form than it is given.
 */
function prepareWrite({ sqlite }: SqliteConnection, query: BuiltQuery): Write {
  const { sql: text, params } = query.toSQL();
  const names = params.map(nameOfPlaceholder);
  const statement = sqlite.prepare<unknown[]>(text);
  return (row) => statement.run(names.map((name) => row[name] ?? null));
}

/** How many rows one run inserts: as many as there are of the first, then of the next. */
const insertSizes = [16, 8, 4, 2, 1] as const;

/** Inserts any number of rows in few runs: `insertOf` builds the insert of so many, `add` adds what a row has to its values, in the order of the columns. */
function prepareInserts<Row>(
  { sqlite }: SqliteConnection,
  insertOf: (count: number) => BuiltQuery,
  add: (values: unknown[], row: Row) => void,
): (rows: readonly Row[]) => void {
  const statements = insertSizes.map((size) => ({ size, statement: sqlite.prepare<unknown[]>(insertOf(size).toSQL().sql) }));
  return (rows) => {
    let done = 0;
    for (const { size, statement } of statements) {
      for (; rows.length - done >= size; done += size) {
        const values: unknown[] = [];
        for (let i = done; i < done + size; i++) add(values, rows[i] as Row);
        // As arguments: the driver takes a fifth longer to read them out of an array.
        statement.run(...values);
      }
    }
  };
}

function addEntry(values: unknown[], row: AuditRow): void {
  const { seq, atMs, event, actor, client, audience, tokenId, address, requestId, details, mac } = row;
  values.push(seq, atMs, event, actor, client, audience, tokenId, address, requestId, details, mac);
}

function addNote(values: unknown[], { kind, value, block }: BlockNote): void {
  values.push(kind, value, block);
}

function nameOfPlaceholder(param: unknown): string {
  const placeholder = is(param, Param) ? param.value : param;
  if (is(placeholder, Placeholder)) return placeholder.name;
  throw new Error('a prepared write takes placeholders alone');
}

/** Statements that write and are run for every mint. The others are rare and built where they are used. */
export function prepareWrites(connection: SqliteConnection) {
  const { db } = connection;
  const entry = {
    seq: value('seq'),
    atMs: value('atMs'),
    event: value('event'),
    actor: value('actor'),
    client: value('client'),
    audience: value('audience'),
    tokenId: value('tokenId'),
    address: value('address'),
    requestId: value('requestId'),
    details: value('details'),
    mac: value('mac'),
  };
  const note = { kind: value('kind'), value: value('value'), block: value('block') };
  return {
    insertAudit: prepareInserts(connection, (count) => db.insert(audit).values(Array(count).fill(entry)), addEntry),
    noteBlocks: prepareInserts(
      connection,
      (count) => db.insert(auditBlocks).values(Array(count).fill(note)).onConflictDoNothing(),
      addNote,
    ),
    updateClient: prepareWrite(
      connection,
      db
        .update(clients)
        .set({
          state: sql`${value('state')}`,
          authPolicy: sql`${value('authPolicy')}`,
          ips: sql`${value('ips')}`,
          hosts: sql`${value('hosts')}`,
          createdAtMs: sql`${value('createdAtMs')}`,
          lastIssuedAtMs: sql`${value('lastIssuedAtMs')}`,
          revokedUntilMs: sql`${value('revokedUntilMs')}`,
          rowMac: sql`${value('rowMac')}`,
        })
        .where(eq(clients.name, value('name'))),
    ),
    nextChangeSeq: db
      .update(settings)
      .set({ value: sql`cast(${settings.value} as integer) + 1` })
      .where(eq(settings.name, 'change_seq'))
      .returning({ value: settings.value })
      .prepare(),
  };
}

export type ReadStatements = ReturnType<typeof prepareReads>;
export type WriteStatements = ReturnType<typeof prepareWrites>;
