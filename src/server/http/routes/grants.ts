/** Grants: what a client may obtain for an audience. */
import { z } from '@hono/zod-openapi';
import { grant } from '../answer-schemas.js';
import { name } from '../field-schemas.js';
import { invalidFields } from '../problem-error.js';
import { grantTermsRequest } from '../request-schemas.js';
import { defineRoute, type Route } from '../route.js';

const params = z.strictObject({ client: name, audience: name });

export const grantRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/v1/clients/{client}/grants',
    access: { by: 'admin', action: 'grants:read' },
    summary: 'Grants of a client',
    tag: 'grants',
    params: z.strictObject({ client: name }),
    status: 200,
    answer: z.object({ grants: z.array(grant).readonly() }),
    handle: async ({ services, params }) => ({ grants: await services.issuer.grants(params.client) }),
  }),
  defineRoute({
    method: 'put',
    path: '/v1/clients/{client}/grants/{audience}',
    access: { by: 'admin', action: 'grants:write' },
    summary: 'Add or replace a grant',
    tag: 'grants',
    params,
    body: grantTermsRequest,
    status: 200,
    answer: grant,
    handle: async ({ services, caller, params, body }) => {
      if (body.audience !== undefined && body.audience !== params.audience) {
        throw invalidFields({ pointer: '/audience', detail: 'must be the audience of the path, or absent' });
      }
      return await services.issuer.putGrant(caller, params.client, { ...body, audience: params.audience });
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/v1/clients/{client}/grants/{audience}',
    access: { by: 'admin', action: 'grants:write' },
    summary: 'Remove a grant; tokens minted under it live on until they expire or are revoked',
    tag: 'grants',
    params,
    status: 204,
    answer: z.void(),
    handle: ({ services, caller, params }) => services.issuer.removeGrant(caller, params.client, params.audience),
  }),
];
