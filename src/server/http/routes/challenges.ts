/** Challenges for `challenge_response`: anyone may ask for one, and learns nothing about who exists. */
import { z } from '@hono/zod-openapi';
import { credentialId, name } from '../field-schemas.js';
import { defineRoute, type Route } from '../route.js';

const mode = z.enum(['sign', 'decrypt']);

const challengeRequest = z.strictObject({
  client: name,
  mode,
  /** Method and path of the request that will carry the answer. */
  purpose: z
    .string()
    .regex(/^(?:GET|POST|PUT|DELETE) \/[!-~]{0,126}$/, 'must be a method, one space and a path, e.g. POST /v1/tokens'),
  credential_id: credentialId.optional(),
});

const challenge = z
  .object({
    challenge_id: z.string(),
    client: z.string(),
    server: z.string(),
    purpose: z.string(),
    mode,
    challenge: z.string().optional(),
    encrypted_challenge: z.string().optional(),
    expires_in: z.int(),
    expires_at: z.string(),
  })
  .openapi('Challenge');

export const challengeRoutes: readonly Route[] = [
  defineRoute({
    method: 'post',
    path: '/v1/challenges',
    access: { by: 'anyone' },
    summary: 'A challenge that the client answers within a minute, in the header Macaroond-Challenge of its next request',
    tag: 'authentication',
    body: challengeRequest,
    status: 201,
    answer: challenge,
    handle: ({ services, body }) => services.makeChallenge(body),
  }),
];
