/**
 * Every route by every role on a running issuer with its real store. Who may call what is written out here, apart from the code, and every
 * route of the table must be in it.
 */
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attenuate } from '../../src/client/index.js';
import { routes } from '../../src/server/http/route-table.js';
import { createSigningRequest } from '../../src/transport/signing-request.js';
import { type ApiOptions, type IssuerProcess, startIssuer } from '../support/issuer-process.js';

const roles = [
  'nobody',
  'client',
  'other client',
  'verifier',
  'verifier of another audience',
  'administrator',
  'administrator with another action',
  'administrator from another address',
  'token for another audience',
] as const;
type Role = (typeof roles)[number];

const everyone = roles;
const clients: readonly Role[] = ['client', 'other client', 'verifier', 'verifier of another audience'];
const verifiers: readonly Role[] = ['verifier', 'verifier of another audience'];
const administrator: readonly Role[] = ['administrator'];

interface Scene {
  readonly client: string;
  readonly tokenId: string;
  readonly token: string;
  readonly passiveRootKey: string;
  readonly rootKey: string;
  readonly credential: string;
  readonly thumbprint: string;
  readonly invitation: string;
}

interface Row {
  readonly may: readonly Role[];
  /** What is asked of the objects of `scene`; `n` makes new names differ. */
  readonly ask: (scene: Scene, n: number) => { readonly path: string; readonly body?: unknown };
}

const context = { action: 'invoices:read' };
const at =
  (path: string, body?: unknown): Row['ask'] =>
  () => ({ path, body });

