import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MacaroonError, RootKey } from '../../../../src/core/index.js';
import { dataFiles } from '../../../../src/server/store/data-files.js';
import { decryptSecret, deriveStoreKeys, encryptSecret } from '../../../../src/server/store/encryption.js';
import { addRowMac } from '../../../../src/server/store/row-mac.js';
import { credentialPlace } from '../../../../src/server/store/secret-places.js';
import { credentials } from '../../../../src/server/store/sqlite-schema.js';
import type { IssuerStore } from '../../../../src/server/store/sqlite-store.js';
import {
  atMs,
  auditEvent,
  certificate,
  client,
  fillStore,
  hmacCredential,
  invitation,
  rootKey,
  secretOf,
  token,
  tokenMinted,
} from '../../../contract/store-fixtures.js';
import { type TemporaryData, temporaryData } from './temporary-store.js';

let data: TemporaryData;
let store: IssuerStore;
beforeEach(async () => {
  data = temporaryData();
  store = await data.create();
});
afterEach(() => data.dispose());

const database = () => dataFiles(data.directory).database;
/** By another process: closing a file that SQLite has open would drop SQLite's locks. */
const bytesOf = (path: string) => execFileSync('cat', [path], { maxBuffer: 1 << 27 });

function withDatabase<T>(work: (sqlite: Database.Database) => T): T {
  const sqlite = new Database(database());
  try {
    return work(sqlite);
  } finally {
    sqlite.close();
  }
}

describe('certificates and their keys', () => {
  const entry = { name: 'ca', certificatePem: '-----BEGIN CERTIFICATE-----\n', notAfterMs: atMs + 5, createdAtMs: atMs };
  const privateKeyPem = '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIC\n-----END PRIVATE KEY-----\n';

  it('come back after the store was opened again, and are replaced by name', async () => {
    expect(await store.pkiEntry('ca')).toBeUndefined();
    await store.putPkiEntry(entry, privateKeyPem);
    await store.putPkiEntry({ ...entry, name: 'server' }, 'another');
    await store.close();
    store = await data.open();
    expect(await store.pkiEntry('ca')).toEqual({ ...entry, privateKeyPem });
    await store.putPkiEntry({ ...entry, notAfterMs: atMs + 9 }, 'renewed');
    expect(await store.pkiEntry('ca')).toEqual({ ...entry, notAfterMs: atMs + 9, privateKeyPem: 'renewed' });
    expect((await store.pkiEntry('server'))?.privateKeyPem).toBe('another');
  });

  it('are in the audit log, without the key', async () => {
    await store.putPkiEntry(entry, privateKeyPem);
    const [audit] = await store.read.audit({ limit: 10 });
    expect(audit).toMatchObject({ event: 'pki.stored', actor: '(local)', details: { name: 'ca', not_after_ms: atMs + 5 } });
  });

  it('are encrypted, and tied to their name', async () => {
    await store.putPkiEntry(entry, privateKeyPem);
    await store.putPkiEntry({ ...entry, name: 'server' }, 'another');
    withDatabase((sqlite) => {
      const text = String(sqlite.prepare("select encrypted_private_key from pki where name = 'ca'").pluck().get());
      expect(text).toMatch(/^v1\./);
      expect(text).not.toContain('PRIVATE KEY');
    });
    data.tamper("update pki set certificate_pem = 'x' where name = 'ca'");
    await expect(store.pkiEntry('ca')).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' });
    expect(await store.pkiEntry('server')).toBeDefined();
  });
});

