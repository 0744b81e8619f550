/** What anyone may know: where things are, what is spoken here, and the description of the API. */
import { z } from '@hono/zod-openapi';
import { standardRegistry } from '../../../caveats/standard.js';
import { limits } from '../../../core/index.js';
import { signatureAlgorithms } from '../../../protocol/http-signature/index.js';
import { maxBodyBytes } from '../request-body.js';
import { defineRoute, type Route } from '../route.js';

const publicCache = 'public, max-age=300';

const discovery = z
  .object({
    issuer: z.string().openapi({ format: 'uri' }),
    /** Of the listener for clients with a certificate alone, where there is one. */
    mtls_issuer: z.string().openapi({ format: 'uri' }).optional(),
    auth_methods: z.array(z.string()).readonly(),
    /** Algorithms of the keys that sign requests by `http_sig`. */
    http_sig_algorithms: z.array(z.string()).readonly(),
    /** Names of the caveats that the issuer can clear for a verifier that asks it. */
    caveats: z.array(z.string()).readonly(),
    limits: z.record(z.string(), z.int()),
    endpoints: z.record(z.string(), z.string()),
    /** Public keys of the issuer, RFC 7517: `use: sig` for its answers, `use: enc` for `encrypted_time`. */
    jwks: z.object({ keys: z.array(z.record(z.string(), z.unknown())) }),
  })
  .openapi('Discovery');

const endpointPaths = {
  tokens: '/v1/tokens',
  challenges: '/v1/challenges',
  enrolments: '/v1/enrolments',
  verify: '/v1/verify',
  revocations: '/v1/revocations',
  audience_keys: '/v1/audiences/{audience}/keys',
  clients: '/v1/clients',
  credentials: '/v1/clients/{client}/credentials',
  credential_retirement: '/v1/credentials/{credential_id}/retire',
  invitations: '/v1/invitations',
  audiences: '/v1/audiences',
  ca: '/v1/ca',
  crl: '/v1/ca/crl',
  certificates: '/v1/ca/certificates',
  audit: '/v1/audit',
  openapi: '/v1/openapi.json',
} as const;

export const discoveryRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/.well-known/macaroond',
    access: { by: 'anyone' },
    summary: 'Issuer, auth methods, caveats, limits and endpoints',
    tag: 'discovery',
    status: 200,
    answer: discovery,
    cacheControl: publicCache,
    handle: async ({ services }) => ({
      issuer: services.issuerUrl(),
      mtls_issuer: services.mtlsUrl(),
      auth_methods: services.clientLogin.methods,
      http_sig_algorithms: signatureAlgorithms,
      caveats: standardRegistry.names,
      limits: {
        max_token_length: limits.maxTextLength,
        max_caveats: limits.maxCaveats,
        max_condition_bytes: limits.maxConditionBytes,
        max_discharges: limits.maxDischarges,
        max_discharge_depth: limits.maxDischargeDepth,
        max_actions: limits.maxActions,
        max_body_bytes: maxBodyBytes,
      },
      endpoints: Object.fromEntries(
        Object.entries(endpointPaths).map(([endpoint, path]) => [endpoint, `${services.issuerUrl()}${path}`]),
      ),
      jwks: { keys: [...services.jwks] },
    }),
  }),
  defineRoute({
    method: 'get',
    path: '/v1/openapi.json',
    access: { by: 'anyone' },
    summary: 'This description, OpenAPI 3.1',
    tag: 'discovery',
    status: 200,
    answer: z.record(z.string(), z.unknown()),
    cacheControl: publicCache,
    isConstant: true,
    handle: async ({ services }) => services.describeApi(),
  }),
];