const table: Readonly<Record<string, Row>> = {
  'get /livez': { may: everyone, ask: at('/livez') },
  'get /readyz': { may: everyone, ask: at('/readyz') },
  'get /.well-known/macaroond': { may: everyone, ask: at('/.well-known/macaroond') },
  'get /v1/openapi.json': { may: everyone, ask: at('/v1/openapi.json') },
  'post /v1/tokens': { may: ['client'], ask: at('/v1/tokens', { audience: 'invoice' }) },
  'post /v1/verify': {
    may: ['verifier'],
    ask: ({ token }) => ({ path: '/v1/verify', body: { token, audience: 'invoice', context } }),
  },
  'get /v1/audiences/{audience}/keys': { may: ['verifier'], ask: at('/v1/audiences/invoice/keys') },
  'get /v1/audiences/{audience}/keys/{root_key_id}': {
    may: ['verifier'],
    ask: ({ rootKey }) => ({ path: `/v1/audiences/invoice/keys/${rootKey}` }),
  },
  'get /v1/revocations': { may: verifiers, ask: at('/v1/revocations') },
  'post /v1/revocations': {
    may: ['client', 'administrator'],
    ask: ({ tokenId }) => ({ path: '/v1/revocations', body: { kind: 'token', token_id: tokenId } }),
  },
  'get /v1/ca': { may: everyone, ask: at('/v1/ca') },
  'get /v1/ca/crl': { may: everyone, ask: at('/v1/ca/crl') },
  'get /v1/ca/certificates': { may: administrator, ask: at('/v1/ca/certificates') },
  'post /v1/ca/certificates': {
    may: ['client', 'administrator'],
    ask: ({ client }) => ({ path: '/v1/ca/certificates', body: { csr, client } }),
  },
  'post /v1/ca/certificates/{thumbprint}/revoke': {
    may: ['client', 'administrator'],
    ask: ({ thumbprint }) => ({ path: `/v1/ca/certificates/${thumbprint}/revoke` }),
  },
  'post /v1/challenges': {
    may: everyone,
    ask: ({ client }) => ({ path: '/v1/challenges', body: { client, mode: 'sign', purpose: 'POST /v1/tokens' } }),
  },
  'get /v1/invitations': { may: administrator, ask: at('/v1/invitations') },
  'post /v1/invitations': { may: administrator, ask: (_, n) => ({ path: '/v1/invitations', body: { name: `guest-${n}` } }) },
  'post /v1/invitations/{invitation}/revoke': {
    may: administrator,
    ask: ({ invitation }) => ({ path: `/v1/invitations/${invitation}/revoke` }),
  },
  // Its own proof is the MAC alone, and this one is nobody's.
  'post /v1/enrolments': {
    may: [],
    ask: ({ invitation }, n) => ({
      path: '/v1/enrolments',
      body: { invitation, name: `guest-${n}`, nonce: 'A'.repeat(43), mac: 'A'.repeat(43) },
    }),
  },
  'post /v1/clients/{client}/policy': {
    may: administrator,
    ask: ({ client }) => ({ path: `/v1/clients/${client}/policy`, body: { hosts: [] } }),
  },
  'get /v1/clients': { may: administrator, ask: at('/v1/clients') },
  'post /v1/clients': { may: administrator, ask: (_, n) => ({ path: '/v1/clients', body: { client: `new-${n}` } }) },
  'get /v1/clients/{client}': { may: administrator, ask: ({ client }) => ({ path: `/v1/clients/${client}` }) },
  'post /v1/clients/{client}/disable': { may: administrator, ask: ({ client }) => ({ path: `/v1/clients/${client}/disable` }) },
  'get /v1/clients/{client}/credentials': {
    may: administrator,
    ask: ({ client }) => ({ path: `/v1/clients/${client}/credentials` }),
  },
  'post /v1/clients/{client}/credentials': {
    may: administrator,
    ask: ({ client }) => ({ path: `/v1/clients/${client}/credentials` }),
  },
  'post /v1/credentials/{credential_id}/retire': {
    may: administrator,
    ask: ({ credential }) => ({ path: `/v1/credentials/${credential}/retire` }),
  },
  'get /v1/clients/{client}/root-keys': {
    may: administrator,
    ask: ({ client }) => ({ path: `/v1/clients/${client}/root-keys` }),
  },
  'post /v1/clients/{client}/root-keys': {
    may: administrator,
    ask: ({ client }) => ({ path: `/v1/clients/${client}/root-keys` }),
  },
  'post /v1/clients/{client}/root-keys/{root_key_id}/destroy': {
    may: administrator,
    ask: ({ client, passiveRootKey }) => ({ path: `/v1/clients/${client}/root-keys/${passiveRootKey}/destroy` }),
  },
  'get /v1/clients/{client}/grants': { may: administrator, ask: ({ client }) => ({ path: `/v1/clients/${client}/grants` }) },
  'put /v1/clients/{client}/grants/{audience}': {
    may: administrator,
    ask: ({ client }) => ({ path: `/v1/clients/${client}/grants/payroll`, body: { actions: ['payroll:read'] } }),
  },
  'delete /v1/clients/{client}/grants/{audience}': {
    may: administrator,
    ask: ({ client }) => ({ path: `/v1/clients/${client}/grants/invoice` }),
  },
  'put /v1/clients/{client}/verifier-of/{audience}': {
    may: administrator,
    ask: ({ client }) => ({ path: `/v1/clients/${client}/verifier-of/payroll` }),
  },
  'get /v1/audiences': { may: administrator, ask: at('/v1/audiences') },
  'post /v1/audiences': { may: administrator, ask: (_, n) => ({ path: '/v1/audiences', body: { audience: `new-${n}` } }) },
  'post /v1/audiences/{audience}/rotate': { may: administrator, ask: at('/v1/audiences/scratch/rotate', {}) },
  'get /v1/audit': { may: administrator, ask: at('/v1/audit') },
};

const csr = createSigningRequest(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);

let issuer: IssuerProcess;
let admin = '';
const proofs = new Map<Role, ApiOptions>();
const secrets = new Map<string, { client: string; secret: string; credential_id: string }>();
let n = 0;

async function administer(method: string, path: string, body?: unknown) {
  const answer = await issuer.api(method, path, { macaroon: admin, ...(body === undefined ? {} : { body }) });
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  return answer.body;
}

async function addClient(request: Readonly<Record<string, unknown>>) {
  const { client, credentials } = await administer('POST', '/v1/clients', request);
  const made = { client, ...credentials[0] };
  secrets.set(client, made);
  return made;
}

const invoiceGrant = { audience: 'invoice', actions: ['invoices:read'] };

