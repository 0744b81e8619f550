import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ClientAuthenticator, LoginAccount } from '../../../../src/server/auth/client-authenticator.js';
import { createClientSecretBasic } from '../../../../src/server/auth/client-secret-basic.js';
import { type ClientLogin, createClientLogin } from '../../../../src/server/auth/registry.js';
import type { FailureNote } from '../../../../src/server/domain/issuer.js';
import type { CredentialRecord } from '../../../../src/server/domain/records.js';

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url');
const credentialOf = (id: string, secret: string): CredentialRecord => ({
  id,
  client: 'mail',
  authMethod: 'client_secret_basic',
  secretHash: hashOf(secret),
  createdAtMs: 0,
  retiredAtMs: null,
});
const basic = (id: string, secret: string): string => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;

const account: LoginAccount = {
  state: 'active',
  authPolicy: [['client_secret_basic']],
  ips: [],
  live: [credentialOf('c1', 'one'), credentialOf('c2', 'two')],
};
const fenced: LoginAccount = { ...account, authPolicy: [['client_secret_basic', 'ip']], ips: ['10.0.0.0/8', '2001:db8::/32'] };

interface Harness {
  readonly clientLogin: ClientLogin;
  readonly failures: FailureNote[];
  readonly lookups: string[];
  attempt(authorization: string | undefined, address?: string): Promise<unknown>;
}

function harness(accounts: Readonly<Record<string, LoginAccount>>, authenticators?: readonly ClientAuthenticator[]): Harness {
  const failures: FailureNote[] = [];
  const lookups: string[] = [];
  const issuer = {
    credentialsForLogin: async (client: string) => {
      lookups.push(client);
      return accounts[client];
    },
    noteFailure: async (note: FailureNote) => {
      failures.push(note);
    },
  };
  const failureLimits = { perClientAndAddress: 3, perAddress: 6, windowSeconds: 60, maxKeys: 100 };
  const clientLogin = createClientLogin({ issuer, failureLimits, authenticators });
  const attempt = (authorization: string | undefined, address = '192.0.2.1'): Promise<unknown> =>
    clientLogin.login({ authorization, address }, { address, requestId: 'r' });
  return { clientLogin, failures, lookups, attempt };
}

