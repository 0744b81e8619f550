/** Clients: the machines that obtain tokens. */
import { z } from '@hono/zod-openapi';
import { client, newClient } from '../answer-schemas.js';
import { name } from '../field-schemas.js';
import { clientPolicyRequest, newClientRequest } from '../request-schemas.js';
import { defineRoute, type Route } from '../route.js';

const params = z.strictObject({ client: name });

export const clientRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/v1/clients',
    access: { by: 'admin', action: 'clients:read' },
    summary: 'All clients',
    tag: 'clients',
    status: 200,
    answer: z.object({ clients: z.array(client).readonly() }),
    handle: async ({ services }) => ({ clients: await services.issuer.clients() }),
  }),
  defineRoute({
    method: 'post',
    path: '/v1/clients',
    access: { by: 'admin', action: 'clients:write' },
    summary:
      'Add a client with the credentials that need nothing of it; secrets are shown this once; grants need `grants:write` too',
    tag: 'clients',
    body: newClientRequest,
    status: 201,
    answer: newClient,
    problems: ['conflict', 'not_found'],
    handle: ({ services, caller, body }) => services.issuer.createClient(caller, body),
  }),
  defineRoute({
    method: 'get',
    path: '/v1/clients/{client}',
    access: { by: 'admin', action: 'clients:read' },
    summary: 'One client',
    tag: 'clients',
    params,
    status: 200,
    answer: client,
    handle: ({ services, params }) => services.issuer.client(params.client),
  }),
  defineRoute({
    method: 'post',
    path: '/v1/clients/{client}/policy',
    access: { by: 'admin', action: 'clients:write' },
    summary: 'Change how a client proves itself, its addresses or its hosts; what is absent stays; effective at once',
    tag: 'clients',
    params,
    body: clientPolicyRequest,
    status: 200,
    answer: client,
    problems: ['conflict'],
    handle: ({ services, caller, params, body }) => services.issuer.changePolicy(caller, params.client, body),
  }),
  defineRoute({
    method: 'post',
    path: '/v1/clients/{client}/disable',
    access: { by: 'admin', action: 'clients:write' },
    summary: 'Disable a client for good and revoke its tokens',
    tag: 'clients',
    params,
    status: 200,
    answer: client,
    problems: ['conflict'],
    handle: ({ services, caller, params }) => services.issuer.disableClient(caller, params.client),
  }),
];
