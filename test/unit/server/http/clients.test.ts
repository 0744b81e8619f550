/** Clients and credentials over HTTP: members that no auth method has are refused by name, and what a use case refuses is told with its pointer. */
import { describe, expect, it } from 'vitest';
import { IssuerError } from '../../../../src/server/domain/issuer-error.js';
import { tokenOf } from './fake-issuer.js';
import { createTestApp } from './test-app.js';

const authorization = `Macaroon ${tokenOf()}`;
const credentials = '/v1/clients/mail/credentials';

async function post(path: string, body: unknown) {
  const { call, issuer } = createTestApp();
  const answer = await call('POST', path, { authorization, body });
  return { answer, used: issuer.calls.map(({ name, args }) => [name, ...args.slice(1)]) };
}

describe('a new credential', () => {
  it.each([
    [{}],
    [{ auth_method: 'client_secret_basic', ips: ['10.0.0.0/8'] }],
    [{ auth_method: 'http_sig', algorithm: 'hmac-sha256' }],
    [{ auth_method: 'http_sig', public_key: 'PEM', algorithm: 'ed25519' }],
    [{ auth_method: 'challenge_response', mode: 'decrypt', public_key: 'PEM' }],
    [{ auth_method: 'encrypted_time' }],
    [{ auth_method: 'tls_client_auth', san: 'dns:mail.example.com' }],
    [{ auth_method: 'tls_client_auth', subject: 'CN=mail' }],
    [{ auth_method: 'self_signed_tls_client_auth', certificate: 'PEM' }],
  ])('may be %j', async (body) => {
    const { answer, used } = await post(credentials, body);
    expect(answer.status, answer.text).toBe(201);
    expect(used).toEqual([['addCredential', 'mail', body]]);
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['/auth_method', { auth_method: 'shared_key_hmac' }],
    ['/auth_method', { auth_method: 'ip' }],
    ['/auth_method', { auth_method: null }],
    ['/secret', { secret: 'mcs_of_my_own' }],
    ['/secret', { auth_method: 'http_sig', algorithm: 'hmac-sha256', secret: 'mcs_of_my_own' }],
    ['/private_key', { auth_method: 'http_sig', private_key: 'PEM' }],
    ['/algorithm', { auth_method: 'http_sig', algorithm: 'rsa-v1_5-sha256', public_key: 'PEM' }],
    ['/public_key', { auth_method: 'http_sig', public_key: 'x'.repeat(16_385) }],
    ['/mode', { auth_method: 'challenge_response', public_key: 'PEM' }],
    ['/public_key', { auth_method: 'challenge_response', mode: 'sign' }],
    ['/san', { auth_method: 'encrypted_time', san: 'dns:mail.example.com' }],
    ['/san', { auth_method: 'tls_client_auth', san: ['dns:mail.example.com'] }],
    ['/certificate', { auth_method: 'self_signed_tls_client_auth' }],
    ['/ips/0', { ips: ['localhost'] }],
  ])('is refused at %s: %j', async (pointer, body) => {
    const { answer, used } = await post(credentials, body);
    expect(answer.json).toMatchObject({ status: 400, code: 'invalid_request', errors: [{ pointer }] });
    expect(used).toEqual([]);
  });

  it('that the use case refuses is told with the pointer to the member, and nothing of its text', async () => {
    const { call, issuer } = createTestApp();
    issuer.replace('addCredential', async () => {
      throw new IssuerError('invalid_request', 'the key is none of those', '/public_key');
    });
    const body = { auth_method: 'http_sig', public_key: 'a secret in the wrong place' };
    const answer = await call('POST', credentials, { authorization, body });
    expect(answer.json).toMatchObject({ status: 400, errors: [{ pointer: '/public_key', detail: 'the key is none of those' }] });
    expect(answer.text).not.toContain('wrong place');
  });
});

describe('a client', () => {
  it('takes policy, addresses, hosts and bound grants, and is answered with its credentials', async () => {
    const body = {
      client: 'mail',
      auth: [['tls_client_auth'], ['http_sig', 'ip']],
      ips: ['10.0.0.0/8'],
      hosts: ['mail.example.com'],
      grants: [{ audience: 'invoice', actions: ['invoices:read'], bind: ['ip', 'certificate', 'key'] }],
    };
    const { answer, used } = await post('/v1/clients', body);
    expect(answer.status, answer.text).toBe(201);
    expect(answer.json).toMatchObject({ client: 'mail', credentials: [{ credential_id: 'cred-2', secret: 'shown-once' }] });
    expect(used).toEqual([['createClient', body]]);
  });

  it('changes by what is named alone', async () => {
    const { answer, used } = await post('/v1/clients/mail/policy', { hosts: [] });
    expect(answer.status, answer.text).toBe(200);
    expect(used).toEqual([['changePolicy', 'mail', { hosts: [] }]]);
  });

  it.each([
    ['/auth/0', { auth: ['http_sig'] }],
    ['/auth', { auth: [['http_sig']].concat(Array.from({ length: 64 }, () => ['ip'])) }],
    ['/hosts', { hosts: 'mail.example.com' }],
    ['/state', { state: 'active' }],
    ['/grants', { grants: [] }],
  ])('does not change by what is no policy: %s', async (pointer, body) => {
    const { answer, used } = await post('/v1/clients/mail/policy', body);
    expect(answer.json).toMatchObject({ status: 400, code: 'invalid_request', errors: [{ pointer }] });
    expect(used).toEqual([]);
  });

  it('is granted nothing that is bound to what is not known', async () => {
    const { call } = createTestApp();
    const body = { actions: ['invoices:read'], bind: ['location'] };
    const answer = await call('PUT', '/v1/clients/mail/grants/invoice', { authorization, body });
    expect(answer.json).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/bind/0' }] });
  });
});