describe('logging a client in', () => {
  it.each([
    ['one', 'c1'],
    ['two', 'c2'],
  ])('accepts either of two live credentials: %s', async (secret, credentialId) => {
    const { attempt } = harness({ mail: account });
    expect(await attempt(basic('mail', secret))).toEqual({
      ok: true,
      caller: {
        kind: 'client',
        client: 'mail',
        credentialId,
        authMethods: ['client_secret_basic'],
        address: '192.0.2.1',
        requestId: 'r',
      },
    });
  });

  it.each([
    ['a wrong secret', 'mail', basic('mail', 'three'), 'secret_wrong'],
    ['an unknown client', 'nobody', basic('nobody', 'one'), 'client_unknown'],
    ['a name that is none', undefined, basic('NOBODY!', 'one'), 'client_unknown'],
    ['a disabled client', 'gone', basic('gone', 'one'), 'client_disabled'],
    ['a wrong address', 'fenced', basic('fenced', 'one'), 'address_denied'],
    ['a method that the policy does not name', 'other', basic('other', 'one'), 'auth_method_not_allowed'],
    ['a client without credentials', 'bare', basic('bare', ''), 'secret_wrong'],
    ['credentials that cannot be read', undefined, 'Basic ***', 'credentials_malformed'],
    ['no credentials', undefined, undefined, 'credentials_missing'],
    ['another scheme', undefined, 'Bearer abc', 'credentials_missing'],
  ])('answers alike, and notes exactly: %s', async (_, client, authorization, reason) => {
    const { attempt, failures } = harness({
      mail: account,
      gone: { ...account, state: 'disabled' },
      fenced,
      other: { ...account, authPolicy: [['tls_client_auth']] },
      bare: { ...account, live: [] },
    });
    expect(await attempt(authorization)).toEqual({ ok: false, code: 'invalid_client' });
    expect(failures).toEqual([{ event: 'login.failed', client, reason, address: '192.0.2.1', requestId: 'r' }]);
  });

  it('holds a client to its addresses, IPv4-mapped ones included', async () => {
    const { attempt } = harness({ fenced });
    for (const address of ['10.9.8.7', '::ffff:10.9.8.7', '2001:db8::1']) {
      expect(await attempt(basic('fenced', 'one'), address)).toMatchObject({
        ok: true,
        caller: { authMethods: ['client_secret_basic', 'ip'] },
      });
    }
    for (const address of ['11.0.0.1', '2001:db9::1', 'nonsense']) {
      expect(await attempt(basic('fenced', 'one'), address)).toEqual({ ok: false, code: 'invalid_client' });
    }
  });

  it('never takes an address for a proof: a clause of conditions alone does not count', async () => {
    const { attempt } = harness({
      odd: { ...account, authPolicy: [['ip'], ['client_secret_basic', 'ip']], ips: ['10.0.0.0/8'] },
    });
    expect(await attempt(basic('odd', 'wrong'), '10.0.0.1')).toEqual({ ok: false, code: 'invalid_client' });
    expect(await attempt(basic('odd', 'one'), '192.0.2.1')).toEqual({ ok: false, code: 'invalid_client' });
    expect(await attempt(basic('odd', 'one'), '10.0.0.1')).toMatchObject({ ok: true });
  });

  it('takes the first clause of the policy that holds', async () => {
    const open: LoginAccount = { ...fenced, authPolicy: [['client_secret_basic', 'ip'], ['client_secret_basic']] };
    const { attempt } = harness({ open });
    expect(await attempt(basic('open', 'one'), '10.0.0.1')).toMatchObject({
      caller: { authMethods: ['client_secret_basic', 'ip'] },
    });
    expect(await attempt(basic('open', 'one'), '192.0.2.1')).toMatchObject({ caller: { authMethods: ['client_secret_basic'] } });
  });

  it('refuses two mechanisms in one request, and two joined headers', async () => {
    const other: ClientAuthenticator = {
      method: 'other',
      recognises: () => true,
      authenticate: () => Promise.reject(new Error('must not be asked')),
    };
    const basicMethod = createClientSecretBasic({ credentialsForLogin: async () => account });
    const twice = harness({ mail: account }, [basicMethod, other]);
    expect(await twice.attempt(basic('mail', 'one'))).toEqual({ ok: false, code: 'invalid_request' });
    const joined = harness({ mail: account });
    expect(await joined.attempt(`${basic('mail', 'one')}, ${basic('mail', 'one')}`)).toEqual({
      ok: false,
      code: 'invalid_request',
    });
    expect(await joined.attempt(`${basic('mail', 'one')}, Bearer abc`)).toEqual({ ok: false, code: 'invalid_request' });
  });
});

describe('limits on failures', () => {
  it('stops an attacker at the limit, also with the right secret, and lets the client in from its own address', async () => {
    const { attempt, failures } = harness({ mail: account });
    for (let i = 0; i < 3; i++) expect(await attempt(basic('mail', 'wrong'))).toMatchObject({ code: 'invalid_client' });
    expect(await attempt(basic('mail', 'one'))).toEqual({
      ok: false,
      code: 'rate_limited',
      retryAfterSeconds: expect.any(Number),
    });
    expect(failures.at(-1)).toMatchObject({ reason: 'rate_limited', client: 'mail' });
    expect(await attempt(basic('mail', 'one'), '192.0.2.2')).toMatchObject({ ok: true });
  });

  it('does not count a success', async () => {
    const { attempt } = harness({ mail: account });
    for (let i = 0; i < 20; i++) expect(await attempt(basic('mail', 'one'))).toMatchObject({ ok: true });
  });

  it('stops an address that goes through names, without a lookup', async () => {
    const { attempt, lookups } = harness({ mail: account });
    for (let i = 0; i < 6; i++) await attempt(basic(`name${i}`, 'wrong'));
    const before = lookups.length;
    expect(await attempt(basic('mail', 'one'))).toMatchObject({ code: 'rate_limited' });
    expect(lookups.length).toBe(before);
  });

  it('cannot be passed by attempts in parallel', async () => {
    const { attempt } = harness({ mail: account });
    const wrong = await Promise.all(Array.from({ length: 20 }, () => attempt(basic('mail', 'wrong'))));
    expect(wrong.every((result) => (result as { ok: boolean }).ok === false)).toBe(true);
    expect(await attempt(basic('mail', 'one'))).toMatchObject({ code: 'rate_limited' });
  });
});
