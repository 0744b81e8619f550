/** Administration: nobody makes more of a token than it holds; names are never reused; what is revoked stays revoked. */
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adminActions } from '../../../../src/server/domain/issuer.js';
import { dataFiles } from '../../../../src/server/store/data-files.js';
import { createSigningRequest } from '../../../../src/transport/signing-request.js';
import { type IssuerAtHand, issuerAtHand, refusal } from '../../../support/issuer-at-hand.js';

let at: IssuerAtHand;
beforeEach(async () => {
  at = await issuerAtHand();
});
afterEach(() => at.close());

describe('a narrowed administration token', () => {
  const narrow = ['clients:write', 'grants:write', 'root-keys:write', 'audiences:write'];

  it('cannot grant itself or another more of the issuer than it holds', async () => {
    await at.clientFor('invoice', 'mail');
    const grant = (actions: readonly string[]) => ({ audience: 'macaroond', actions });
    expect(await refusal(at.issuer.putGrant(at.admin(narrow), 'mail', grant(['audit:read'])))).toBe('forbidden');
    expect(await refusal(at.issuer.putGrant(at.admin(narrow), 'mail', grant(['clients:*'])))).toBe('forbidden');
    const withGrant = { client: 'helper', grants: [grant(['audit:read'])] };
    expect(await refusal(at.issuer.createClient(at.admin(narrow), withGrant))).toBe('forbidden');
    expect(await refusal(at.issuer.client('helper'))).toBe('not_found');
    expect(await at.issuer.putGrant(at.admin(narrow), 'mail', grant(['clients:write']))).toMatchObject({
      actions: ['clients:write'],
    });
  });

  it('cannot add a grant with the right to add clients alone', async () => {
    const request = { client: 'helper', grants: [{ audience: 'macaroond', actions: ['clients:write'] }] };
    expect(await refusal(at.issuer.createClient(at.admin(['clients:write']), request))).toBe('forbidden');
  });

  it('cannot touch a client that holds more of the issuer than it does', async () => {
    const { credential_id } = await at.issuer.addCredential(at.admin(), 'admin', {});
    const caller = at.admin(narrow, 'helper');
    const rootKeyId = (await at.issuer.rootKeys('admin'))[0]?.root_key_id ?? '';
    const attempts = [
      at.issuer.addCredential(caller, 'admin', {}),
      at.issuer.retireCredential(caller, credential_id, 'admin'),
      at.issuer.disableClient(caller, 'admin'),
      at.issuer.rotateRootKey(caller, 'admin'),
      at.issuer.destroyRootKey(caller, 'admin', rootKeyId),
      at.issuer.putGrant(caller, 'admin', { audience: 'macaroond', actions: ['clients:write'] }),
      at.issuer.removeGrant(caller, 'admin', 'macaroond'),
      at.issuer.addVerifier(caller, 'admin', 'macaroond'),
    ];
    expect(await Promise.all(attempts.map(refusal))).toEqual(attempts.map(() => 'forbidden'));
    expect(await at.issuer.credentials('admin')).toHaveLength(2);
  });

  it('may do the same with a client that holds no more than it does', async () => {
    await at.clientFor('invoice', 'mail');
    await at.issuer.putGrant(at.admin(), 'mail', { audience: 'macaroond', actions: ['clients:write'] });
    expect((await at.issuer.addCredential(at.admin(narrow, 'helper'), 'mail', {})).client).toBe('mail');
  });
});

describe('a token confined by caveats other than action', () => {
  it('cannot make, widen or take over administration, as what it leaves behind would not be confined', async () => {
    await at.clientFor('invoice', 'mail');
    const caller = { ...at.admin(), isConfined: true };
    const grant = { audience: 'macaroond', actions: ['audit:read'] };
    const attempts = [
      at.issuer.putGrant(caller, 'mail', grant),
      at.issuer.createClient(caller, { client: 'keep', grants: [grant] }),
      at.issuer.addCredential(caller, 'admin', {}),
      at.issuer.putGrant(caller, 'admin', { audience: 'invoice', actions: ['invoices:read'] }),
    ];
    expect(await Promise.all(attempts.map(refusal))).toEqual(attempts.map(() => 'forbidden'));
    expect((await at.issuer.addCredential(caller, 'mail', {})).client).toBe('mail');
  });
});

