import { createHmac, type KeyObject } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { migrate } from 'drizzle-orm/better-sqlite3/migrator';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeBase64url } from '../../../../src/core/index.js';
import type { RevokeRequest } from '../../../../src/protocol/wire.js';
import { runDoctor } from '../../../../src/server/doctor.js';
import { adminActions } from '../../../../src/server/domain/issuer.js';
import { revoke } from '../../../../src/server/domain/revoking.js';
import { revocationOf } from '../../../../src/server/domain/verifier-feed.js';
import { createCertificateTools } from '../../../../src/server/pki/certificate-tools.js';
import { dataFiles } from '../../../../src/server/store/data-files.js';
import { deriveStoreKeys, encryptSecret, type StoreKeys } from '../../../../src/server/store/encryption.js';
import { writeInstallation } from '../../../../src/server/store/installation.js';
import { loadDriver, openConnection } from '../../../../src/server/store/open-sqlite.js';
import type { IssuerStore } from '../../../../src/server/store/sqlite-store.js';
import {
  atMs,
  client,
  credential,
  grant,
  hmacCredential,
  rootKey,
  secretOf,
  tlsCredential,
  token,
  tokenIdOf,
} from '../../../contract/store-fixtures.js';
import { type TemporaryData, temporaryData } from './temporary-store.js';

type Row = Readonly<Record<string, string | number | null>>;

const migrations = new URL('../../../../migrations/sqlite', import.meta.url).pathname;

/** The migrations up to and with number `last`, in a folder of their own. */
function migrationsUpTo(last: number, folder: string): string {
  cpSync(migrations, folder, { recursive: true });
  const file = join(folder, 'meta', '_journal.json');
  const journal = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...journal, entries: journal.entries.slice(0, last + 1) }));
  return folder;
}

/** The MAC of a row as the first version computed it, written anew here. */
function firstMac(key: KeyObject, table: string, row: Row): string {
  const part = (text: string) => `${Buffer.byteLength(text)}:${text}`;
  const columns = Object.entries(row)
    .filter(([, value]) => value !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => part(name) + part(`${typeof value === 'number' ? 'i' : 's'}${value}`));
  return createHmac('sha256', key)
    .update(part(table) + columns.join(''))
    .digest('base64url');
}

function insert(sqlite: Database.Database, table: string, row: Row): void {
  const names = Object.keys(row);
  const places = names.map(() => '?').join();
  sqlite.prepare(`insert into ${table} (${names.join()}) values (${places})`).run(...Object.values(row));
}

const retired = { retired_at_ms: atMs + 7 };
const credentialRow = { client: 'mail', auth_method: 'client_secret_basic', secret_hash: 'h'.repeat(43), created_at_ms: atMs };
/** Two of the same time, and one of a clock that was behind. */
const [firstId, secondId, thirdId] = [tokenIdOf(atMs, 1), tokenIdOf(atMs, 2), tokenIdOf(atMs - 5)] as const;
const expiresAtMs = atMs + 3_600_001;
const tokenRow = { client: 'mail', audience: 'invoice', root_key_id: 'key-mail', generation: 0, issued_at_ms: atMs };

function oldRows(
  keys: StoreKeys,
  randomBytes: (length: number) => Uint8Array,
  last_issued_at_ms: number,
): readonly (readonly [string, Row])[] {
  const place = { table: 'root_keys', rowId: 'key-mail', purpose: 'root-key', owner: 'mail', generation: 1 } as const;
  const encrypted_key = encryptSecret(keys, place, secretOf(7).reveal(), randomBytes);
  const { createdAtMs: created_at_ms } = client('mail');
  const issued = { last_issued_at_ms, revoked_until_ms: 0 };
  const policy = { auth_policy: '[["client_secret_basic","ip"]]', ips: '["10.0.0.0/8","2001:db8::/32"]' };
  const allowed = { actions: '["invoices:read","invoices:*"]', max_expires_ms: 3_600_000, required_caveats: '["ip 10.0.0.0/8"]' };
  return [
    ['audiences', { name: 'invoice', generation: 0, created_at_ms, change_seq: 1 }],
    ['audience_generations', { audience: 'invoice', generation: 0, revoked_at_ms: null }],
    ['clients', { name: 'mail', state: 'active', ...policy, created_at_ms, ...issued }],
    ['credentials', { id: 'cred-mail', ...credentialRow, retired_at_ms: null }],
    ['credentials', { id: 'cred-a', ...credentialRow, ...retired, created_at_ms: atMs - 1 }],
    [
      'root_keys',
      { id: 'key-mail', client: 'mail', generation: 1, state: 'active', encrypted_key, created_at_ms, change_seq: 2 },
    ],
    ['grants', { client: 'mail', audience: 'invoice', ...allowed, created_at_ms, removed_at_ms: null, change_seq: 3 }],
    ['verifiers', { client: 'mail', audience: 'invoice', created_at_ms }],
    ['tokens', { token_id: firstId, ...tokenRow, credential_id: 'cred-mail', expires_at_ms: expiresAtMs }],
    ['tokens', { token_id: secondId, ...tokenRow, credential_id: 'cred-a', expires_at_ms: expiresAtMs }],
    ['tokens', { token_id: thirdId, ...tokenRow, issued_at_ms: atMs - 5, credential_id: null, expires_at_ms: expiresAtMs }],
  ];
}

