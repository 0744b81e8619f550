/** Invitations, by which somebody makes an account alone, and the enrolments that they are for. */
import { z } from '@hono/zod-openapi';
import { enrolment, invitation, newInvitation } from '../answer-schemas.js';
import { invitationId } from '../field-schemas.js';
import { ProblemError } from '../problem-error.js';
import { enrolmentRequest, newInvitationRequest } from '../request-schemas.js';
import { defineRoute, type Route } from '../route.js';

/** RFC 9110 §11.6.1 wants a challenge beside every 401. */
const challenge = 'Macaroond-Enrolment realm="macaroond"';

export const invitationRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/v1/invitations',
    access: { by: 'admin', action: 'clients:read' },
    summary: 'All invitations, without their keys',
    tag: 'clients',
    status: 200,
    answer: z.object({ invitations: z.array(invitation).readonly() }),
    handle: async ({ services }) => ({ invitations: await services.issuer.invitations() }),
  }),
  defineRoute({
    method: 'post',
    path: '/v1/invitations',
    access: { by: 'admin', action: 'clients:write' },
    summary: 'Invite one client by its name, or a group: the shared key is shown this once, to be handed over in person',
    tag: 'clients',
    body: newInvitationRequest,
    status: 201,
    answer: newInvitation,
    problems: ['conflict'],
    handle: async ({ services, caller, body }) => {
      requireTls(services.issuerUrl());
      return await services.issuer.createInvitation(caller, body);
    },
  }),
  defineRoute({
    method: 'post',
    path: '/v1/invitations/{invitation}/revoke',
    access: { by: 'admin', action: 'clients:write' },
    summary: 'End an invitation; who enrolled by it stays a client',
    tag: 'clients',
    params: z.strictObject({ invitation: invitationId }),
    status: 200,
    answer: invitation,
    problems: ['not_found'],
    handle: ({ services, caller, params }) => services.issuer.revokeInvitation(caller, params.invitation),
  }),
  defineRoute({
    method: 'post',
    path: '/v1/enrolments',
    access: { by: 'anyone' },
    summary: 'Become a client, by the MAC under the key of an invitation; every answer to a right one carries Macaroond-Mac',
    tag: 'authentication',
    body: enrolmentRequest,
    status: 201,
    answer: enrolment,
    problems: ['invalid_client', 'conflict', 'rate_limited'],
    handle: async ({ services, origin, peerAddress, onSigner, body }) => {
      requireTls(services.issuerUrl());
      const result = await services.enrol(body, { ...origin, peerAddress });
      onSigner(result.signAnswer);
      if (result.ok) return result.enrolled;
      switch (result.code) {
        case 'invalid_client':
          throw new ProblemError('invalid_client', { headers: { 'WWW-Authenticate': challenge } });
        case 'conflict':
          throw new ProblemError('conflict', {
            detail: 'the name is or was in use, or is promised to another: choose another one',
          });
        case 'rate_limited':
          throw new ProblemError('rate_limited', { headers: { 'Retry-After': String(result.retryAfterSeconds) } });
      }
    },
  }),
];

/** The nonce of an enrolment is a secret of its client: who reads it and has the shared key has the private key. */
function requireTls(issuerUrl: string): void {
  if (issuerUrl.startsWith('https:')) return;
  const detail = 'enrolment needs TLS, as what is sent is secret: serve without plain_http, or set public_url to an https URL';
  throw new ProblemError('invalid_request', { detail });
}