describe('a root key at rest', () => {
  it('is nowhere in the files in the clear', async () => {
    const secret = Uint8Array.from({ length: 32 }, (_, i) => (i * 37 + 11) & 0xff);
    await store.transaction('grow', async (tx) => {
      await tx.insertClient(client('mail'));
      await tx.insertRootKey(rootKey('key', 'mail'), new RootKey(secret));
    });
    for (const suffix of ['', '-wal']) {
      const bytes = bytesOf(`${database()}${suffix}`);
      expect(bytes.includes(Buffer.from(secret))).toBe(false);
      expect(bytes.includes(Buffer.from(secret).toString('base64url'))).toBe(false);
    }
  });

  it('leaves no ciphertext behind once destroyed, among many others and after splits of pages', async () => {
    await store.transaction('grow', (tx) => tx.insertClient(client('mail')));
    for (let i = 1; i <= 120; i++) {
      await store.transaction('grow', (tx) => tx.insertRootKey(rootKey(`key-${i}`, 'mail', { generation: i }), secretOf(i)));
    }
    const ciphertexts = withDatabase((sqlite) => sqlite.prepare('select encrypted_key from root_keys').pluck().all().map(String));
    const destroyed = [1, 2, 17, 60, 61, 62, 119, 120];
    const needles = destroyed.map((i) => ciphertexts[i - 1] ?? '');
    const found = () => {
      const bytes = ['', '-wal'].map((suffix) => bytesOf(`${database()}${suffix}`));
      return needles.filter((needle) => bytes.some((one) => one.includes(needle.slice(-40))));
    };
    expect(found()).toEqual(needles);
    for (const i of destroyed) {
      await store.transaction('revoke', (tx) =>
        tx.updateRootKey(rootKey(`key-${i}`, 'mail', { state: 'destroyed', changeSeq: 9 })),
      );
    }
    expect(found()).toEqual([]);
    expect((await store.read.rootKeySecret('key-3'))?.reveal()).toEqual(secretOf(3).reveal());
  });

  it('is erased with the next commit when a reader stood in the way', async () => {
    await store.transaction('grow', fillStore);
    const reader = new Database(database(), { readonly: true });
    const needle = String(reader.prepare('select encrypted_key from root_keys').pluck().get()).slice(-40);
    reader.prepare('begin').run();
    reader.prepare('select count(*) from clients').get();
    const destroyed = rootKey('key-mail', 'mail', { state: 'destroyed', changeSeq: 9 });
    await store.transaction('revoke', (tx) => tx.updateRootKey(destroyed));
    expect(bytesOf(`${database()}-wal`).includes(needle)).toBe(true);
    reader.close();
    await store.transaction('grow', (tx) => tx.appendAudit(auditEvent('next')));
    for (const suffix of ['', '-wal']) expect(bytesOf(`${database()}${suffix}`).includes(needle)).toBe(false);
  });
});

