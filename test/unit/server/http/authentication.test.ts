import { describe, expect, it } from 'vitest';
import { addFirstPartyCaveat, decode, encode } from '../../../../src/core/index.js';
import { basic, tokenOf } from './fake-issuer.js';
import { createTestApp } from './test-app.js';

const mintBody = { audience: 'invoice' };

describe('clients', () => {
  it.each([
    ['a wrong secret', basic('mail', 'wrong')],
    ['an unknown client', basic('nobody', 'wrong')],
    ['a disabled client', basic('pay-server')],
    ['a wrong address', basic('fenced')],
    ['credentials that cannot be read', 'Basic !'],
    ['no credentials', undefined],
    ['a macaroon instead', `Macaroon ${tokenOf()}`],
  ])('are refused with one and the same answer: %s', async (_, authorization) => {
    const { call, issuer } = createTestApp();
    issuer.disabled.add('pay-server');
    const answer = await call('POST', '/v1/tokens', { authorization, body: mintBody });
    expect(answer.status).toBe(401);
    expect({ ...answer.json, instance: '' }).toEqual({
      type: 'urn:macaroond:problem:invalid_client',
      title: 'The client could not be authenticated',
      status: 401,
      code: 'invalid_client',
      instance: '',
    });
    expect(answer.headers.get('www-authenticate')).toBe('Basic realm="macaroond", charset="UTF-8"');
    expect(issuer.failures).toHaveLength(1);
    expect(issuer.calls).toEqual([]);
  });

  it('are refused with 400 when Authorization is repeated', async () => {
    const { call } = createTestApp();
    const answer = await call('POST', '/v1/tokens', { authorization: `${basic('mail')}, ${basic('mail')}`, body: mintBody });
    expect(answer.status).toBe(400);
    expect(answer.json['code']).toBe('invalid_request');
  });

  it('are stopped at the limit of failures with Retry-After, each address for itself', async () => {
    const failureLimits = { perClientAndAddress: 3, perAddress: 10, windowSeconds: 60, maxKeys: 100 };
    const { call, issuer } = createTestApp({ failureLimits });
    const attempt = (secret: string | undefined, from: string) =>
      call('POST', '/v1/tokens', { authorization: basic('mail', secret), body: mintBody, from });
    for (let i = 0; i < 3; i++) expect((await attempt('wrong', '203.0.113.1')).status).toBe(401);
    const blocked = await attempt(undefined, '203.0.113.1');
    expect(blocked.status).toBe(429);
    expect(blocked.json['code']).toBe('rate_limited');
    expect(Number(blocked.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await attempt(undefined, '203.0.113.2')).status).toBe(201);
    expect(issuer.failures.at(-1)).toMatchObject({ event: 'login.failed', reason: 'rate_limited', client: 'mail' });
  });

  it('are known by the address that a listed proxy forwards, and by the socket otherwise', async () => {
    const headers = { 'x-forwarded-for': '10.1.2.3' };
    const attempt = async (trustedProxies: readonly string[]) => {
      const { call } = createTestApp({ trustedProxies });
      return (await call('POST', '/v1/tokens', { authorization: basic('fenced'), body: mintBody, headers, from: '192.0.2.7' }))
        .status;
    };
    expect(await attempt([])).toBe(401);
    expect(await attempt(['198.51.100.0/24'])).toBe(401);
    expect(await attempt(['192.0.2.7'])).toBe(201);
  });

  it('who cannot be placed are limited by where their connection comes from, not all together', async () => {
    const failureLimits = { perClientAndAddress: 3, perAddress: 3, windowSeconds: 60, maxKeys: 100 };
    const { call } = createTestApp({ failureLimits, trustedProxies: ['192.0.2.0/24'] });
    const attempt = async (secret: string | undefined, from: string, forwarded: string) => {
      const headers = { 'x-forwarded-for': forwarded };
      return (await call('POST', '/v1/tokens', { authorization: basic('mail', secret), body: mintBody, from, headers })).status;
    };
    for (const forwarded of ['unknown', '', '_hidden']) expect(await attempt('wrong', '192.0.2.7', forwarded)).toBe(401);
    expect(await attempt(undefined, '192.0.2.7', 'unknown')).toBe(429);
    expect(await attempt(undefined, '192.0.2.8', 'unknown')).toBe(201);
    expect(await attempt(undefined, '192.0.2.7', '203.0.113.9')).toBe(201);
  });

  it('cannot smuggle an address past a listed proxy', async () => {
    const { call } = createTestApp({ trustedProxies: ['192.0.2.7'] });
    const headers = { 'x-forwarded-for': '10.1.2.3, 203.0.113.9' };
    const answer = await call('POST', '/v1/tokens', { authorization: basic('fenced'), body: mintBody, headers });
    expect(answer.status).toBe(401);
  });
});

