/** Which clients verify tokens of which audience, and so get its keys. */
import { z } from '@hono/zod-openapi';
import { client } from '../answer-schemas.js';
import { name } from '../field-schemas.js';
import { defineRoute, type Route } from '../route.js';

export const verifierRoutes: readonly Route[] = [
  defineRoute({
    method: 'put',
    path: '/v1/clients/{client}/verifier-of/{audience}',
    access: { by: 'admin', action: 'clients:write' },
    summary: 'Make a client a verifier of an audience',
    tag: 'clients',
    params: z.strictObject({ client: name, audience: name }),
    status: 200,
    answer: client,
    handle: ({ services, caller, params }) => services.issuer.addVerifier(caller, params.client, params.audience),
  }),
];
