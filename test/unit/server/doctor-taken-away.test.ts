/** What whoever writes into the database without the master key gives back: each row is one that the issuer itself wrote, or is no more. */
import { createSecretKey, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WireGrantRequest } from '../../../src/protocol/wire.js';
import { runDoctor } from '../../../src/server/doctor.js';
import { createIssuer } from '../../../src/server/domain/create-issuer.js';
import { type AdminCaller, adminActions, type ClientCaller, type Issuer } from '../../../src/server/domain/issuer.js';
import { initialise, recoveryToken } from '../../../src/server/maintenance.js';
import { createCertificateTools } from '../../../src/server/pki/certificate-tools.js';
import { openStore } from '../../../src/server/store/open-store.js';
import type { IssuerStore } from '../../../src/server/store/sqlite-store.js';

type Row = Readonly<Record<string, unknown>>;
type GrantRequest = Omit<WireGrantRequest, 'audience'>;

const admin: AdminCaller = { kind: 'admin', client: 'admin', tokenId: 'x', actions: adminActions, isConfined: false };
const actions = ['invoices:read', 'invoices:write'];
const revokeMail = { kind: 'client', client: 'mail' } as const;

let parent: string;
let data: string;
let nowMs: number;
let store: IssuerStore;
let issuer: Issuer;
let mail: ClientCaller;
let database: Database.Database;
beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), 'macaroond-taken-away-'));
  data = join(parent, 'data');
  await initialise(data, {});
  nowMs = Date.now();
  const masterKey = createSecretKey(Buffer.from(readFileSync(join(data, 'master.key'), 'utf8').trim(), 'base64url'));
  const deps = { clock: () => nowMs, randomBytes };
  store = await openStore({ dataDirectory: data, masterKey, mode: 'serve', ...deps });
  const certificates = createCertificateTools({ vault: store, trustDomain: 'macaroond', issuerHosts: [], ...deps });
  issuer = createIssuer({ store, certificates, ...deps });
  await issuer.createAudience(admin, 'invoice');
  const grants = [{ audience: 'invoice', actions: ['invoices:read'] }];
  const { credentials } = await issuer.createClient(admin, { client: 'mail', grants });
  const credentialId = credentials[0]?.credential_id ?? '';
  mail = { kind: 'client', client: 'mail', authMethods: ['client_secret_basic'], credentialId };
  database = new Database(join(data, 'macaroond.db'));
});
afterEach(async () => {
  database.close();
  await store.close();
  rmSync(parent, { recursive: true });
});

const broken = async () => (await runDoctor(data, {})).filter((finding) => !finding.ok).map((finding) => finding.name);

/** The row of `table` where `which`, as it is now. */
function rowOf(table: string, which: string): Row {
  const row = database.prepare<[], Row>(`select * from ${table} where ${which}`).get();
  if (row === undefined) throw new Error('no such row');
  return row;
}

/** Puts `row` where `which` is now. */
function putBack(table: string, which: string, row: Row): void {
  const columns = Object.keys(row).map((name) => `"${name}" = @${name}`);
  expect(database.prepare(`update ${table} set ${columns.join()} where ${which}`).run(row).changes).toBe(1);
}

const remove = (which: string) => expect(database.prepare(`delete from revocations where ${which}`).run().changes).toBe(1);

describe('the doctor misses what verifiers are told of', () => {
  beforeEach(async () => {
    await issuer.mint(mail, { audience: 'invoice' });
    nowMs += 1000;
  });

  it('a client that was revoked', async () => {
    await issuer.revoke(admin, revokeMail);
    nowMs += 1000;
    await issuer.mint(mail, { audience: 'invoice' });
    nowMs += 1000;
    await issuer.revoke(admin, revokeMail);
    expect(await broken()).toEqual([]);
    remove('seq = (select max(seq) from revocations)');
    expect(await broken()).toEqual(['what was taken away']);
  });

  it('a client that was disabled', async () => {
    await issuer.disableClient(admin, 'mail');
    expect(await broken()).toEqual([]);
    remove("kind = 'client'");
    expect(await broken()).toEqual(['what was taken away']);
  });

  it.each(['rotated', 'revoked'])('the keys of an audience that were %s', async (how) => {
    if (how === 'rotated') await issuer.rotateAudience(admin, 'invoice', false);
    else await issuer.revoke(admin, { kind: 'audience_key', audience: 'invoice', generation: 0 });
    expect(await broken()).toEqual([]);
    remove("kind = 'audience_key'");
    expect(await broken()).toEqual(['what was taken away']);
  });
});

