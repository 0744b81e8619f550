/** Minting: what a grant allows, what goes into the token, what is recorded with it, and who gets nothing. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decode, decodeIdentifier, limits, verifySignature } from '../../../../src/core/index.js';
import { mintRecoveryToken } from '../../../../src/server/domain/bootstrap.js';
import { adminActions } from '../../../../src/server/domain/issuer.js';
import { type IssuerAtHand, issuerAtHand, refusal } from '../../../support/issuer-at-hand.js';

let at: IssuerAtHand;
beforeEach(async () => {
  at = await issuerAtHand();
});
afterEach(() => at.close());

describe('mint', () => {
  it('gives a token whose identifier says what the answer says, under the key of the audience', async () => {
    const mail = await at.clientFor('invoice', 'mail');
    const minted = await at.issuer.mint(mail, { audience: 'invoice', actions: ['invoices:read'], expires_in: 600 });
    const token = decode(minted.token);
    const facts = decodeIdentifier(token.root.identifier);
    expect(facts).toMatchObject({
      tokenId: minted.token_id,
      rootKeyId: minted.root_key_id,
      client: 'mail',
      audience: 'invoice',
      actions: ['invoices:read'],
      authMethods: ['client_secret_basic'],
      generation: 0,
      issuedAtMs: at.time.nowMs,
      expiresAtMs: at.time.nowMs + 600_000,
    });
    const found = await at.issuer.findKey('invoice', facts);
    if (!found.found) throw new Error(found.code);
    expect(found.state.client).toBe('mail');
    expect(verifySignature(token, found.state.key).ok).toBe(true);
  });

  it('defaults to all of the grant and to an hour, or less where the grant allows less', async () => {
    const mail = await at.clientFor('invoice', 'mail');
    const minted = await at.issuer.mint(mail, { audience: 'invoice' });
    expect(minted.actions).toEqual(['invoices:read', 'invoices:list']);
    expect(Date.parse(minted.expires_at) - Date.parse(minted.issued_at)).toBe(3_600_000);
    await at.issuer.putGrant(at.admin(), 'mail', { audience: 'invoice', actions: ['invoices:read'], max_expires_in: 60 });
    const short = await at.issuer.mint(mail, { audience: 'invoice' });
    expect(Date.parse(short.expires_at) - Date.parse(short.issued_at)).toBe(60_000);
  });

  it.each([
    ['grant_exceeded', { audience: 'payroll' }],
    ['grant_exceeded', { audience: 'macaroond' }],
    ['grant_exceeded', { audience: 'nowhere' }],
    ['grant_exceeded', { audience: 'invoice', actions: ['invoices:delete'] }],
    ['grant_exceeded', { audience: 'invoice', actions: ['invoices:*'] }],
    ['grant_exceeded', { audience: 'invoice', expires_in: 86_401 }],
    ['invalid_request', { audience: 'invoice', actions: [] }],
    ['invalid_request', { audience: 'invoice', actions: ['invoices:read', 'invoices:read'] }],
    ['invalid_request', { audience: 'invoice', actions: ['*'] }],
    ['invalid_request', { audience: 'invoice', expires_in: 0 }],
    ['invalid_request', { audience: 'invoice', expires_in: 1.5 }],
    ['invalid_request', { audience: 'invoice', expires_in: Number.NaN }],
    ['invalid_request', { audience: 'invoice', caveats: ['ip 10.0.0.1/8'] }],
    ['invalid_request', { audience: 'invoice', caveats: ['note half \ud83d'] }],
    ['invalid_request', { audience: 'invoice', caveats: ['time-before tomorrow'] }],
    ['invalid_request', { audience: 'invoice', caveats: [''] }],
    ['invalid_request', { audience: 'invoice', caveats: [`account ${'x'.repeat(limits.maxConditionBytes)}`] }],
    ['invalid_request', { audience: 'invoice', caveats: Array.from({ length: 65 }, (_, i) => `account ${i}`) }],
    ['invalid_request', { audience: 'invoice', caveats: Array.from({ length: 8 }, (_, i) => `account ${i}${'x'.repeat(1000)}`) }],
  ])('refuses with %s: %j', async (code, request) => {
    const mail = await at.clientFor('invoice', 'mail');
    await at.clientFor('payroll', 'other');
    expect(await refusal(at.issuer.mint(mail, request))).toBe(code);
  });

  it('does not read conditions that fit into no token together, and counts one that is repeated once', async () => {
    const mail = await at.clientFor('invoice', 'mail');
    const long = (i: number) => `account ${i}${'x'.repeat(900)}`;
    const caveats = ['ip 10.0.0.1/8', ...Array.from({ length: 6 }, (_, i) => long(i))];
    await expect(at.issuer.mint(mail, { audience: 'invoice', caveats })).rejects.toMatchObject({ pointer: '/caveats' });
    const repeated = await at.issuer.mint(mail, { audience: 'invoice', caveats: Array.from({ length: 64 }, () => long(0)) });
    expect(repeated.caveats).toEqual([long(0)]);
  });

  it('reads a condition anew when it differs from one that it read before', async () => {
    const mail = await at.clientFor('invoice', 'mail');
    const ask = (condition: string) => at.issuer.mint(mail, { audience: 'invoice', caveats: [condition] });
    for (let i = 0; i < 2; i++) {
      expect((await ask('ip 10.0.0.0/8')).caveats).toEqual(['ip 10.0.0.0/8']);
      expect(await refusal(ask('ip 10.0.0.1/8'))).toBe('invalid_request');
      expect(await refusal(ask('ip 10.0.0.0/8 '))).toBe('invalid_request');
    }
  });

  it('adds what the grant requires before what was asked for, once', async () => {
    const mail = await at.clientFor('invoice', 'mail');
    const grant = { audience: 'invoice', actions: ['invoices:*'], required_caveats: ['ip 10.0.0.0/8', 'method GET'] };
    await at.issuer.putGrant(at.admin(), 'mail', grant);
    const minted = await at.issuer.mint(mail, { audience: 'invoice', caveats: ['method GET', 'account 42'] });
    expect(minted.caveats).toEqual(['ip 10.0.0.0/8', 'method GET', 'account 42']);
    const conditions = decode(minted.token).root.caveats.map((caveat) =>
      caveat.kind === 'first-party' ? new TextDecoder().decode(caveat.condition) : '',
    );
    expect(conditions).toEqual(minted.caveats);
  });

  it('records token and audit entry together, without the token', async () => {
    const mail = await at.clientFor('invoice', 'mail');
    const minted = await at.issuer.mint({ ...mail, address: '10.0.0.7', requestId: 'r-1' }, { audience: 'invoice' });
    expect(await at.store.read.token(minted.token_id)).toMatchObject({ client: 'mail', audience: 'invoice' });
    const { entries } = await at.issuer.audit({ event: 'token.minted', limit: 10 });
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({ actor: 'mail', token_id: minted.token_id, address: '10.0.0.7', request_id: 'r-1' });
    expect(JSON.stringify(entries)).not.toContain(minted.token);
  });

  it('gives nothing to a disabled client, to a retired credential, or under a removed grant', async () => {
    const mail = await at.clientFor('invoice', 'mail');
    await at.issuer.removeGrant(at.admin(), 'mail', 'invoice');
    expect(await refusal(at.issuer.mint(mail, { audience: 'invoice' }))).toBe('grant_exceeded');
    const other = await at.clientFor('invoice', 'other');
    await at.issuer.retireCredential(at.admin(), other.credentialId, 'other');
    expect(await refusal(at.issuer.mint(other, { audience: 'invoice' }))).toBe('invalid_client');
    const third = await at.clientFor('invoice', 'third');
    await at.issuer.disableClient(at.admin(), 'third');
    expect(await refusal(at.issuer.mint(third, { audience: 'invoice' }))).toBe('invalid_client');
    expect(await refusal(at.issuer.mint({ ...third, credentialId: other.credentialId }, { audience: 'invoice' }))).toBe(
      'invalid_client',
    );
  });

  it('issues above the time up to which the client is revoked, also with a clock that was set back', async () => {
    const mail = await at.clientFor('invoice', 'mail');
    const before = await at.issuer.mint(mail, { audience: 'invoice' });
    at.time.nowMs -= 30_000;
    const revocation = await at.issuer.revoke(at.admin(), { kind: 'client', client: 'mail' });
    expect(revocation).toMatchObject({ before: before.issued_at });
    const after = await at.issuer.mint(mail, { audience: 'invoice' });
    const isRevoked = (minted: { token_id: string; issued_at: string }) =>
      at.issuer.revocationOf({ tokenId: minted.token_id, client: 'mail', issuedAtMs: Date.parse(minted.issued_at) });
    expect(await isRevoked(before)).toBe('ERR_REVOKED_CLIENT');
    expect(await isRevoked(after)).toBeUndefined();
    at.time.nowMs -= 3_600_000;
    expect(await refusal(at.issuer.mint(mail, { audience: 'invoice' }))).toBe('unavailable');
  });
});

describe('the recovery token', () => {
  it('administers for ten minutes and is audited as local work', async () => {
    const minted = await mintRecoveryToken(at.deps);
    expect(minted).toMatchObject({ client: 'admin', audience: 'macaroond', actions: adminActions });
    expect(Date.parse(minted.expires_at) - Date.parse(minted.issued_at)).toBe(600_000);
    const { entries } = await at.issuer.audit({ tokenId: minted.token_id, limit: 10 });
    expect(entries[0]).toMatchObject({ event: 'token.minted', actor: '(local)' });
  });
});