beforeAll(async () => {
  issuer = await startIssuer();
  admin = await issuer.adminToken();
  for (const audience of ['invoice', 'payroll', 'scratch']) await administer('POST', '/v1/audiences', { audience });
  const other = await addClient({ client: 'other' });
  const verifier = await addClient({ client: 'invoice-server', verifier_of: ['invoice'] });
  const otherVerifier = await addClient({ client: 'payroll-server', verifier_of: ['payroll'] });
  const mail = await addClient({ client: 'mail', grants: [invoiceGrant] });
  const foreign = await issuer.api('POST', '/v1/tokens', { basic: mail, body: { audience: 'invoice' } });
  proofs.set('nobody', {});
  proofs.set('other client', { basic: other });
  proofs.set('verifier', { basic: verifier });
  proofs.set('verifier of another audience', { basic: otherVerifier });
  proofs.set('administrator', { macaroon: admin });
  proofs.set('administrator with another action', { macaroon: attenuate(admin, { actions: ['something-else:read'] }) });
  proofs.set('administrator from another address', { macaroon: attenuate(admin, { ips: ['192.0.2.1'] }) });
  proofs.set('token for another audience', { macaroon: foreign.body.token });
});
afterAll(() => issuer?.dispose());

/** A client with a token, two root keys and two credentials of its own, so that what one call does is nothing to the next. */
async function newScene(): Promise<Scene> {
  const client = `scene-${n++}`;
  const created = await addClient({ client, grants: [invoiceGrant] });
  const { body: minted } = await issuer.api('POST', '/v1/tokens', { basic: created, body: { audience: 'invoice' } });
  const rotated = await administer('POST', `/v1/clients/${client}/root-keys`);
  const { thumbprint } = await administer('POST', '/v1/ca/certificates', { csr, client });
  const { invitation } = await administer('POST', '/v1/invitations', { name: `invited-${client}` });
  return {
    client,
    token: minted.token,
    tokenId: minted.token_id,
    passiveRootKey: minted.root_key_id,
    rootKey: rotated.root_key_id,
    credential: created.credential_id,
    thumbprint,
    invitation,
  };
}

/** Who did not prove what the route asks for must do so; who did learns that it may not, or, of another's token, that there is none. */
function refusalOf(route: string, role: Role): number {
  const isClient = clients.includes(role);
  const isAdministrator = role.startsWith('administrator');
  const isForClients = ['post /v1/tokens', 'post /v1/verify', 'get /v1/revocations'].includes(route) || route.includes('/keys');
  if (route === 'post /v1/enrolments') return 401;
  if (route === 'post /v1/revocations') return isClient ? 404 : isAdministrator ? 403 : 401;
  if (route === 'post /v1/ca/certificates' && isClient) return 403;
  if (route === 'post /v1/ca/certificates/{thumbprint}/revoke' && isClient) return 404;
  if (isForClients && !route.includes('root-keys')) return isClient ? 403 : 401;
  return isAdministrator ? 403 : 401;
}

describe('what a client may revoke', () => {
  it('is its own tokens, one or all of them, and nothing else', async () => {
    const own = await newScene();
    const other = await newScene();
    const basic = secrets.get(own.client) ?? { client: '', secret: '' };
    const statusOf = async (body: unknown) => (await issuer.api('POST', '/v1/revocations', { basic, body })).status;
    expect(await statusOf({ kind: 'token', token_id: own.tokenId })).toBe(201);
    expect(await statusOf({ kind: 'client', client: own.client })).toBe(201);
    expect(await statusOf({ kind: 'token', token_id: other.tokenId })).toBe(404);
    expect(await statusOf({ kind: 'client', client: other.client })).toBe(403);
    expect(await statusOf({ kind: 'root_key', root_key_id: own.rootKey })).toBe(403);
    expect(await statusOf({ kind: 'audience_key', audience: 'invoice', generation: 0 })).toBe(403);
  });
});

describe('who may call what', () => {
  it('is written down for every route', () => {
    expect(Object.keys(table).sort()).toEqual(routes.map((route) => `${route.method} ${route.path}`).sort());
  });

  it.each(Object.entries(table))('%s', async (route, { may, ask }) => {
    const method = route.split(' ')[0]?.toUpperCase() ?? '';
    const declared = routes.find((one) => `${one.method} ${one.path}` === route);
    for (const role of roles) {
      const scene = await newScene();
      const { path, body } = ask(scene, n);
      const proof =
        role === 'client' ? { basic: secrets.get(scene.client) ?? { client: '', secret: '' } } : (proofs.get(role) ?? {});
      const answer = await issuer.api(method, path, { ...proof, ...(body === undefined ? {} : { body }) });
      const told = `${role}: ${answer.status} ${JSON.stringify(answer.body)}`;
      if (may.includes(role)) {
        expect(answer.status, told).toBe(declared?.status);
      } else {
        expect(answer.status, told).toBe(refusalOf(route, role));
        expect(answer.headers['content-type'], told).toBe('application/problem+json');
      }
    }
  });
});