/** What the first version wrote with a token. */
function oldMinted(token_id: string, credential_id: string | null): Row {
  const expires_at = new Date(expiresAtMs).toISOString();
  const details = {
    actions_count: 1,
    auth_methods: ['client_secret_basic'],
    caveats_count: 0,
    credential_id,
    expires_at,
    root_key_id: 'key-mail',
  };
  return {
    event: 'token.minted',
    actor: 'mail',
    client: 'mail',
    audience: 'invoice',
    token_id,
    details: JSON.stringify(details),
  };
}

/** An entry of the audit log and its MAC, as the first version computed it, written anew here. */
function oldEntry(keys: StoreKeys, seq: number, previousMac: string, other: Row = {}): Row {
  const part = (text: string) => `${Buffer.byteLength(text)}:${text}`;
  const row: Row = { seq, at_ms: atMs + seq, event: 'client.created', actor: 'admin', details: '{"hosts":[]}', ...other };
  const columns = Object.entries(row)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => part(name) + part(`${typeof value === 'number' ? 'i' : 's'}${value}`));
  const mac = createHmac('sha256', keys.auditKey)
    .update(part(previousMac) + part(part('audit') + columns.join('')))
    .digest('base64url');
  return { ...row, mac };
}

let data: TemporaryData;
let folder: string;
const database = () => dataFiles(data.directory).database;

/**
 * A database with the migrations up to and with number `last`, and rows of everything that there was in the first version. The client's issue time is
 * `aheadMs` beyond that of its newest token. `more` are entries at the end of the audit log.
 */
async function makeOldDatabase(last: number, aheadMs = 0, more: readonly Row[] = []): Promise<void> {
  const { masterKey, randomBytes } = data.options;
  mkdirSync(data.directory, { mode: 0o700 });
  writeFileSync(database(), '', { mode: 0o600 });
  const connection = openConnection(await loadDriver(), database(), 'write');
  migrate(connection.db, { migrationsFolder: migrationsUpTo(last, folder) });
  writeInstallation(connection, masterKey, randomBytes);
  const installId = connection.sqlite.prepare("select value from settings where name = 'install_id'").pluck().get();
  const keys = deriveStoreKeys(masterKey, String(installId));
  for (const [table, row] of oldRows(keys, randomBytes, atMs + aheadMs)) {
    insert(connection.sqlite, table, { ...row, row_mac: firstMac(keys.rowKey, table, row) });
  }
  const entries: readonly Row[] = [
    { client: 'mail' },
    { event: 'grant.put', client: 'mail', audience: 'invoice', at_ms: client('mail').createdAtMs },
    oldMinted(firstId, 'cred-mail'),
    oldMinted(secondId, 'cred-a'),
    oldMinted(thirdId, null),
    ...more,
  ];
  const note = last < 2 ? undefined : connection.sqlite.prepare('insert or ignore into audit_blocks values (?, ?, 0)');
  let mac = '';
  for (const [i, entry] of entries.entries()) {
    const row = oldEntry(keys, i + 1, mac, entry);
    insert(connection.sqlite, 'audit', row);
    mac = String(row['mac']);
    if (note === undefined) continue;
    const [event, actor, hour] = [String(row['event']), String(row['actor']), new Date(atMs).toISOString().slice(0, 13)];
    const notes = { event: [event], name: [actor, row['client']], audience: [row['audience']], hour: [hour] };
    for (const [kind, values] of Object.entries(notes)) {
      for (const value of values) if (value !== undefined) note.run(kind, value);
    }
  }
  connection.close();
}

beforeEach(() => {
  data = temporaryData();
  folder = mkdtempSync(join(tmpdir(), 'macaroond-migrations-'));
});
afterEach(async () => {
  await data.dispose();
  rmSync(folder, { recursive: true });
});