it('the doctor finds that the log was cut off, also when it has gone on since', async () => {
  await issuer.mint(mail, { audience: 'invoice' });
  await store.close();
  database.exec("delete from audit_blocks where kind = 'token'; delete from audit where event = 'token.minted'");
  nowMs += 60_000;
  await recoveryToken(data, {});
  expect(await broken()).toEqual(['what was taken away']);
});

describe('the doctor finds an older copy', () => {
  it('of a client, by which it would have no tokens that could be revoked', async () => {
    await issuer.revoke(admin, revokeMail);
    const before = rowOf('clients', "name = 'mail'");
    nowMs += 1000;
    const { token_id: tokenId, issued_at } = await issuer.mint(mail, { audience: 'invoice' });
    expect(await broken()).toEqual([]);
    putBack('clients', "name = 'mail'", before);
    nowMs += 1000;
    await issuer.revoke(admin, revokeMail);
    expect(await issuer.revocationOf({ tokenId, client: 'mail', issuedAtMs: Date.parse(issued_at) })).toBeUndefined();
    expect(await broken()).toEqual(['what was taken away']);
  });

  it('of a grant that was removed, and takes a new one for none', async () => {
    const before = rowOf('grants', "client = 'mail'");
    await issuer.removeGrant(admin, 'mail', 'invoice');
    await issuer.putGrant(admin, 'mail', { audience: 'invoice', actions: ['invoices:list'] });
    expect(await broken()).toEqual([]);
    await issuer.removeGrant(admin, 'mail', 'invoice');
    expect(await broken()).toEqual([]);
    putBack('grants', "client = 'mail'", before);
    expect(await broken()).toEqual(['what was taken away']);
  });

  it.each<[string, GrantRequest]>([
    ['with fewer actions', { actions: ['invoices:read'] }],
    ['with another caveat', { actions, required_caveats: ['ip 192.0.2.1'] }],
    ['as it was', { actions }],
  ])('of a grant that was put again %s', async (_, narrow) => {
    await issuer.putGrant(admin, 'mail', { audience: 'invoice', actions, required_caveats: ['ip 192.0.2.0/24'] });
    const before = rowOf('grants', "client = 'mail'");
    nowMs += 1;
    await issuer.putGrant(admin, 'mail', { audience: 'invoice', ...narrow });
    expect(await broken()).toEqual([]);
    putBack('grants', "client = 'mail'", before);
    expect(await broken()).toEqual(['what was taken away']);
  });

  it.each(['before any token', 'after one'])('of a client whose policy was made narrower: %s', async (when) => {
    const set = (ips: readonly string[]) => issuer.changePolicy(admin, 'mail', { auth: [['client_secret_basic', 'ip']], ips });
    if (when === 'after one') await issuer.mint(mail, { audience: 'invoice' });
    await set(['192.0.2.0/24', '2001:db8::/32']);
    const before = rowOf('clients', "name = 'mail'");
    await set(['192.0.2.1', '2001:db8::/32']);
    expect(await broken()).toEqual([]);
    putBack('clients', "name = 'mail'", before);
    expect(await broken()).toEqual(['what was taken away']);
    await set(['192.0.2.0/24', '2001:db8::/32']);
    expect(await broken()).toEqual([]);
  });

  it('of a grant that was put again, and removed after that', async () => {
    const before = rowOf('grants', "client = 'mail'");
    nowMs += 1;
    await issuer.putGrant(admin, 'mail', { audience: 'invoice', actions });
    nowMs += 1;
    await issuer.removeGrant(admin, 'mail', 'invoice');
    expect(await broken()).toEqual([]);
    putBack('grants', "client = 'mail'", before);
    expect(await broken()).toEqual(['what was taken away']);
  });

  it.each([0, 100 * 86_400_000])('of an invitation that was revoked, by a clock that was %d ms ahead', async (aheadMs) => {
    const { invitation } = await issuer.createInvitation(admin, { name: 'partner' });
    const which = `id = '${invitation}'`;
    const before = rowOf('invitations', which);
    nowMs += aheadMs;
    await issuer.revokeInvitation(admin, invitation);
    expect(await broken()).toEqual([]);
    putBack('invitations', which, before);
    expect(await broken()).toEqual(['what was taken away']);
  });
});
