/** The keys of an audience, for its verifiers. Those of the issuer's own audience are never served. */
import { z } from '@hono/zod-openapi';
import { audienceKey, audienceKeys } from '../answer-schemas.js';
import { count, generationCount, name, rootKeyId } from '../field-schemas.js';
import { defineRoute, type Route } from '../route.js';

const access = { by: 'verifier', audience: 'path' } as const;

export const audienceKeyRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/v1/audiences/{audience}/keys',
    access,
    summary: 'Audience keys that changed since a cursor',
    tag: 'verifiers',
    params: z.strictObject({ audience: name }),
    query: z.strictObject({ after: count.optional() }),
    status: 200,
    answer: audienceKeys,
    handle: ({ services, params, query }) => services.issuer.audienceKeys(params.audience, query.after ?? 0),
  }),
  defineRoute({
    method: 'get',
    path: '/v1/audiences/{audience}/keys/{root_key_id}',
    access,
    summary: 'One audience key',
    tag: 'verifiers',
    params: z.strictObject({ audience: name, root_key_id: rootKeyId }),
    query: z.strictObject({ generation: generationCount.optional() }),
    status: 200,
    answer: audienceKey,
    handle: ({ services, params, query }) => services.issuer.audienceKey(params.audience, params.root_key_id, query.generation),
  }),
];
