import { createSecretKey, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runDoctor } from '../../../src/server/doctor.js';
import { initialise, recoveryToken } from '../../../src/server/maintenance.js';
import { openStore } from '../../../src/server/store/open-store.js';
import { certificate, client, hmacCredential, invitation } from '../../contract/store-fixtures.js';

let parent: string;
let data: string;
beforeAll(async () => {
  parent = mkdtempSync(join(tmpdir(), 'macaroond-doctor-'));
  data = join(parent, 'data');
  await initialise(data, {});
  const masterKey = createSecretKey(Buffer.from(readFileSync(join(data, 'master.key'), 'utf8').trim(), 'base64url'));
  const store = await openStore({ dataDirectory: data, masterKey, clock: Date.now, randomBytes, mode: 'local' });
  await store.transaction('grow', async (tx) => {
    await tx.insertClient(client('mail'));
    await tx.insertCredential(hmacCredential('c', 'mail'), new Uint8Array(40));
    await tx.insertInvitation(invitation('inv'), new Uint8Array(32));
    await tx.insertCertificate(certificate('1'));
  });
  await store.close();
});
afterAll(() => rmSync(parent, { recursive: true }));

const broken = async () => (await runDoctor(data, {})).filter((finding) => !finding.ok).map((finding) => finding.name);

describe('the doctor reads what proves clients', () => {
  it('and finds nothing wrong with it as it was written', async () => {
    expect(await broken()).toEqual([]);
  });

  it.each([
    ['credentials', "id = 'c'", 'encrypted_secret', 'v1.x'],
    ['credentials', "id = 'c'", 'ips', '["10.0.0.1"]'],
    ['invitations', "id = 'inv'", 'encrypted_key', 'v1.x'],
    ['invitations', "id = 'inv'", 'uses_left', 5],
    ['certificates', "client = 'mail'", 'revoked_at_ms', 5],
  ])('and finds what was changed in %s where %s: %s', async (table, row, column, changed) => {
    const database = new Database(join(data, 'macaroond.db'));
    const put = database.prepare(`update ${table} set ${column} = ? where ${row}`);
    const value = database.prepare(`select ${column} from ${table} where ${row}`).pluck().get();
    put.run(changed);
    expect(await broken()).toEqual(['rows']);
    put.run(value);
    expect(await broken()).toEqual([]);
    database.close();
  });
});

describe('the doctor reads the entries of tokens, of which the newest decides what "all tokens up to now" means', () => {
  let database: Database.Database;
  beforeAll(async () => {
    for (let i = 0; i < 2; i++) await recoveryToken(data, {});
    database = new Database(join(data, 'macaroond.db'));
  });
  afterAll(() => database.close());

  const isToken = "event = 'token.minted'";
  const isFirst = `seq = (select min(seq) from audit where ${isToken})`;

  it.each([
    [
      'changed',
      'audit log',
      `update audit set details = json_set(details, '$.expires_at', '2999-01-01T00:00:00Z') where ${isToken}`,
    ],
    ['given to another', 'audit log', `update audit set client = 'mail' where ${isToken}`],
    ['removed', 'audit log', `delete from audit where ${isFirst}`],
    ['cut off', 'what was taken away', `delete from audit where ${isToken}`],
    [
      'cut off with what is noted of them',
      'what was taken away',
      `delete from audit where ${isToken}; delete from audit_blocks where kind = 'token'`,
    ],
  ])('and finds that they were %s', async (_what, finding, statement) => {
    expect(await broken()).toEqual([]);
    const tables = ['audit', 'audit_blocks'];
    for (const table of tables) database.exec(`create temp table kept_${table} as select * from main.${table}`);
    database.exec(statement);
    expect(await broken()).toEqual([finding]);
    for (const table of tables) {
      database.exec(`delete from ${table}; insert into ${table} select * from kept_${table}; drop table kept_${table}`);
    }
    expect(await broken()).toEqual([]);
  });

  it('and takes no client for one whose token is missing that was revoked since, or has none', async () => {
    const masterKey = createSecretKey(Buffer.from(readFileSync(join(data, 'master.key'), 'utf8').trim(), 'base64url'));
    const store = await openStore({ dataDirectory: data, masterKey, clock: Date.now, randomBytes, mode: 'local' });
    const laterMs = Date.now() + 3_600_000;
    await store.transaction('grow', async (tx) => {
      await tx.insertClient(client('new'));
      await tx.insertClient(client('revoked', { lastIssuedAtMs: laterMs, revokedUntilMs: laterMs }));
      const target = { kind: 'client', client: 'revoked', untilMs: laterMs } as const;
      await tx.insertRevocation({ target, revokedAtMs: laterMs, expiresAtMs: laterMs, reason: null });
    });
    await store.close();
    expect(await broken()).toEqual([]);
  });
});
