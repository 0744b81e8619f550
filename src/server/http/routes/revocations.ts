/** Revoking, and the feed of revocations. */
import { z } from '@hono/zod-openapi';
import { revocation, revocations } from '../answer-schemas.js';
import { count } from '../field-schemas.js';
import { revokeRequest } from '../request-schemas.js';
import { defineRoute, type Route } from '../route.js';

export const revocationRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/v1/revocations',
    access: { by: 'verifier-any' },
    summary: "Revocations since a cursor, for the verifier's audiences",
    tag: 'verifiers',
    query: z.strictObject({ after: count.optional() }),
    status: 200,
    answer: revocations,
    handle: async ({ services, caller, query }) => {
      const audiences = await services.issuer.verifierAudiences(caller.client);
      return await services.issuer.revocations(audiences, query.after ?? 0);
    },
  }),
  defineRoute({
    method: 'post',
    path: '/v1/revocations',
    access: { by: 'admin-or-client', action: 'revocations:write' },
    summary: "Revoke a token, a client's tokens up to a time, a root key or an audience key generation",
    tag: 'tokens',
    body: revokeRequest,
    status: 201,
    answer: revocation,
    problems: ['not_found'],
    handle: ({ services, caller, body }) => services.issuer.revoke(caller, body),
  }),
];