describe('administrators', () => {
  const list = (authorization: string | undefined, from = '192.0.2.7') => {
    const { call, issuer } = createTestApp();
    return call('GET', '/v1/clients', { authorization, from }).then((answer) => ({ ...answer, issuer }));
  };
  const attenuated = (condition: string): string => {
    const { root } = decode(tokenOf());
    return `Macaroon ${encode({ root: addFirstPartyCaveat(root, condition), discharges: [] })}`;
  };

  it('are passed on with what their token still allows', async () => {
    const { call, issuer } = createTestApp();
    const authorization = attenuated('action clients:write,audit:read');
    await call('POST', '/v1/clients', { authorization, body: { client: 'new' } });
    expect(issuer.calls[0]).toMatchObject({
      name: 'createClient',
      args: [
        { kind: 'admin', client: 'admin', actions: ['clients:write', 'audit:read'], address: '192.0.2.7' },
        { client: 'new' },
      ],
    });
  });

  it.each([
    ['method GET', 200],
    ['method POST', 403],
    ['path /v1/clients', 200],
    ['path /v1/audit', 403],
    ['ip 192.0.2.0/24', 200],
    ['ip 10.0.0.0/8', 403],
    ['action clients:read', 200],
    ['action audit:read', 403],
    ['time-before 2026-11-21T12:00:01Z', 200],
    ['time-before 2026-11-21T12:00:00Z', 403],
    ['account 42', 403],
  ])('are held to their caveats: %s', async (condition, status) => {
    const answer = await list(attenuated(condition));
    expect(answer.status).toBe(status);
    if (status === 403) expect(answer.json).toMatchObject({ code: 'caveat_denied', caveat_index: 0 });
  });

  it.each([
    ['no token', undefined, 'authorization-missing'],
    ['a client instead', basic('mail'), 'authorization-other-scheme'],
    ['an expired token', `Macaroon ${tokenOf({ expiresAtMs: 1 })}`, 'ERR_TOKEN_EXPIRED'],
    ['a token for another audience', `Macaroon ${tokenOf({ audience: 'invoice', client: 'mail' })}`, 'ERR_SIGNATURE_MISMATCH'],
    ['a cut token', `Macaroon ${tokenOf().slice(0, -2)}`, 'ERR_FORMAT_CHECKSUM'],
    ['a token of a client without the key', `Macaroon ${tokenOf({ client: 'mail' })}`, 'ERR_TOKEN_CLIENT'],
  ])('are told no more than invalid_token; the reason is noted: %s', async (_, authorization, reason) => {
    const answer = await list(authorization);
    expect(answer.status).toBe(401);
    expect(answer.json['code']).toBe('invalid_token');
    expect(answer.text).not.toContain('ERR_');
    expect(answer.headers.get('www-authenticate')).toMatch(/^Macaroon realm="macaroond"/);
    expect(answer.issuer.failures).toMatchObject([{ event: 'token.denied', reason, address: '192.0.2.7' }]);
  });

  it('are told of the error in WWW-Authenticate', async () => {
    const answer = await list(`Macaroon ${tokenOf({ expiresAtMs: 1 })}`);
    expect(answer.headers.get('www-authenticate')).toBe('Macaroon realm="macaroond", error="invalid_token"');
  });

  it('are refused when the key source says that the token was revoked', async () => {
    const { call, issuer } = createTestApp();
    issuer.replace('revocationOf', () => 'ERR_REVOKED_TOKEN');
    expect((await call('GET', '/v1/clients', { authorization: `Macaroon ${tokenOf()}` })).status).toBe(401);
    expect(issuer.failures).toMatchObject([{ reason: 'ERR_REVOKED_TOKEN' }]);
  });
});

describe('revoking', () => {
  const body = { kind: 'client', client: 'mail' };
  it('is passed on with the kind of caller', async () => {
    const { call, issuer } = createTestApp();
    await call('POST', '/v1/revocations', { authorization: basic('mail'), body });
    await call('POST', '/v1/revocations', { authorization: `Bearer ${tokenOf()}`, body });
    expect(issuer.calls.map(({ args }) => args[0])).toMatchObject([
      { kind: 'client', client: 'mail' },
      { kind: 'admin', client: 'admin' },
    ]);
  });

  it.each(['/v1/revocations', '/v1/clients'])(
    'is refused with a token and the proof of a client in one request: %s',
    async (path) => {
      const { call, issuer } = createTestApp();
      const options = { authorization: `Macaroon ${tokenOf()}`, headers: { 'macaroond-mac': 'nonsense' } };
      const answer = await call('POST', path, { ...options, body: path === '/v1/clients' ? { client: 'new' } : body });
      expect([answer.status, answer.json['code']]).toEqual([400, 'invalid_request']);
      expect(issuer.calls).toEqual([]);
    },
  );

  it('tells who proves nothing of both ways', async () => {
    const answer = await createTestApp().call('POST', '/v1/revocations', { body });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Basic realm="macaroond", charset="UTF-8", Macaroon realm="macaroond"');
  });
});