describe('who verifies', () => {
  it('is decided by who may write audiences as well as clients', async () => {
    await at.clientFor('invoice', 'mail');
    const caller = at.admin(['clients:write']);
    expect(await refusal(at.issuer.createClient(caller, { client: 'spy', verifier_of: ['invoice'] }))).toBe('forbidden');
    expect(await refusal(at.issuer.addVerifier(caller, 'mail', 'invoice'))).toBe('forbidden');
  });

  it('proves itself by nothing that was made with the right to write clients or certificates alone', async () => {
    await at.issuer.createAudience(at.admin(), 'invoice');
    await at.issuer.createClient(at.admin(), {
      client: 'invoice-service',
      verifier_of: ['invoice'],
      auth: [['tls_client_auth']],
    });
    const csr = createSigningRequest(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    const changesBy = (actions: readonly string[], client = 'helpdesk') => [
      () => at.issuer.addCredential(at.admin(actions, client), 'invoice-service', {}),
      () => at.issuer.changePolicy(at.admin(actions, client), 'invoice-service', { auth: [['client_secret_basic']] }),
      () => at.issuer.issueCertificate(at.admin(actions, client), { csr, client: 'invoice-service' }),
    ];
    const narrow = ['clients:write', 'certificates:write'];
    for (const change of changesBy(narrow)) expect(await refusal(change())).toBe('forbidden');
    for (const change of changesBy([...narrow, 'audiences:write'])) await change();
    // Its own are its to change, and what is taken from it gives nobody anything.
    for (const change of changesBy(narrow, 'invoice-service').slice(0, 2)) await change();
    await at.issuer.disableClient(at.admin(narrow, 'helpdesk'), 'invoice-service');
  });

  it('is also who makes an audience and may add clients, and the audit log tells', async () => {
    await at.issuer.createAudience(at.admin(), 'invoice');
    await at.issuer.createAudience(at.admin(['audiences:write']), 'payroll');
    expect(await at.issuer.verifierAudiences('admin')).toEqual(['invoice']);
    const { entries } = await at.issuer.audit({ event: 'verifier.added', limit: 10 });
    expect(entries).toMatchObject([{ client: 'admin', audience: 'invoice' }]);
  });
});

describe('the reserved audience', () => {
  it('has no verifier and its keys are never served', async () => {
    await at.clientFor('invoice', 'mail');
    expect(await refusal(at.issuer.addVerifier(at.admin(), 'mail', 'macaroond'))).toBe('forbidden');
    expect(await refusal(at.issuer.createClient(at.admin(), { client: 'v', verifier_of: ['macaroond'] }))).toBe('forbidden');
    expect(await at.issuer.isVerifierOf('mail', 'macaroond')).toBe(false);
    expect(await refusal(at.issuer.audienceKeys('macaroond', 0))).toBe('not_found');
    const rootKeyId = (await at.issuer.rootKeys('admin'))[0]?.root_key_id ?? '';
    expect(await refusal(at.issuer.audienceKey('macaroond', rootKeyId))).toBe('not_found');
  });
});

describe('clients and credentials', () => {
  it.each(['', 'Mail', 'mail server', '-mail', '../mail', 'm'.repeat(65), 'máil'])('refuses the name %j', async (client) => {
    expect(await refusal(at.issuer.createClient(at.admin(), { client }))).toBe('invalid_request');
  });

  it('never reuses a name, also after disabling', async () => {
    await at.clientFor('invoice', 'mail');
    expect(await refusal(at.issuer.createClient(at.admin(), { client: 'mail' }))).toBe('conflict');
    await at.issuer.disableClient(at.admin(), 'mail');
    expect(await refusal(at.issuer.createClient(at.admin(), { client: 'mail' }))).toBe('conflict');
  });

  it('leaves nothing behind when a part of a new client is refused', async () => {
    const request = { client: 'mail', grants: [{ audience: 'nowhere', actions: ['a:b'] }] };
    expect(await refusal(at.issuer.createClient(at.admin(), request))).toBe('not_found');
    expect(await refusal(at.issuer.client('mail'))).toBe('not_found');
    expect((await at.issuer.audit({ event: 'client.created', limit: 10 })).entries).toEqual([]);
  });

  it.each(['10.0.0.1/8', '10.0.0.0/33', '::ffff:10.0.0.1', '010.0.0.1', '10.1', 'localhost'])(
    'refuses the range %s',
    async (ip) => {
      expect(await refusal(at.issuer.createClient(at.admin(), { client: 'mail', ips: [ip] }))).toBe('invalid_request');
    },
  );

  it('demands the address of a client with ranges', async () => {
    await at.issuer.createClient(at.admin(), { client: 'mail', ips: ['10.0.0.0/8', '2001:db8::/32'] });
    expect(await at.issuer.client('mail')).toMatchObject({
      auth: [['client_secret_basic', 'ip']],
      ips: ['10.0.0.0/8', '2001:db8::/32'],
    });
  });

  it('keeps two credentials live and no third', async () => {
    const mail = await at.clientFor('invoice', 'mail');
    const second = await at.issuer.addCredential(at.admin(), 'mail', {});
    expect(await refusal(at.issuer.addCredential(at.admin(), 'mail', {}))).toBe('conflict');
    await at.issuer.mint(mail, { audience: 'invoice' });
    await at.issuer.mint({ ...mail, credentialId: second.credential_id }, { audience: 'invoice' });
    await at.issuer.retireCredential(at.admin(), mail.credentialId, 'mail');
    expect((await at.issuer.addCredential(at.admin(), 'mail', {})).credential_id).not.toBe(mail.credentialId);
  });

  it('keeps a secret nowhere but in the answer', async () => {
    const { credentials } = await at.issuer.createClient(at.admin(), { client: 'mail' });
    const secret = credentials[0]?.secret;
    expect(secret).toMatch(/^mcs_[\w-]{43}$/);
    const login = await at.issuer.credentialsForLogin('mail');
    expect(JSON.stringify([login, await at.issuer.audit({ limit: 100 }), await at.issuer.client('mail')])).not.toContain(secret);
    expect(login?.live).toHaveLength(1);
  });

  it('logs in by what is kept now, whatever was told before', async () => {
    const first = (await at.issuer.createClient(at.admin(), { client: 'mail' })).credentials[0]?.credential_id ?? '';
    const liveNow = async () => (await at.issuer.credentialsForLogin('mail'))?.live.map(({ id }) => id);
    expect(await liveNow()).toEqual([first]);
    const { credential_id: second } = await at.issuer.addCredential(at.admin(), 'mail', {});
    expect((await liveNow())?.toSorted()).toEqual([first, second].toSorted());
    await at.issuer.retireCredential(at.admin(), first, 'mail');
    expect(await liveNow()).toEqual([second]);
    await at.issuer.changePolicy(at.admin(), 'mail', { auth: [['client_secret_basic', 'ip']], ips: ['192.0.2.1'] });
    expect(await at.issuer.credentialsForLogin('mail')).toMatchObject({
      authPolicy: [['client_secret_basic', 'ip']],
      ips: ['192.0.2.1'],
    });
    await at.issuer.disableClient(at.admin(), 'mail');
    expect(await at.issuer.credentialsForLogin('mail')).toMatchObject({ state: 'disabled' });
  });

  it('does not let a client disable itself', async () => {
    expect(await refusal(at.issuer.disableClient(at.admin(), 'admin'))).toBe('conflict');
  });
});

describe('root keys', () => {
  it('rotate with overlap, and die with what they minted', async () => {
    const mail = await at.clientFor('invoice', 'mail');
    const before = await at.issuer.mint(mail, { audience: 'invoice' });
    expect(await refusal(at.issuer.destroyRootKey(at.admin(), 'mail', before.root_key_id))).toBe('conflict');
    const rotated = await at.issuer.rotateRootKey(at.admin(), 'mail');
    expect(rotated).toMatchObject({ generation: 2, state: 'active' });
    expect((await at.issuer.findKey('invoice', { rootKeyId: before.root_key_id, generation: 0 })).found).toBe(true);
    expect((await at.issuer.mint(mail, { audience: 'invoice' })).root_key_id).toBe(rotated.root_key_id);
    await at.issuer.destroyRootKey(at.admin(), 'mail', before.root_key_id);
    expect(await at.issuer.findKey('invoice', { rootKeyId: before.root_key_id, generation: 0 })).toEqual({
      found: false,
      code: 'ERR_KEY_DESTROYED',
    });
    expect((await at.issuer.revocations(['invoice'], 0)).revocations).toMatchObject([
      { kind: 'root_key', root_key_id: before.root_key_id },
    ]);
    expect((await at.issuer.rootKeys('mail')).map((key) => key.state)).toEqual(['destroyed', 'active']);
  });

  it('of another client are not found', async () => {
    await at.clientFor('invoice', 'mail');
    await at.clientFor('invoice', 'other');
    const otherKey = (await at.issuer.rootKeys('other'))[0]?.root_key_id ?? '';
    expect(await refusal(at.issuer.destroyRootKey(at.admin(), 'mail', otherKey))).toBe('not_found');
  });
});

describe('revoking', () => {
  it('lets a client revoke its own tokens alone', async () => {
    const mail = await at.clientFor('invoice', 'mail');
    const other = await at.clientFor('invoice', 'other');
    const minted = await at.issuer.mint(mail, { audience: 'invoice' });
    expect(await refusal(at.issuer.revoke(other, { kind: 'token', token_id: minted.token_id }))).toBe('not_found');
    expect(await refusal(at.issuer.revoke(other, { kind: 'client', client: 'mail' }))).toBe('forbidden');
    expect(await refusal(at.issuer.revoke(mail, { kind: 'root_key', root_key_id: minted.root_key_id }))).toBe('forbidden');
    expect(await refusal(at.issuer.revoke(mail, { kind: 'audience_key', audience: 'invoice', generation: 0 }))).toBe('forbidden');
    await at.issuer.revoke(mail, { kind: 'token', token_id: minted.token_id });
    expect((await at.issuer.revoke(mail, { kind: 'client', client: 'mail' })).kind).toBe('client');
  });

  it('refuses what is not there and what lies in the future', async () => {
    await at.clientFor('invoice', 'mail');
    const revoke = (request: Parameters<typeof at.issuer.revoke>[1]) => refusal(at.issuer.revoke(at.admin(), request));
    expect(await revoke({ kind: 'token', token_id: '01a200a8-4ffa-7709-9b97-8b0a49f5f3df' })).toBe('not_found');
    expect(await revoke({ kind: 'client', client: 'nobody' })).toBe('not_found');
    expect(await revoke({ kind: 'client', client: 'mail', before: '2099-01-01T00:00:00Z' })).toBe('invalid_request');
    expect(await revoke({ kind: 'client', client: 'mail', before: 'yesterday' })).toBe('invalid_request');
    expect(await revoke({ kind: 'root_key', root_key_id: 'AAAAAAAAAAAAAAAAAAAAAA' })).toBe('not_found');
    expect(await revoke({ kind: 'audience_key', audience: 'invoice', generation: 1 })).toBe('not_found');
    expect(await revoke({ kind: 'client', client: 'mail', reason: 'x'.repeat(257) })).toBe('invalid_request');
  });

  it('of the present audience key makes a new one, so that minting goes on', async () => {
    const mail = await at.clientFor('invoice', 'mail');
    const before = await at.issuer.mint(mail, { audience: 'invoice' });
    await at.issuer.revoke(at.admin(), { kind: 'audience_key', audience: 'invoice', generation: 0 });
    expect(await at.issuer.findKey('invoice', { rootKeyId: before.root_key_id, generation: 0 })).toMatchObject({
      code: 'ERR_REVOKED_AUDIENCE_KEY',
    });
    expect((await at.issuer.findKey('invoice', { rootKeyId: before.root_key_id, generation: 1 })).found).toBe(true);
  });

  it('tells verifiers only what concerns their audiences', async () => {
    const mail = await at.clientFor('invoice', 'mail');
    const clerk = await at.clientFor('payroll', 'clerk');
    const one = await at.issuer.mint(mail, { audience: 'invoice' });
    const two = await at.issuer.mint(clerk, { audience: 'payroll' });
    await at.issuer.revoke(at.admin(), { kind: 'token', token_id: one.token_id });
    await at.issuer.revoke(at.admin(), { kind: 'token', token_id: two.token_id });
    const feed = await at.issuer.revocations(['invoice'], 0);
    expect(feed.revocations).toMatchObject([{ kind: 'token', token_id: one.token_id }]);
    expect(await at.issuer.revocations(['invoice'], feed.cursor)).toMatchObject({ revocations: [], more: false });
    expect(await refusal(at.issuer.revocations(['invoice'], feed.cursor + 1))).toBe('invalid_request');
  });
});

/** Puts the rows of clients back as they are in `backup`. */
function restoreClients(backup: string): void {
  const sqlite = new Database(dataFiles(at.directory).database);
  sqlite.pragma('foreign_keys = OFF');
  sqlite.exec(`attach '${backup}' as backup; insert or replace into clients select * from backup.clients`);
  sqlite.close();
}

describe('revoking again', () => {
  it('answers what is there and writes nothing, so that nobody fills the disk with it', async () => {
    const mail = await at.clientFor('invoice', 'mail');
    const minted = await at.issuer.mint(mail, { audience: 'invoice' });
    const requests = [
      { kind: 'token', token_id: minted.token_id },
      { kind: 'client', client: 'mail' },
      { kind: 'root_key', root_key_id: minted.root_key_id },
      { kind: 'audience_key', audience: 'invoice', generation: 0 },
    ] as const;
    for (const request of requests) {
      const first = await at.issuer.revoke(at.admin(), request);
      const count = (await at.issuer.audit({ limit: 1000 })).entries.length;
      at.time.nowMs += 1000;
      expect(await at.issuer.revoke(at.admin(), request)).toEqual(first);
      expect((await at.issuer.audit({ limit: 1000 })).entries).toHaveLength(count);
    }
  });

  it('concerns what was minted since', async () => {
    const mail = await at.clientFor('invoice', 'mail');
    await at.issuer.mint(mail, { audience: 'invoice' });
    const first = await at.issuer.revoke(mail, { kind: 'client', client: 'mail' });
    at.time.nowMs += 1000;
    await at.issuer.mint(mail, { audience: 'invoice' });
    expect((await at.issuer.revoke(mail, { kind: 'client', client: 'mail' })).seq).toBeGreaterThan(first.seq);
  });

  it.each(['revoked', 'disabled'])('concerns what was minted after a backup that was restored: %s', async (how) => {
    const mail = await at.clientFor('invoice', 'mail');
    await at.issuer.mint(mail, { audience: 'invoice' });
    await at.issuer.revoke(at.admin(), { kind: 'client', client: 'mail' });
    const backup = join(at.directory, 'backup.db');
    await at.store.backupTo(backup);
    at.time.nowMs += 60_000;
    const { token_id: tokenId, issued_at } = await at.issuer.mint(mail, { audience: 'invoice' });
    restoreClients(backup);
    if (how === 'disabled') await at.issuer.disableClient(at.admin(), 'mail');
    else await at.issuer.revoke(mail, { kind: 'client', client: 'mail' });
    const subject = { tokenId, client: 'mail', issuedAtMs: Date.parse(issued_at) };
    expect(await at.issuer.revocationOf(subject)).toBe('ERR_REVOKED_CLIENT');
    expect((await at.issuer.revocations([], 0)).revocations).toMatchObject([
      { before: expect.any(String) },
      { before: issued_at },
    ]);
  });

  it('keeps a client disabled that was revoked before', async () => {
    await at.clientFor('invoice', 'mail');
    await at.issuer.revoke(at.admin(), { kind: 'client', client: 'mail' });
    expect((await at.issuer.disableClient(at.admin(), 'mail')).state).toBe('disabled');
    expect((await at.issuer.client('mail')).state).toBe('disabled');
  });
});

describe('the feed of audience keys', () => {
  it('tells what changed since a cursor, and all keys anew after a rotation of the audience', async () => {
    await at.clientFor('invoice', 'mail');
    const first = await at.issuer.audienceKeys('invoice', 0);
    expect(first.keys).toMatchObject([{ client: 'mail', generation: 0, state: 'active' }]);
    expect((await at.issuer.audienceKeys('invoice', first.cursor)).keys).toEqual([]);
    await at.clientFor('invoice', 'other');
    const second = await at.issuer.audienceKeys('invoice', first.cursor);
    expect(second.keys).toMatchObject([{ client: 'other' }]);
    await at.issuer.rotateAudience(at.admin(), 'invoice', false);
    const third = await at.issuer.audienceKeys('invoice', second.cursor);
    expect(third.keys.map(({ client, generation }) => `${client} ${generation}`).sort()).toEqual(['mail 1', 'other 1']);
    expect(await refusal(at.issuer.audienceKeys('invoice', third.cursor + 100))).toBe('invalid_request');
  });

  it('serves different keys for each audience, client and generation', async () => {
    await at.clientFor('invoice', 'mail');
    await at.clientFor('payroll', 'clerk');
    await at.issuer.putGrant(at.admin(), 'mail', { audience: 'payroll', actions: ['a:b'] });
    await at.issuer.rotateAudience(at.admin(), 'payroll', true);
    const keys = [...(await at.issuer.audienceKeys('invoice', 0)).keys, ...(await at.issuer.audienceKeys('payroll', 0)).keys];
    expect(keys).toHaveLength(5);
    expect(new Set(keys.map((one) => one.key)).size).toBe(5);
  });

  it('goes on serving keys after a grant was removed, as its tokens live on', async () => {
    await at.clientFor('invoice', 'mail');
    await at.issuer.removeGrant(at.admin(), 'mail', 'invoice');
    expect((await at.issuer.audienceKeys('invoice', 0)).keys).toHaveLength(1);
  });

  it('does not serve a key of a client that never had a grant', async () => {
    await at.clientFor('invoice', 'mail');
    await at.clientFor('payroll', 'clerk');
    const clerkKey = (await at.issuer.rootKeys('clerk'))[0]?.root_key_id ?? '';
    expect(await refusal(at.issuer.audienceKey('invoice', clerkKey))).toBe('not_found');
  });
});

describe('grants', () => {
  it.each([
    [{ audience: 'invoice', actions: [] }],
    [{ audience: 'invoice', actions: ['*'] }],
    [{ audience: 'invoice', actions: ['a:b', 'a:b'] }],
    [{ audience: 'invoice', actions: Array.from({ length: 33 }, (_, i) => `a:${i}`) }],
    [{ audience: 'invoice', actions: Array.from({ length: 9 }, (_, i) => `a:${'x'.repeat(120)}${i}`) }],
    [{ audience: 'invoice', actions: ['a:b'], max_expires_in: 0 }],
    [{ audience: 'invoice', actions: ['a:b'], max_expires_in: 400 * 86_400 }],
    [{ audience: 'invoice', actions: ['a:b'], required_caveats: ['ip nowhere'] }],
    [{ audience: 'invoice', actions: ['a:b'], required_caveats: ['account 1', 'account 1'] }],
  ])('refuses %j', async (grant) => {
    await at.clientFor('invoice', 'mail');
    expect(await refusal(at.issuer.putGrant(at.admin(), 'mail', grant))).toBe('invalid_request');
  });

  it('all of administration is what client admin was granted', async () => {
    expect(await at.issuer.grants('admin')).toMatchObject([{ audience: 'macaroond', actions: adminActions }]);
  });
});

describe('failures', () => {
  it('are written at once, then counted by the minute', async () => {
    const note = { event: 'login.failed', client: 'mail', address: '10.0.0.1', reason: 'wrong_secret' } as const;
    for (let i = 0; i < 50; i++) await at.issuer.noteFailure(note);
    const entries = async () => (await at.issuer.audit({ event: 'login.failed', limit: 100 })).entries;
    expect((await entries()).map((entry) => entry.details['count'])).toEqual([1]);
    at.time.nowMs += 60_000;
    await at.issuer.noteFailure({ ...note, address: '10.0.0.2' });
    expect((await entries()).map((entry) => entry.details['count'])).toEqual([1, 49, 1]);
  });

  it('of endless kinds do not fill the disk, and claimed names are noted only when they are names', async () => {
    for (let i = 0; i < 500; i++) {
      await at.issuer.noteFailure({ event: 'login.failed', client: `c${i}`, address: '10.0.0.1', reason: 'unknown_client' });
    }
    await at.issuer.noteFailure({ event: 'token.denied', client: 'mcs_secret in the wrong place', reason: 'x' });
    await at.issuer.flushFailures();
    const { entries } = await at.issuer.audit({ event: 'login.failed', limit: 1000 });
    expect(entries.length).toBeLessThanOrEqual(101);
    expect(entries.reduce((sum, entry) => sum + Number(entry.details['count']), 0)).toBe(500);
    const denied = await at.issuer.audit({ event: 'token.denied', limit: 1000 });
    expect(denied.entries).toHaveLength(1);
    expect(JSON.stringify(denied.entries)).not.toContain('mcs_secret');
  });
});
