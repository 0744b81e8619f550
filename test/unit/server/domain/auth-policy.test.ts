/** Policies: what a clause may ask for, and who may change how a client proves itself. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkedPolicy } from '../../../../src/server/domain/auth-policy.js';
import { IssuerError } from '../../../../src/server/domain/issuer-error.js';
import { type IssuerAtHand, issuerAtHand, refusal } from '../../../support/issuer-at-hand.js';

/** Pointer of the member that is refused; `undefined` when nothing is. */
function refusedAt(policy: readonly (readonly string[])[], ips: readonly string[] = []): string | undefined {
  try {
    checkedPolicy(policy, ips);
    return undefined;
  } catch (error) {
    if (!(error instanceof IssuerError) || error.code !== 'invalid_request') throw error;
    return error.pointer;
  }
}

describe('a policy', () => {
  it.each([
    [[['client_secret_basic']]],
    [[['tls_client_auth'], ['http_sig']]],
    [
      [
        ['tls_client_auth', 'http_sig'],
        ['self_signed_tls_client_auth', 'encrypted_time'],
      ],
    ],
    [[['shared_key_hmac'], ['challenge_response']]],
  ])('may be %j', (policy) => {
    expect(refusedAt(policy)).toBeUndefined();
  });

  it.each([
    ['no alternative', [], '/auth'],
    ['more than eight', Array.from({ length: 9 }, () => ['http_sig']), '/auth'],
    ['an empty alternative', [['http_sig'], []], '/auth/1'],
    ['an unknown method', [['http_sig'], ['password']], '/auth/1/0'],
    ['a name of every object', [['constructor']], '/auth/0/0'],
    ['another spelling', [['HTTP_SIG']], '/auth/0/0'],
    ['a method twice', [['http_sig', 'http_sig']], '/auth/0/1'],
    ['an alternative twice', [['http_sig'], ['tls_client_auth'], ['http_sig']], '/auth/2'],
    [
      'an alternative twice in another order',
      [
        ['http_sig', 'tls_client_auth'],
        ['tls_client_auth', 'http_sig'],
      ],
      '/auth/1',
    ],
    ['two proofs of headers', [['http_sig', 'client_secret_basic']], '/auth/0'],
    ['two proofs of TLS', [['tls_client_auth', 'self_signed_tls_client_auth']], '/auth/0'],
  ])('is not %s', (_, policy, pointer) => {
    expect(refusedAt(policy)).toBe(pointer);
  });

  it('may ask for an address before there are ranges', () => {
    expect(refusedAt([['tls_client_auth'], ['http_sig', 'ip']])).toBeUndefined();
  });

  it('never takes an address for a proof', () => {
    expect(refusedAt([['ip']], ['10.0.0.0/8'])).toBe('/auth/0');
  });

  it('does not pretend to limit by addresses that no alternative asks for', () => {
    expect(refusedAt([['http_sig']], ['10.0.0.0/8'])).toBe('/ips');
    expect(refusedAt([['tls_client_auth'], ['http_sig', 'ip']], ['10.0.0.0/8'])).toBeUndefined();
  });
});

let at: IssuerAtHand;
beforeEach(async () => {
  at = await issuerAtHand();
});
afterEach(() => at.close());

