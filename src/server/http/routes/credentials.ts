/** Credentials of a client; two of each auth method may be live at once, so that they rotate without an outage. */
import { z } from '@hono/zod-openapi';
import { credential, newCredential } from '../answer-schemas.js';
import { credentialId, name } from '../field-schemas.js';
import { newCredentialRequest, retirementRequest } from '../request-schemas.js';
import { defineRoute, type Route } from '../route.js';

const params = z.strictObject({ client: name });

export const credentialRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/v1/clients/{client}/credentials',
    access: { by: 'admin', action: 'clients:read' },
    summary: 'Credentials of a client, without their secrets',
    tag: 'clients',
    params,
    status: 200,
    answer: z.object({ credentials: z.array(credential).readonly() }),
    handle: async ({ services, params }) => ({ credentials: await services.issuer.credentials(params.client) }),
  }),
  defineRoute({
    method: 'post',
    path: '/v1/clients/{client}/credentials',
    access: { by: 'admin', action: 'clients:write' },
    summary: 'Add a credential of an auth method; a secret that the issuer makes is shown this once',
    tag: 'clients',
    params,
    body: newCredentialRequest,
    status: 201,
    answer: newCredential,
    problems: ['conflict'],
    handle: ({ services, caller, params, body }) => services.issuer.addCredential(caller, params.client, body),
  }),
  defineRoute({
    method: 'post',
    path: '/v1/credentials/{credential_id}/retire',
    access: { by: 'admin', action: 'clients:write' },
    summary: 'Retire a credential, of `client` where that is given: it stops to work at once',
    tag: 'clients',
    params: z.strictObject({ credential_id: credentialId }),
    body: retirementRequest,
    status: 200,
    answer: credential,
    problems: ['conflict'],
    handle: ({ services, caller, params, body }) => services.issuer.retireCredential(caller, params.credential_id, body.client),
  }),
];
