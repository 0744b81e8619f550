/** Root keys of a client, by generation. The keys themselves never leave the issuer. */
import { z } from '@hono/zod-openapi';
import { rootKey } from '../answer-schemas.js';
import { name, rootKeyId } from '../field-schemas.js';
import { defineRoute, type Route } from '../route.js';

const params = z.strictObject({ client: name });

export const rootKeyRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/v1/clients/{client}/root-keys',
    access: { by: 'admin', action: 'root-keys:read' },
    summary: 'Root keys of a client: ids and states, no keys',
    tag: 'root keys',
    params,
    status: 200,
    answer: z.object({ root_keys: z.array(rootKey).readonly() }),
    handle: async ({ services, params }) => ({ root_keys: await services.issuer.rootKeys(params.client) }),
  }),
  defineRoute({
    method: 'post',
    path: '/v1/clients/{client}/root-keys',
    access: { by: 'admin', action: 'root-keys:write' },
    summary: 'Rotate: a new root key mints, the one before it still verifies',
    tag: 'root keys',
    params,
    status: 201,
    answer: rootKey,
    handle: ({ services, caller, params }) => services.issuer.rotateRootKey(caller, params.client),
  }),
  defineRoute({
    method: 'post',
    path: '/v1/clients/{client}/root-keys/{root_key_id}/destroy',
    access: { by: 'admin', action: 'root-keys:write' },
    summary: 'Destroy a root key for good: its tokens end with it',
    tag: 'root keys',
    params: z.strictObject({ client: name, root_key_id: rootKeyId }),
    status: 200,
    answer: rootKey,
    problems: ['conflict'],
    handle: ({ services, caller, params }) => services.issuer.destroyRootKey(caller, params.client, params.root_key_id),
  }),
];