describe('changing how a client proves itself', () => {
  it('is effective at once, changes what is named alone, and is in the audit log', async () => {
    await at.issuer.createClient(at.admin(), { client: 'mail', ips: ['10.0.0.0/8'], hosts: ['mail.example.com'] });
    const changed = await at.issuer.changePolicy(at.admin(), 'mail', { auth: [['http_sig', 'ip'], ['tls_client_auth']] });
    expect(changed).toMatchObject({ ips: ['10.0.0.0/8'], hosts: ['mail.example.com'] });
    expect(await at.issuer.credentialsForLogin('mail')).toMatchObject({
      authPolicy: [['http_sig', 'ip'], ['tls_client_auth']],
      ips: ['10.0.0.0/8'],
    });
    await at.issuer.changePolicy(at.admin(), 'mail', { auth: [['http_sig']], ips: [], hosts: [] });
    expect(await at.issuer.client('mail')).toMatchObject({ auth: [['http_sig']], ips: [], hosts: [] });
    const { entries } = await at.issuer.audit({ event: 'client.policy_changed', limit: 10 });
    expect(entries.map(({ actor, client, details }) => [actor, client, details['auth']])).toEqual([
      ['admin', 'mail', [['http_sig', 'ip'], ['tls_client_auth']]],
      ['admin', 'mail', [['http_sig']]],
    ]);
  });

  it('is refused where it makes no sense', async () => {
    await at.issuer.createClient(at.admin(), { client: 'mail', ips: ['10.0.0.0/8'] });
    const change = (request: Parameters<typeof at.issuer.changePolicy>[2], name = 'mail') =>
      refusal(at.issuer.changePolicy(at.admin(), name, request));
    expect(await change({})).toBe('invalid_request');
    expect(await change({ ips: [] })).toBe('invalid_request');
    expect(await change({ auth: [['http_sig']] })).toBe('invalid_request');
    expect(await change({ ips: ['10.0.0.1/8'] })).toBe('invalid_request');
    expect(await change({ hosts: ['*.example.com'] })).toBe('invalid_request');
    expect(await change({ hosts: [] }, 'nobody')).toBe('not_found');
    await at.issuer.disableClient(at.admin(), 'mail');
    expect(await change({ hosts: [] })).toBe('conflict');
  });

  it('names shared_key_hmac only for a client that enrolled, as no other can get its key', async () => {
    const auth = [['shared_key_hmac']] as const;
    expect(await refusal(at.issuer.createClient(at.admin(), { client: 'mail', auth }))).toBe('invalid_request');
    await at.issuer.createClient(at.admin(), { client: 'mail' });
    expect(await refusal(at.issuer.changePolicy(at.admin(), 'mail', { auth }))).toBe('conflict');
  });

  it('asks for an address that nobody has until the ranges are set', async () => {
    const auth = [['tls_client_auth'], ['http_sig', 'ip']];
    expect(await at.issuer.createClient(at.admin(), { client: 'mail', auth })).toMatchObject({ auth, ips: [] });
    expect(await at.issuer.changePolicy(at.admin(), 'mail', { ips: ['10.0.0.0/8'] })).toMatchObject({
      auth,
      ips: ['10.0.0.0/8'],
    });
    expect(await refusal(at.issuer.changePolicy(at.admin(), 'mail', { ips: [] }))).toBe('invalid_request');
    expect(await refusal(at.issuer.changePolicy(at.admin(), 'mail', { auth, ips: [] }))).toBe('invalid_request');
  });

  it('is as strong as a new credential: not for who may not add one', async () => {
    await at.clientFor('invoice', 'mail');
    await at.issuer.putGrant(at.admin(), 'mail', { audience: 'macaroond', actions: ['audit:read'] });
    const change = { auth: [['http_sig']] };
    expect(await refusal(at.issuer.changePolicy(at.admin(['clients:write']), 'mail', change))).toBe('forbidden');
    expect(await refusal(at.issuer.changePolicy({ ...at.admin(), isConfined: true }, 'mail', change))).toBe('forbidden');
    expect(await refusal(at.issuer.changePolicy(at.admin(['clients:write']), 'admin', change))).toBe('forbidden');
    expect((await at.issuer.client('mail')).auth).toEqual([['client_secret_basic']]);
    await at.issuer.changePolicy(at.admin(['clients:write', 'audit:read']), 'mail', change);
  });
});

describe('an administrator', () => {
  const hmac = { auth_method: 'http_sig', algorithm: 'hmac-sha256' } as const;

  it('cannot shut client admin out, and changes its method once the new one has a credential', async () => {
    const change = { auth: [['http_sig']] };
    expect(await refusal(at.issuer.changePolicy(at.admin(), 'admin', change))).toBe('conflict');
    const both = { auth: [['client_secret_basic', 'tls_client_auth']] };
    expect(await refusal(at.issuer.changePolicy(at.admin(), 'admin', both))).toBe('conflict');
    const fromNowhere = { auth: [['client_secret_basic', 'ip']] };
    expect(await refusal(at.issuer.changePolicy(at.admin(), 'admin', fromNowhere))).toBe('conflict');
    expect((await at.issuer.client('admin')).auth).toEqual([['client_secret_basic']]);
    await at.issuer.addCredential(at.admin(), 'admin', hmac);
    await at.issuer.changePolicy(at.admin(), 'admin', change);
    expect((await at.issuer.client('admin')).auth).toEqual([['http_sig']]);
  });

  it('cannot retire the last credential that lets it in, its own or that of admin', async () => {
    const [first] = await at.issuer.credentials('admin');
    const retire = (id: string) => at.issuer.retireCredential(at.admin(), id, 'admin');
    expect(await refusal(retire(first?.credential_id ?? ''))).toBe('conflict');
    await at.issuer.addCredential(at.admin(), 'admin', hmac);
    expect(await refusal(retire(first?.credential_id ?? ''))).toBe('conflict');
    await at.issuer.addCredential(at.admin(), 'admin', {});
    expect((await retire(first?.credential_id ?? '')).state).toBe('retired');

    const helper = await at.issuer.createClient(at.admin(), { client: 'helper' });
    const own = helper.credentials[0]?.credential_id ?? '';
    expect(await refusal(at.issuer.retireCredential(at.admin(undefined, 'helper'), own, 'helper'))).toBe('conflict');
    expect((await at.issuer.retireCredential(at.admin(), own, 'helper')).state).toBe('retired');
  });
});
