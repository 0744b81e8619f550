/**
 * Tables of the issuer's SQLite database. Times are integer Unix milliseconds, ids are text, lists are JSON text. Rows of named
 * things are never deleted, so a primary key is also the promise that a name is never reused.
 *
 * `row_mac` covers every other column of its row (row-mac.ts), so a bit that was flipped on disk or by hand is noticed.
 * Imports nothing of ours: drizzle-kit reads this file alone.
 */
import { type SQL, sql } from 'drizzle-orm';
import { check, foreignKey, index, integer, primaryKey, sqliteTable, text, unique } from 'drizzle-orm/sqlite-core';

const rowMac = () => text('row_mac').notNull();
const timeMs = (name: string) => integer(name).notNull();
const isTime = (name: string): SQL => sql.raw(`"${name}" >= 0`);
const isJson = (name: string): SQL => sql.raw(`json_valid("${name}")`);

export const clients = sqliteTable(
  'clients',
  {
    name: text('name').primaryKey(),
    state: text('state', { enum: ['active', 'disabled'] }).notNull(),
    authPolicy: text('auth_policy').notNull(),
    ips: text('ips').notNull(),
    createdAtMs: timeMs('created_at_ms'),
    lastIssuedAtMs: timeMs('last_issued_at_ms'),
    revokedUntilMs: timeMs('revoked_until_ms'),
    rowMac: rowMac(),
  },
  () => [
    check('clients_state', sql.raw(`"state" in ('active', 'disabled')`)),
    check('clients_auth_policy', isJson('auth_policy')),
    check('clients_ips', isJson('ips')),
    check('clients_last_issued_at', isTime('last_issued_at_ms')),
    check('clients_revoked_until', isTime('revoked_until_ms')),
  ],
);

export const credentials = sqliteTable(
  'credentials',
  {
    id: text('id').primaryKey(),
    client: text('client')
      .notNull()
      .references(() => clients.name),
    authMethod: text('auth_method', { enum: ['client_secret_basic'] }).notNull(),
    secretHash: text('secret_hash').notNull(),
    createdAtMs: timeMs('created_at_ms'),
    retiredAtMs: integer('retired_at_ms'),
    rowMac: rowMac(),
  },
  (table) => [
    index('credentials_by_client').on(table.client),
    check('credentials_secret_hash', sql.raw(`length("secret_hash") = 43`)),
  ],
);

/** A rowid table: its rows are appended and stay where they are, so that erasing an encrypted key leaves no copy in a moved page. */
export const rootKeys = sqliteTable(
  'root_keys',
  {
    id: text('id').primaryKey(),
    client: text('client')
      .notNull()
      .references(() => clients.name),
    generation: integer('generation').notNull(),
    state: text('state', { enum: ['active', 'passive', 'destroyed'] }).notNull(),
    /** `v1.<key id>.<nonce>.<ciphertext>`; null once destroyed. */
    encryptedKey: text('encrypted_key'),
    createdAtMs: timeMs('created_at_ms'),
    changeSeq: integer('change_seq').notNull(),
    rowMac: rowMac(),
  },
  (table) => [
    unique('root_keys_by_client').on(table.client, table.generation),
    check('root_keys_state', sql.raw(`"state" in ('active', 'passive', 'destroyed')`)),
    check('root_keys_generation', sql.raw(`"generation" >= 1`)),
    check('root_keys_destroyed', sql.raw(`("state" = 'destroyed') = ("encrypted_key" is null)`)),
  ],
);

export const audiences = sqliteTable(
  'audiences',
  {
    name: text('name').primaryKey(),
    generation: integer('generation').notNull(),
    createdAtMs: timeMs('created_at_ms'),
    changeSeq: integer('change_seq').notNull(),
    rowMac: rowMac(),
  },
  () => [check('audiences_generation', sql.raw(`"generation" between 0 and 4294967295`))],
);

export const audienceGenerations = sqliteTable(
  'audience_generations',
  {
    audience: text('audience')
      .notNull()
      .references(() => audiences.name),
    generation: integer('generation').notNull(),
    revokedAtMs: integer('revoked_at_ms'),
    rowMac: rowMac(),
  },
  (table) => [
    primaryKey({ name: 'audience_generations_key', columns: [table.audience, table.generation] }),
    check('audience_generations_generation', sql.raw(`"generation" between 0 and 4294967295`)),
  ],
);

export const grants = sqliteTable(
  'grants',
  {
    client: text('client')
      .notNull()
      .references(() => clients.name),
    audience: text('audience')
      .notNull()
      .references(() => audiences.name),
    actions: text('actions').notNull(),
    maxExpiresMs: integer('max_expires_ms').notNull(),
    requiredCaveats: text('required_caveats').notNull(),
    createdAtMs: timeMs('created_at_ms'),
    removedAtMs: integer('removed_at_ms'),
    changeSeq: integer('change_seq').notNull(),
    rowMac: rowMac(),
  },
  (table) => [
    primaryKey({ name: 'grants_key', columns: [table.client, table.audience] }),
    index('grants_by_audience').on(table.audience),
    check('grants_actions', isJson('actions')),
    check('grants_max_expires', sql.raw(`"max_expires_ms" > 0`)),
    check('grants_required_caveats', isJson('required_caveats')),
  ],
);

