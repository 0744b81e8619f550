import { describe, expect, it } from 'vitest';
import { encodeBase64url } from '../../../../src/core/index.js';
import { enrolmentMac } from '../../../../src/protocol/shared-key-hmac.js';
import type { Route } from '../../../../src/server/http/route.js';
import { routes } from '../../../../src/server/http/route-table.js';
import { basic, certificateThumbprint, invitationKey, rootKeyId, tokenIdText, tokenOf } from './fake-issuer.js';
import { createTestApp } from './test-app.js';

/** Every kind of caller; `invoice` is the audience that routes are asked about. */
const roles = {
  nobody: undefined,
  'a client': basic('mail'),
  'the verifier of the audience': basic('invoice-server'),
  'the verifier of another audience': basic('pay-server'),
  'a client with a wrong secret': basic('mail', 'wrong'),
  'a disabled client': basic('fenced'),
  'an administrator': `Macaroon ${tokenOf()}`,
  'an administrator by Bearer': `Bearer ${tokenOf()}`,
  'an administrator of something else': `Macaroon ${tokenOf({ actions: ['something-else:write'] })}`,
  'an administrator whose token expired': `Macaroon ${tokenOf({ expiresAtMs: 1 })}`,
  'the holder of a token for another audience': `Macaroon ${tokenOf({
    audience: 'invoice',
    client: 'mail',
    actions: ['clients:write', 'clients:read', 'audit:read'],
  })}`,
} as const;
type Role = keyof typeof roles;

const administrators: readonly Role[] = ['an administrator', 'an administrator by Bearer'];
const clients: readonly Role[] = ['a client', 'the verifier of the audience', 'the verifier of another audience'];
const verifiers: readonly Role[] = ['the verifier of the audience', 'the verifier of another audience'];

const adminActions = [
  'clients:read',
  'clients:write',
  'root-keys:read',
  'root-keys:write',
  'grants:read',
  'grants:write',
  'audiences:read',
  'audiences:write',
  'revocations:write',
  'certificates:read',
  'certificates:write',
  'audit:read',
];

const nonce = new Uint8Array(32).fill(4);
const bodies: Readonly<Record<string, unknown>> = {
  '/v1/tokens': { audience: 'invoice' },
  '/v1/verify': { token: 'x', audience: 'invoice', context: { action: 'invoices:read' } },
  '/v1/revocations': { kind: 'token', token_id: tokenIdText },
  '/v1/clients': { client: 'new' },
  '/v1/clients/{client}/policy': { ips: [] },
  '/v1/clients/{client}/grants/{audience}': { actions: ['invoices:read'] },
  '/v1/audiences': { audience: 'new' },
  '/v1/ca/certificates': { csr: 'PEM', client: 'mail' },
  '/v1/invitations': { name: 'shop' },
  '/v1/enrolments': {
    invitation: 'inv_1',
    name: 'shop',
    nonce: encodeBase64url(nonce),
    mac: encodeBase64url(enrolmentMac(invitationKey, 'shop', nonce)),
  },
  '/v1/challenges': { client: 'mail', mode: 'sign', purpose: 'POST /v1/tokens' },
};

/** Written out here, not taken from the code under test: status that a role gets under each access rule. */
function expectedStatus({ access, status }: Route, role: Role): number {
  switch (access.by) {
    case 'anyone':
      return status;
    case 'client':
      return clients.includes(role) ? status : 401;
    case 'verifier':
      if (role === 'the verifier of the audience') return status;
      return clients.includes(role) ? 403 : 401;
    case 'verifier-any':
      if (verifiers.includes(role)) return status;
      return clients.includes(role) ? 403 : 401;
    case 'admin':
      if (administrators.includes(role)) return status;
      return role === 'an administrator of something else' ? 403 : 401;
    case 'admin-or-client':
      if (administrators.includes(role) || clients.includes(role)) return status;
      return role === 'an administrator of something else' ? 403 : 401;
  }
}

const pathOf = (route: Route): string =>
  route.path
    .replace('{client}', 'mail')
    .replace('{audience}', 'invoice')
    .replace('{thumbprint}', certificateThumbprint)
    .replace('{root_key_id}', rootKeyId)
    .replace('{credential_id}', 'cred-1')
    .replace('{invitation}', 'inv_1');

const pairs = routes.flatMap((route) =>
  (Object.keys(roles) as Role[]).map((role) => ({ name: `${route.method.toUpperCase()} ${route.path}`, role, route })),
);

describe('who may call what', () => {
  it.each(pairs)('$name by $role', async ({ route, role }) => {
    const { call, issuer } = createTestApp();
    issuer.disabled.add('fenced');
    const method = route.method.toUpperCase();
    const takesBody = method === 'POST' || method === 'PUT';
    const answer = await call(method, pathOf(route), {
      authorization: roles[role],
      body: takesBody ? (bodies[route.path] ?? {}) : undefined,
      from: '10.1.2.3',
    });
    const expected = expectedStatus(route, role);
    expect(answer.status, answer.text).toBe(expected);
    if (expected >= 400) expect(issuer.calls).toEqual([]);
    if (expected === 401) expect(answer.headers.get('www-authenticate')).toMatch(/^(?:Basic|Macaroon) realm="macaroond"/);
  });

  it('states an access rule for more than twenty routes, of every kind', () => {
    expect(routes.length).toBeGreaterThan(20);
    expect(new Set(routes.map((route) => route.access.by))).toEqual(
      new Set(['anyone', 'client', 'verifier', 'verifier-any', 'admin', 'admin-or-client']),
    );
  });

  it('lets no token through for an action that it does not cover, route by route', async () => {
    for (const route of routes) {
      if (route.access.by !== 'admin') continue;
      const { action } = route.access;
      const { call } = createTestApp();
      const wrong = `Macaroon ${tokenOf({ actions: adminActions.filter((other) => other !== action) })}`;
      const right = `Macaroon ${tokenOf({ actions: [action] })}`;
      const request = { body: route.method === 'post' || route.method === 'put' ? (bodies[route.path] ?? {}) : undefined };
      const method = route.method.toUpperCase();
      expect((await call(method, pathOf(route), { ...request, authorization: wrong })).status, route.path).toBe(403);
      expect((await call(method, pathOf(route), { ...request, authorization: right })).status, route.path).toBe(route.status);
    }
  });
});
