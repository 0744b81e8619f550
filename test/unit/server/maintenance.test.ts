/** First set-up and the way back in, on real files. */
import { createSecretKey, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIssuer } from '../../../src/server/domain/create-issuer.js';
import { adminActions } from '../../../src/server/domain/issuer.js';
import { backupDatabase, initialise, migrateDatabase, recoveryToken, runDoctor, verifyAudit } from '../../../src/server/main.js';
import { createCertificateTools } from '../../../src/server/pki/certificate-tools.js';
import { createStore, openStore } from '../../../src/server/store/open-store.js';

let data = '';
beforeEach(() => {
  data = join(mkdtempSync(join(tmpdir(), 'setup-')), 'data');
});
afterEach(() => rmSync(join(data, '..'), { recursive: true }));

describe('initialise', () => {
  it('says what it made, and refuses to do it again', async () => {
    expect(await initialise(data, {})).toEqual({
      dataDirectory: data,
      created: ['master.key', 'macaroond.db', 'ca.crt', 'admin.json'],
    });
    const admin = readFileSync(join(data, 'admin.json'), 'utf8');
    await expect(initialise(data, {})).rejects.toMatchObject({ code: 'ERR_DATA_DIRECTORY' });
    expect(readFileSync(join(data, 'admin.json'), 'utf8')).toBe(admin);
  });

  it('makes no master key file where the environment gives the key', async () => {
    const env = { MACAROOND_MASTER_KEY: randomBytes(32).toString('hex') };
    expect((await initialise(data, env)).created).not.toContain('master.key');
    expect(existsSync(join(data, 'master.key'))).toBe(false);
    await expect(verifyAudit(data, {})).rejects.toMatchObject({ code: 'ERR_MASTER_KEY' });
    expect((await verifyAudit(data, env)).ok).toBe(true);
  });

  it('finishes a set-up that was interrupted after the database was made', async () => {
    const key = randomBytes(32);
    const options = { dataDirectory: data, clock: Date.now, randomBytes, mode: 'serve' } as const;
    await (await createStore({ ...options, masterKey: createSecretKey(key) })).close();
    const env = { MACAROOND_MASTER_KEY: key.toString('base64url') };
    expect((await initialise(data, env)).created).toContain('admin.json');
    expect((await recoveryToken(data, env)).client).toBe('admin');
  });

  it('does not overwrite an admin.json that somebody left there', async () => {
    await initialise(data, {});
    const other = join(data, '..', 'other');
    await initialise(other, {});
    for (const name of ['macaroond.db', 'macaroond.db-wal', 'macaroond.db-shm']) rmSync(join(other, name), { force: true });
    await expect(initialise(other, {})).rejects.toMatchObject({ code: 'ERR_DATA_DIRECTORY' });
  });
});

describe('a directory that others may write to, or a link in the way', () => {
  it('is refused before anything is made', async () => {
    mkdirSync(data, { mode: 0o700 });
    chmodSync(data, 0o777);
    await expect(initialise(data, {})).rejects.toMatchObject({ code: 'ERR_DATA_DIRECTORY' });
    chmodSync(data, 0o700);
    symlinkSync('/nowhere', join(data, 'admin.json'));
    await expect(initialise(data, {})).rejects.toMatchObject({ code: 'ERR_DATA_DIRECTORY' });
    expect(readdirSync(data)).toEqual(['admin.json']);
  });

  it.skipIf(process.geteuid?.() !== 0)('is refused when it or its master key belongs to another user', async () => {
    mkdirSync(data, { mode: 0o700 });
    chownSync(data, 65_534, 65_534);
    await expect(initialise(data, {})).rejects.toMatchObject({ code: 'ERR_DATA_DIRECTORY' });
    chownSync(data, 0, 0);
    writeFileSync(join(data, 'master.key'), randomBytes(32).toString('hex'), { mode: 0o600 });
    chownSync(join(data, 'master.key'), 65_534, 65_534);
    await expect(initialise(data, {})).rejects.toMatchObject({ code: 'ERR_MASTER_KEY' });
  });
});

describe('care of the files', () => {
  it('refuses a directory without an issuer, by every way in', async () => {
    for (const way of [recoveryToken, verifyAudit, migrateDatabase]) {
      await expect(way(data, {})).rejects.toMatchObject({ code: 'ERR_DATA_DIRECTORY' });
    }
    expect((await runDoctor(data, {})).filter((finding) => !finding.ok).map((finding) => finding.name)).toContain(
      'data directory',
    );
    expect(existsSync(data)).toBe(false);
  });

  it('backs up to a copy that opens with the same master key, and never over a file', async () => {
    await initialise(data, {});
    const { head } = await verifyAudit(data, {});
    const copy = join(data, '..', 'copy');
    const env = { MACAROOND_MASTER_KEY_FILE: join(data, 'master.key') };
    await initialise(copy, {});
    rmSync(join(copy, 'macaroond.db'));
    await backupDatabase(data, {}, join(copy, 'macaroond.db'));
    expect(await verifyAudit(copy, env, { head })).toMatchObject({ ok: true, head });
    writeFileSync(join(data, 'there'), 'precious');
    await expect(backupDatabase(data, {}, join(data, 'there'))).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    expect(readFileSync(join(data, 'there'), 'utf8')).toBe('precious');
  });

  it('is found sound by the doctor, and the broken part is named', async () => {
    await initialise(data, {});
    expect((await runDoctor(data, {})).filter((finding) => !finding.ok)).toEqual([]);
    writeFileSync(join(data, 'config.json'), '{"prot":1}');
    const broken = (await runDoctor(data, {})).filter((finding) => !finding.ok);
    expect(broken.map((finding) => finding.name)).toEqual(['settings']);
    rmSync(join(data, 'config.json'));
    rmSync(join(data, 'ca.crt'));
    chmodSync(join(data, 'admin.json'), 0o644);
    const files = (await runDoctor(data, {})).filter((finding) => !finding.ok);
    expect(files.map((finding) => finding.name)).toEqual(['admin.json', 'ca.crt']);
  });

  it('finds by the audit log what was given back by an older copy of a row or a row that was removed', async () => {
    await initialise(data, {});
    const masterKey = createSecretKey(Buffer.from(readFileSync(join(data, 'master.key'), 'utf8').trim(), 'base64url'));
    const deps = { clock: Date.now, randomBytes };
    const store = await openStore({ dataDirectory: data, masterKey, mode: 'serve', ...deps });
    const certificates = createCertificateTools({ vault: store, trustDomain: 'macaroond', issuerHosts: [], ...deps });
    const issuer = createIssuer({ store, certificates, ...deps });
    const admin = { kind: 'admin', client: 'admin', tokenId: 'x', actions: adminActions, isConfined: false } as const;
    await issuer.createClient(admin, { client: 'mail' });
    const database = new Database(join(data, 'macaroond.db'));
    const before = database.prepare(`select * from clients where name = 'mail'`).get() as Record<string, unknown>;
    await issuer.revoke(admin, { kind: 'client', client: 'mail' });
    await issuer.disableClient(admin, 'mail');
    await store.close();
    const faults = async () => (await runDoctor(data, {})).filter((finding) => !finding.ok).map((finding) => finding.name);
    expect(await faults()).toEqual([]);
    const columns = Object.keys(before).map((column) => `"${column}" = @${column}`);
    database.prepare(`update clients set ${columns.join(', ')} where name = 'mail'`).run(before);
    expect(await faults()).toEqual(['what was taken away']);
    database.prepare(`update clients set state = 'disabled' where name = 'mail'`).run();
    expect(await faults()).toEqual(['rows', 'what was taken away']);
    database.close();
  });
});