export const verifiers = sqliteTable(
  'verifiers',
  {
    client: text('client')
      .notNull()
      .references(() => clients.name),
    audience: text('audience')
      .notNull()
      .references(() => audiences.name),
    createdAtMs: timeMs('created_at_ms'),
    rowMac: rowMac(),
  },
  (table) => [primaryKey({ name: 'verifiers_key', columns: [table.client, table.audience] })],
);

export const tokens = sqliteTable(
  'tokens',
  {
    tokenId: text('token_id').primaryKey(),
    client: text('client')
      .notNull()
      .references(() => clients.name),
    audience: text('audience').notNull(),
    rootKeyId: text('root_key_id')
      .notNull()
      .references(() => rootKeys.id),
    generation: integer('generation').notNull(),
    credentialId: text('credential_id').references(() => credentials.id),
    issuedAtMs: timeMs('issued_at_ms'),
    expiresAtMs: timeMs('expires_at_ms'),
    rowMac: rowMac(),
  },
  (table) => [
    foreignKey({
      name: 'tokens_generation',
      columns: [table.audience, table.generation],
      foreignColumns: [audienceGenerations.audience, audienceGenerations.generation],
    }),
    index('tokens_by_client').on(table.client, table.expiresAtMs),
    index('tokens_by_root_key').on(table.rootKeyId, table.expiresAtMs),
    index('tokens_by_audience').on(table.audience, table.generation, table.expiresAtMs),
    check('tokens_expires_at', sql.raw(`"expires_at_ms" > "issued_at_ms"`)),
  ],
);

export const revocations = sqliteTable(
  'revocations',
  {
    seq: integer('seq').primaryKey({ autoIncrement: true }),
    kind: text('kind', { enum: ['token', 'client', 'root_key', 'audience_key'] }).notNull(),
    tokenId: text('token_id'),
    client: text('client').references(() => clients.name),
    untilMs: integer('until_ms'),
    rootKeyId: text('root_key_id').references(() => rootKeys.id),
    audience: text('audience').references(() => audiences.name),
    generation: integer('generation'),
    revokedAtMs: timeMs('revoked_at_ms'),
    expiresAtMs: timeMs('expires_at_ms'),
    reason: text('reason'),
    rowMac: rowMac(),
  },
  (table) => [
    index('revocations_by_token').on(table.tokenId).where(sql.raw('"token_id" is not null')),
    index('revocations_by_root_key').on(table.rootKeyId).where(sql.raw('"root_key_id" is not null')),
    index('revocations_by_client').on(table.client).where(sql.raw('"client" is not null')),
    check(
      'revocations_target',
      sql.raw(`case "kind"
      when 'token' then "token_id" is not null and "audience" is not null
      when 'client' then "client" is not null and "until_ms" is not null
      when 'root_key' then "root_key_id" is not null
      when 'audience_key' then "audience" is not null and "generation" is not null
      else 0 end`),
    ),
  ],
);

/** Appended to, never changed. `mac` chains each row to the one before it (audit-chain.ts). */
export const audit = sqliteTable(
  'audit',
  {
    seq: integer('seq').primaryKey(),
    atMs: timeMs('at_ms'),
    event: text('event').notNull(),
    actor: text('actor').notNull(),
    client: text('client'),
    audience: text('audience'),
    tokenId: text('token_id'),
    address: text('address'),
    requestId: text('request_id'),
    details: text('details').notNull(),
    mac: text('mac').notNull(),
  },
  (table) => [
    index('audit_by_client').on(table.client).where(sql.raw('"client" is not null')),
    index('audit_by_audience').on(table.audience).where(sql.raw('"audience" is not null')),
    index('audit_by_token').on(table.tokenId).where(sql.raw('"token_id" is not null')),
    index('audit_by_event').on(table.event),
    index('audit_by_actor').on(table.actor),
    index('audit_by_time').on(table.atMs),
    check('audit_details', sql.raw(`json_valid("details") and length(cast("details" as blob)) <= 4096`)),
  ],
);

/** The store's own facts: `install_id`, `key_check`, `change_seq`. */
export const settings = sqliteTable('settings', {
  name: text('name').primaryKey(),
  value: text('value').notNull(),
});

/** The company CA and the server's certificate, with their private keys encrypted. */
export const pki = sqliteTable('pki', {
  name: text('name').primaryKey(),
  certificatePem: text('certificate_pem').notNull(),
  encryptedPrivateKey: text('encrypted_private_key').notNull(),
  notAfterMs: timeMs('not_after_ms'),
  createdAtMs: timeMs('created_at_ms'),
  rowMac: rowMac(),
});