describe('secrets of credentials and invitations at rest', () => {
  const secret = Uint8Array.from({ length: 47 }, (_, i) => (i * 37 + 11) & 0xff);
  const bytesOnDisk = () => ['', '-wal'].map((suffix) => bytesOf(`${database()}${suffix}`));

  it('are nowhere in the files in the clear', async () => {
    await store.transaction('grow', async (tx) => {
      await tx.insertClient(client('mail'));
      await tx.insertCredential(hmacCredential('c', 'mail'), secret);
      await tx.insertInvitation(invitation('inv'), secret.subarray(0, 32));
    });
    for (const bytes of bytesOnDisk()) {
      expect(bytes.includes(Buffer.from(secret.subarray(0, 32)))).toBe(false);
      expect(bytes.includes(Buffer.from(secret.subarray(0, 30)).toString('base64url'))).toBe(false);
    }
  });

  it('leave no ciphertext behind once their credential is retired, among many others and after splits of pages', async () => {
    await store.transaction('grow', (tx) => tx.insertClient(client('mail')));
    for (let i = 1; i <= 60; i++) {
      await store.transaction('grow', (tx) => tx.insertCredential(hmacCredential(`c-${i * 7919}`, 'mail'), secret));
    }
    const ciphertextOf = (i: number) =>
      withDatabase((sqlite) =>
        String(
          sqlite
            .prepare('select encrypted_secret from credentials where id = ?')
            .pluck()
            .get(`c-${i * 7919}`),
        ),
      );
    const retired = [1, 2, 17, 30, 59, 60];
    const needles = retired.map(ciphertextOf);
    const found = () => {
      const files = bytesOnDisk();
      return needles.filter((needle) => files.some((one) => one.includes(needle.slice(-40))));
    };
    expect(found()).toEqual(needles);
    for (const i of retired) {
      const one = hmacCredential(`c-${i * 7919}`, 'mail', { retiredAtMs: atMs });
      await store.transaction('revoke', (tx) => tx.updateCredential(one));
    }
    expect(found()).toEqual([]);
    expect(await store.read.credentialSecret(`c-${3 * 7919}`)).toEqual(secret);
  });

  it('do not open in another row, even under a MAC that holds', async () => {
    await store.transaction('grow', async (tx) => {
      await tx.insertClient(client('mail'));
      for (const id of ['c', 'd']) await tx.insertCredential(hmacCredential(id, 'mail'), secret);
    });
    const installId = withDatabase((sqlite) =>
      String(sqlite.prepare("select value from settings where name = 'install_id'").pluck().get()),
    );
    const keys = deriveStoreKeys(data.options.masterKey, installId);
    const put = (encryptedSecret: string) => {
      const { ips: _, ...record } = hmacCredential('c', 'mail');
      const { rowMac } = addRowMac(keys.rowKey, credentials, { ...record, ips: null, encryptedSecret });
      data.tamper("update credentials set encrypted_secret = ?, row_mac = ? where id = 'c'", encryptedSecret, rowMac);
    };
    const ofOther = withDatabase((sqlite) =>
      String(sqlite.prepare("select encrypted_secret from credentials where id = 'd'").pluck().get()),
    );
    expect(decryptSecret(keys, credentialPlace({ id: 'd', client: 'mail' }), ofOther)).toEqual(secret);
    put(ofOther);
    expect(await store.read.credential('c')).toEqual(hmacCredential('c', 'mail'));
    await expect(store.read.credentialSecret('c')).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' });
    put(encryptSecret(keys, credentialPlace({ id: 'c', client: 'mail' }), secret, data.options.randomBytes));
    expect(await store.read.credentialSecret('c')).toEqual(secret);
  });
});

describe('the key for challenges', () => {
  it('is the same in every process of an installation, and another in another one', async () => {
    const key = store.deriveKey('challenge');
    expect(key).toHaveLength(32);
    const reader = await data.open({ mode: 'read' });
    expect(reader.deriveKey('challenge')).toEqual(key);
    const other = temporaryData();
    try {
      const elsewhere = await other.create({ masterKey: data.options.masterKey });
      expect(elsewhere.deriveKey('challenge')).not.toEqual(key);
    } finally {
      await other.dispose();
    }
  });

  it("is the caller's own copy", () => {
    const key = store.deriveKey('challenge');
    store.deriveKey('challenge').fill(0);
    expect(store.deriveKey('challenge')).toEqual(key);
  });
});