describe('a database that the first version made', () => {
  beforeEach(() => makeOldDatabase(0));

  it('is not read before it was migrated', async () => {
    await expect(data.open({ mode: 'read' })).rejects.toMatchObject({ code: 'ERR_DATA_DIRECTORY' });
  });

  it.each(['local', 'serve'] as const)('keeps every row, with its MAC, when it is opened for %s', async (mode) => {
    await (await data.open({ mode })).close();
    const { read } = await data.open({ mode: 'read' });
    expect(await read.clients()).toEqual([client('mail', { lastIssuedAtMs: atMs })]);
    expect(await read.credentials('mail')).toEqual([
      credential('cred-a', 'mail', { createdAtMs: atMs - 1, retiredAtMs: atMs + 7 }),
      credential('cred-mail', 'mail'),
    ]);
    expect(await read.credentialSecret('cred-mail')).toBeUndefined();
    expect(await read.rootKeys('mail')).toEqual([rootKey('key-mail', 'mail', { changeSeq: 2 })]);
    expect((await read.rootKeySecret('key-mail'))?.reveal()).toEqual(secretOf(7).reveal());
    expect(await read.grants('mail')).toEqual([grant('mail', 'invoice', { changeSeq: 3 })]);
    expect(await read.verifierAudiences('mail')).toEqual(['invoice']);
    expect(await read.audienceGenerations('invoice')).toHaveLength(1);
    for (const tokenId of [firstId, secondId, thirdId])
      expect(await read.token(tokenId)).toEqual(token(tokenId, { expiresAtMs }));
    expect(await read.latestIssue()).toBe(atMs);
  });

  it('keeps its audit log, in which every entry is found by what it is about', async () => {
    const store = await data.open();
    expect(await store.verifyAuditChain()).toMatchObject({ ok: true, entries: 5 });
    await store.transaction('grow', (tx) => tx.appendAudit({ atMs: atMs + 6, event: 'later', actor: 'batch', details: {} }));
    expect(await store.verifyAuditChain()).toMatchObject({ ok: true, entries: 6 });
    const seqs = async (filter: object) => (await store.read.audit({ limit: 10, ...filter })).map(({ seq }) => seq);
    expect(await seqs({ client: 'mail' })).toEqual([1, 2, 3, 4, 5]);
    expect(await seqs({ actor: 'batch' })).toEqual([6]);
    expect(await seqs({ actor: 'admin' })).toEqual([1, 2]);
    expect(await seqs({ event: 'grant.put' })).toEqual([2]);
    expect(await seqs({ audience: 'invoice' })).toEqual([2, 3, 4, 5]);
    expect(await seqs({ sinceMs: atMs + 5 })).toEqual([5, 6]);
    expect(await seqs({ tokenId: secondId })).toEqual([4]);
    expect(await seqs({ tokenId: thirdId })).toEqual([5]);
  });

  it('takes what is new, in its old rows and beside them', async () => {
    const store = await data.open();
    const bound = grant('mail', 'invoice', { bind: ['certificate'], changeSeq: 4 });
    await store.transaction('grow', async (tx) => {
      await tx.updateClient(client('mail', { hosts: ['mail.example.com'] }));
      await tx.putGrant(bound);
      await tx.updateCredential(credential('cred-mail', 'mail', { retiredAtMs: atMs + 9 }));
      await tx.insertCredential(hmacCredential('cred-hmac', 'mail'), new Uint8Array(32));
      await tx.insertCredential(tlsCredential('cred-tls', 'mail', 'dns:mail.example.com'));
    });
    expect(await store.read.clientsOfHost('mail.example.com')).toEqual(['mail']);
    expect(await store.read.grant('mail', 'invoice')).toEqual(bound);
    expect((await store.read.credential('cred-mail'))?.retiredAtMs).toBe(atMs + 9);
  });

  it('is as sound as a new one: references hold and are enforced, and nothing is left of the change', async () => {
    await (await data.open({ mode: 'local' })).close();
    const fresh = temporaryData();
    await (await fresh.create()).close();
    const schemaOf = (file: string) => {
      const sqlite = new Database(file, { readonly: true });
      const found = {
        objects: sqlite
          .prepare("select type, name, tbl_name, sql from sqlite_schema where name not like '%drizzle%' order by name")
          .all(),
        broken: sqlite.pragma('foreign_key_check'),
        integrity: sqlite.pragma('integrity_check', { simple: true }),
      };
      sqlite.close();
      return found;
    };
    const migrated = schemaOf(database());
    expect(migrated).toMatchObject({ broken: [], integrity: 'ok' });
    expect(JSON.stringify(migrated)).not.toMatch(/old_credentials|unrecorded_tokens|tokens_by_|audit_by_/);
    expect(migrated).toEqual(schemaOf(dataFiles(fresh.directory).database));
    await fresh.dispose();
    const sqlite = new Database(database());
    expect(sqlite.pragma('foreign_keys', { simple: true })).toBe(1);
    expect(() => sqlite.prepare("delete from clients where name = 'mail'").run()).toThrow(
      expect.objectContaining({ code: 'SQLITE_CONSTRAINT_FOREIGNKEY' }),
    );
    sqlite.close();
  });

  it('is left as it was when a row does not fit, and serves the first version again', async () => {
    data.tamper("update credentials set auth_method = 'unheard_of' where id = 'cred-a'");
    await expect(data.open()).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' });
    const sqlite = new Database(database(), { readonly: true });
    expect(sqlite.prepare('select count(*) from __drizzle_migrations').pluck().get()).toBe(1);
    expect(sqlite.prepare('select count(*) from credentials').pluck().get()).toBe(2);
    expect(
      sqlite.prepare("select count(*) from sqlite_schema where name in ('invitations', 'old_credentials')").pluck().get(),
    ).toBe(0);
    sqlite.close();
  });
});

