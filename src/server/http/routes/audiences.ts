/** Audiences: the services that tokens are for. */
import { z } from '@hono/zod-openapi';
import { audience } from '../answer-schemas.js';
import { name } from '../field-schemas.js';
import { newAudienceRequest, rotateAudienceRequest } from '../request-schemas.js';
import { defineRoute, type Route } from '../route.js';

export const audienceRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/v1/audiences',
    access: { by: 'admin', action: 'audiences:read' },
    summary: 'All audiences',
    tag: 'audiences',
    status: 200,
    answer: z.object({ audiences: z.array(audience).readonly() }),
    handle: async ({ services }) => ({ audiences: await services.issuer.audiences() }),
  }),
  defineRoute({
    method: 'post',
    path: '/v1/audiences',
    access: { by: 'admin', action: 'audiences:write' },
    summary: 'Add an audience',
    tag: 'audiences',
    body: newAudienceRequest,
    status: 201,
    answer: audience,
    problems: ['conflict'],
    handle: ({ services, caller, body }) => services.issuer.createAudience(caller, body.audience),
  }),
  defineRoute({
    method: 'post',
    path: '/v1/audiences/{audience}/rotate',
    access: { by: 'admin', action: 'audiences:write' },
    summary: 'New key generation of an audience; the one before it is revoked unless kept',
    tag: 'audiences',
    params: z.strictObject({ audience: name }),
    body: rotateAudienceRequest,
    status: 200,
    answer: audience,
    handle: ({ services, caller, params, body }) =>
      services.issuer.rotateAudience(caller, params.audience, body.keep_previous ?? false),
  }),
];