describe('a backup', () => {
  it('is complete, for its owner alone, and opens as a store of its own', async () => {
    await store.transaction('grow', fillStore);
    await store.transaction('grow', async (tx) => {
      await tx.appendAudit(tokenMinted(token('t-1')));
      await tx.insertCredential(hmacCredential('c', 'mail'), new Uint8Array(40).fill(5));
      await tx.insertInvitation(invitation('inv'), new Uint8Array(32).fill(6));
      await tx.insertCertificate(certificate('1', { revokedAtMs: atMs }));
    });
    const before = await store.verifyAuditChain();
    const copy = temporaryData();
    try {
      await (await copy.create()).close();
      const file = join(copy.directory, 'backup.db');
      await store.backupTo(file);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      await store.transaction('grow', (tx) => tx.insertClient(client('later')));
      writeFileSync(dataFiles(copy.directory).database, readFileSync(file));
      const restored = await copy.open({ masterKey: data.options.masterKey });
      expect(await restored.verifyAuditChain({ head: before.head })).toEqual(before);
      expect(await restored.read.token('t-1')).toEqual(token('t-1'));
      expect((await restored.read.rootKeySecret('key-mail'))?.reveal()).toEqual(secretOf(7).reveal());
      expect(await restored.read.credentialSecret('c')).toEqual(new Uint8Array(40).fill(5));
      expect(await restored.read.invitationKey('inv')).toEqual(new Uint8Array(32).fill(6));
      expect(await restored.read.revokedCertificates(atMs)).toEqual([certificate('1', { revokedAtMs: atMs })]);
      expect(await restored.read.client('later')).toBeUndefined();
    } finally {
      await copy.dispose();
    }
  });

  it('does not write over a file, and needs a directory', async () => {
    const file = join(data.directory, 'backup.db');
    writeFileSync(file, 'precious');
    await expect(store.backupTo(file)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    expect(readFileSync(file, 'utf8')).toBe('precious');
    await expect(store.backupTo(join(data.directory, 'none', 'backup.db'))).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
  });

  it('can be made from a store that was opened for reading', async () => {
    await store.transaction('grow', fillStore);
    const reader = await data.open({ mode: 'read' });
    const file = join(data.directory, 'backup.db');
    await reader.backupTo(file);
    const sqlite = new Database(file, { readonly: true });
    expect(sqlite.prepare('select count(*) from clients').pluck().get()).toBe(1);
    sqlite.close();
  });
});

describe('trouble with the database', () => {
  it('fails the whole transaction when its audit entry cannot be written', async () => {
    withDatabase((sqlite) =>
      sqlite.prepare("create trigger no_audit before insert on audit begin select raise(abort, 'no'); end").run(),
    );
    const failing = store.transaction('grow', async (tx) => {
      await tx.insertClient(client('mail'));
      await tx.appendAudit(auditEvent('client.created'));
    });
    await expect(failing).rejects.toBeInstanceOf(MacaroonError);
    withDatabase((sqlite) => sqlite.prepare('drop trigger no_audit').run());
    expect(await store.read.client('mail')).toBeUndefined();
    await store.transaction('grow', (tx) => tx.insertClient(client('mail')));
  });

  it('tells that another process keeps the database, and goes on when it no longer does', async () => {
    const other = new Database(database(), { timeout: 0 });
    other.prepare('begin immediate').run();
    const refused = store.transaction('grow', (tx) => tx.insertClient(client('mail')));
    await expect(refused).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    expect(await store.read.client('mail')).toBeUndefined();
    other.prepare('rollback').run();
    other.close();
    await store.transaction('grow', (tx) => tx.insertClient(client('mail')));
  });

  it('reports a damaged file once as fatal, and then refuses everything', async () => {
    await store.transaction('grow', fillStore);
    await store.close();
    const pages = withDatabase((sqlite) =>
      ['clients', 'credentials'].map((name) =>
        Number(sqlite.prepare('select rootpage from sqlite_schema where name = ?').pluck().get(name)),
      ),
    );
    const bytes = readFileSync(database());
    for (const page of pages) bytes.fill(0xee, (page - 1) * 4096, page * 4096);
    writeFileSync(database(), bytes);
    const fatal: MacaroonError[] = [];
    store = await data.open({ mode: 'local', onFatal: (error) => fatal.push(error) });
    expect(await store.read.audience('invoice')).toBeDefined();
    await expect(async () => store.read.client('mail')).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    await expect(store.transaction('grow', async (tx) => tx.credential('cred-mail'))).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
    });
    await expect(async () => store.read.audience('invoice')).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    await expect(store.checkHealth()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    expect(fatal.map((error) => error.code)).toEqual(['ERR_STORE_UNAVAILABLE']);
  });

  it('is not fatal when a row is refused or altered', async () => {
    const fatal: MacaroonError[] = [];
    await store.close();
    store = await data.open({ onFatal: (error) => fatal.push(error) });
    await store.transaction('grow', fillStore);
    await expect(store.transaction('grow', (tx) => tx.insertClient(client('mail')))).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
    });
    data.tamper("update clients set ips = '[]'");
    await expect(async () => store.read.client('mail')).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' });
    await store.checkHealth();
    expect(fatal).toEqual([]);
  });

  it('reads an audit entry whose details are no longer JSON as corrupt', async () => {
    await store.transaction('grow', (tx) => tx.appendAudit(auditEvent('a')));
    data.tamper("update audit set details = '{'");
    await expect(store.read.audit({ limit: 1 })).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' });
  });
});
