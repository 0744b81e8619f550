/**
 * Tables of the issuer's SQLite database. Times are integer Unix milliseconds, ids are text, lists are JSON text. Rows of named
 * things are never deleted, so a primary key is also the promise that a name is never reused.
 *
 * `row_mac` covers every other column of its row (row-mac.ts), so a bit that was flipped on disk or by hand is noticed.
 * Imports nothing of ours: drizzle-kit reads this file alone.
 */
import { type SQL, sql } from 'drizzle-orm';
import { check, index, integer, primaryKey, sqliteTable, text, unique, uniqueIndex } from 'drizzle-orm/sqlite-core';

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
    /** Null for none. */
    hosts: text('hosts'),
    createdAtMs: timeMs('created_at_ms'),
    lastIssuedAtMs: timeMs('last_issued_at_ms'),
    revokedUntilMs: timeMs('revoked_until_ms'),
    rowMac: rowMac(),
  },
  () => [
    check('clients_state', sql.raw(`"state" in ('active', 'disabled')`)),
    check('clients_auth_policy', isJson('auth_policy')),
    check('clients_ips', isJson('ips')),
    check('clients_hosts', isJson('hosts')),
    check('clients_last_issued_at', isTime('last_issued_at_ms')),
    check('clients_revoked_until', isTime('revoked_until_ms')),
  ],
);

/** What of `algorithm`, `secret_hash`, `public_key` and `binding` is there, and that the others are not. */
const hasOnly = (...present: readonly string[]): string =>
  ['algorithm', 'secret_hash', 'public_key', 'binding']
    .map((name) => `"${name}" is ${present.includes(name) ? 'not null' : 'null'}`)
    .join(' and ');

/** The secret is there for as long as the credential is live. */
const hasSecret = '("encrypted_secret" is null) = ("retired_at_ms" is not null)';
const hasNoSecret = '"encrypted_secret" is null';

/** A rowid table for the same reason as `root_keys`. */
export const credentials = sqliteTable(
  'credentials',
  {
    id: text('id').primaryKey(),
    client: text('client')
      .notNull()
      .references(() => clients.name),
    authMethod: text('auth_method', {
      enum: [
        'client_secret_basic',
        'http_sig',
        'challenge_response',
        'encrypted_time',
        'shared_key_hmac',
        'tls_client_auth',
        'self_signed_tls_client_auth',
      ],
    }).notNull(),
    algorithm: text('algorithm', {
      enum: [
        'hmac-sha256',
        'ed25519',
        'ecdsa-p256-sha256',
        'rsa-pss-sha512',
        'sign-ed25519',
        'sign-ecdsa-p256-sha256',
        'sign-rsa-pss-sha256',
        'decrypt-rsa-oaep-256',
      ],
    }),
    secretHash: text('secret_hash'),
    /** `v1.<key id>.<nonce>.<ciphertext>`; null once retired. */
    encryptedSecret: text('encrypted_secret'),
    publicKey: text('public_key'),
    binding: text('binding'),
    /** Null for none. */
    ips: text('ips'),
    createdAtMs: timeMs('created_at_ms'),
    retiredAtMs: integer('retired_at_ms'),
    rowMac: rowMac(),
  },
  (table) => [
    index('credentials_by_client').on(table.client),
    uniqueIndex('credentials_by_binding').on(table.binding).where(sql.raw('"binding" is not null')),
    check('credentials_secret_hash', sql.raw(`length("secret_hash") = 43`)),
    check('credentials_ips', isJson('ips')),
    // A check that is null passes: each case is made of `is` and of comparisons of columns that are not null.
    check(
      'credentials_proof',
      sql.raw(`case "auth_method"
      when 'client_secret_basic' then ${hasOnly('secret_hash')} and ${hasNoSecret}
      when 'http_sig' then case when "algorithm" is 'hmac-sha256' then ${hasOnly('algorithm')} and ${hasSecret}
        else ${hasOnly('algorithm', 'public_key')} and ${hasNoSecret}
          and "algorithm" in ('ed25519', 'ecdsa-p256-sha256', 'rsa-pss-sha512') end
      when 'challenge_response' then ${hasOnly('algorithm', 'public_key')} and ${hasNoSecret}
        and "algorithm" in ('sign-ed25519', 'sign-ecdsa-p256-sha256', 'sign-rsa-pss-sha256', 'decrypt-rsa-oaep-256')
      when 'encrypted_time' then ${hasOnly()} and ${hasSecret}
      when 'shared_key_hmac' then ${hasOnly('binding')} and "binding" glob 'enrolment:*' and ${hasSecret}
      when 'tls_client_auth' then ${hasOnly('binding')} and ${hasNoSecret}
        and ("binding" glob 'uri:*' or "binding" glob 'dns:*' or "binding" glob 'dn:*')
      when 'self_signed_tls_client_auth' then ${hasOnly('binding')} and "binding" glob 'x5t:*' and ${hasNoSecret}
      else 0 end`),
    ),
  ],
);

/** What lets its holder make an account. `client` is a name that nobody has yet, or null. */
export const invitations = sqliteTable(
  'invitations',
  {
    id: text('id').primaryKey(),
    client: text('client'),
    usesLeft: integer('uses_left').notNull(),
    encryptedKey: text('encrypted_key').notNull(),
    createdAtMs: timeMs('created_at_ms'),
    expiresAtMs: timeMs('expires_at_ms'),
    rowMac: rowMac(),
  },
  () => [check('invitations_uses_left', sql.raw(`"uses_left" >= 0`))],
);

/** Certificates that our CA issued, and foreign ones, without a serial, that were revoked. */
export const certificates = sqliteTable(
  'certificates',
  {
    thumbprint: text('thumbprint').primaryKey(),
    serial: text('serial'),
    client: text('client').references(() => clients.name),
    notBeforeMs: timeMs('not_before_ms'),
    notAfterMs: timeMs('not_after_ms'),
    issuedAtMs: timeMs('issued_at_ms'),
    revokedAtMs: integer('revoked_at_ms'),
    rowMac: rowMac(),
  },
  (table) => [
    index('certificates_by_client').on(table.client).where(sql.raw('"client" is not null')),
    uniqueIndex('certificates_by_serial').on(table.serial).where(sql.raw('"serial" is not null')),
    index('certificates_revoked').on(table.notAfterMs).where(sql.raw('"revoked_at_ms" is not null')),
    check('certificates_thumbprint', sql.raw(`length("thumbprint") = 43`)),
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
    /** Null for none. */
    bind: text('bind'),
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
    check('grants_bind', isJson('bind')),
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
    index('revocations_by_audience_key').on(table.audience, table.generation).where(sql.raw('"generation" is not null')),
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

/**
 * Appended to, never changed. `mac` chains each row to the one before it (audit-chain.ts). The entry of a token is all that is kept of it
 * (token-entries.ts): a table of tokens beside it was an eighth of every mint.
 */
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
  () => [check('audit_details', sql.raw(`json_valid("details") and length(cast("details" as blob)) <= 4096`))],
);

/** In which blocks of the audit log there are entries of a kind: see audit-blocks.ts. */
export const auditBlocks = sqliteTable(
  'audit_blocks',
  {
    kind: text('kind', { enum: ['event', 'name', 'audience', 'hour', 'token'] }).notNull(),
    value: text('value').notNull(),
    block: integer('block').notNull(),
  },
  (table) => [primaryKey({ name: 'audit_blocks_key', columns: [table.kind, table.value, table.block] })],
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