describe('a long audit log of an older database', () => {
  it('has the tokens of which it tells, of the time of their entry and of another, in every part of it', async () => {
    const ids = Array.from({ length: 800 }, (_, i) => tokenIdOf(i % 3 === 0 ? atMs - i : atMs + 6 + i, 1));
    await makeOldDatabase(
      0,
      0,
      ids.map((id) => oldMinted(id, 'cred-mail')),
    );
    const store = await data.open();
    expect(await store.verifyAuditChain()).toMatchObject({ ok: true, entries: 805 });
    for (const id of ids) expect(await store.read.token(id)).toBeDefined();
  });
});

describe.each([
  { what: 'of the first version', last: 0, aheadMs: 0 },
  { what: 'of the version before, which moved issue times ahead', last: 2, aheadMs: 60_000 },
])('tokens in a database $what', ({ last, aheadMs }) => {
  const nowMs = atMs + 1000;
  const admin = {
    kind: 'admin',
    client: 'admin',
    tokenId: tokenIdOf(atMs, 7),
    actions: adminActions,
    isConfined: false,
  } as const;
  let store: IssuerStore;
  const ask = (request: RevokeRequest, clockMs = nowMs) => {
    const { randomBytes } = data.options;
    const clock = () => clockMs;
    const tools = { vault: store, trustDomain: 'example.com', issuerHosts: ['localhost'], clock, randomBytes };
    return revoke({ store, clock, randomBytes, certificates: createCertificateTools(tools) }, admin, request);
  };
  const isRevoked = (tokenId: string, issuedAtMs: number) => revocationOf(store.read, { tokenId, client: 'mail', issuedAtMs });

  beforeEach(async () => {
    await makeOldDatabase(last, aheadMs);
    store = await data.open();
  });

  it('are revoked by their id, and no other with them', async () => {
    expect(await ask({ kind: 'token', token_id: secondId })).toMatchObject({ kind: 'token', token_id: secondId });
    const { target, expiresAtMs: keptUntilMs } = (await store.read.findRevocation({ kind: 'token', tokenId: secondId })) ?? {};
    expect(target).toMatchObject({ audience: 'invoice' });
    expect(keptUntilMs).toBe(expiresAtMs + 3_600_000);
    expect(await isRevoked(secondId, atMs)).toBe('ERR_REVOKED_TOKEN');
    expect(await isRevoked(firstId, atMs)).toBeUndefined();
  });

  it('are revoked up to the newest, also with a clock that was set back', async () => {
    const revocation = await ask({ kind: 'client', client: 'mail' }, atMs - 3_600_000);
    expect(revocation).toMatchObject({ before: new Date(atMs).toISOString().replace('.000', '') });
    for (const [tokenId, issuedAtMs] of [
      [firstId, atMs],
      [secondId, atMs],
      [thirdId, atMs - 5],
    ] as const) {
      expect(await isRevoked(tokenId, issuedAtMs)).toBe('ERR_REVOKED_CLIENT');
    }
    expect(await isRevoked(tokenIdOf(atMs + 1), atMs + 1)).toBeUndefined();
  });

  it('are sound to who verifies the audit log, and to the doctor', async () => {
    await ask({ kind: 'token', token_id: thirdId });
    expect(await store.verifyAuditChain()).toMatchObject({ ok: true, entries: 6 });
    const findings = await runDoctor(data.directory, { MACAROOND_MASTER_KEY: encodeBase64url(data.options.masterKey.export()) });
    const parts = findings.filter(({ name }) => ['database', 'rows', 'audit log', 'what was taken away'].includes(name));
    expect(parts.map(({ ok }) => ok)).toEqual([true, true, true, true]);
  });
});

describe('a database with a token that the audit log does not tell of', () => {
  it('stays as it was: the token could not be revoked any more', async () => {
    await makeOldDatabase(2);
    data.tamper('delete from audit where token_id = ?', thirdId);
    await expect(data.open()).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' });
    const sqlite = new Database(database(), { readonly: true });
    expect(sqlite.prepare('select count(*) from tokens').pluck().get()).toBe(3);
    expect(sqlite.prepare('select count(*) from __drizzle_migrations').pluck().get()).toBe(3);
    sqlite.close();
  });
});
