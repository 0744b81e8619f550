/** The company CA: certificates for clients, and what anybody may have of it: its own certificate and the list of revoked ones. */
import { z } from '@hono/zod-openapi';
import { encodeUtf8 } from '../../../core/index.js';
import { certificate, newCertificate } from '../answer-schemas.js';
import type { RawAnswer } from '../answers.js';
import { certificateThumbprint, name } from '../field-schemas.js';
import { newCertificateRequest } from '../request-schemas.js';
import { defineRoute, type Route, rawAnswer } from '../route.js';

/** RFC 2585 §4.2; RFC 8555 §9.1, as nothing but certificates in PEM has a type of its own. */
const derListType = 'application/pkix-crl';
const pemType = 'application/x-pem-file';
const chainType = 'application/pem-certificate-chain';

export const caRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/v1/ca',
    access: { by: 'anyone' },
    summary:
      'Certificates of the CA in PEM, the one that signs first; one that it replaced stays until what that one issued has ended',
    tag: 'certificates',
    status: 200,
    answer: rawAnswer,
    mediaTypes: [chainType],
    handle: async ({ services }): Promise<RawAnswer> => pemAnswer(chainType, await services.issuer.authorityPem()),
  }),
  defineRoute({
    method: 'get',
    path: '/v1/ca/crl',
    access: { by: 'anyone' },
    summary: 'Revoked certificates (RFC 5280), in DER; in PEM by `Accept: application/x-pem-file` or `format`',
    tag: 'certificates',
    query: z.strictObject({ format: z.enum(['der', 'pem']).optional() }),
    status: 200,
    answer: rawAnswer,
    mediaTypes: [derListType, pemType],
    handle: async ({ services, query, accept }): Promise<RawAnswer> => {
      const { der, pem } = await services.issuer.revocationList();
      const format = query.format ?? (accept.includes(pemType) ? 'pem' : 'der');
      return format === 'pem' ? pemAnswer(pemType, pem) : { mediaType: derListType, bytes: new Uint8Array(der) };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/v1/ca/certificates',
    access: { by: 'admin-or-client', action: 'certificates:write' },
    summary: 'A certificate for the key of a signing request, with the names that the registry has for the client',
    tag: 'certificates',
    body: newCertificateRequest,
    status: 201,
    answer: newCertificate,
    problems: ['not_found', 'conflict'],
    handle: ({ services, caller, body }) => services.issuer.issueCertificate(caller, body),
  }),
  defineRoute({
    method: 'get',
    path: '/v1/ca/certificates',
    access: { by: 'admin', action: 'certificates:read' },
    summary: 'Certificates that did not end, newest first, and foreign ones that were revoked',
    tag: 'certificates',
    query: z.strictObject({ client: name.optional() }),
    status: 200,
    answer: z.object({ certificates: z.array(certificate).readonly() }),
    problems: ['not_found'],
    handle: async ({ services, query }) => ({ certificates: await services.issuer.certificates(query.client) }),
  }),
  defineRoute({
    method: 'post',
    path: '/v1/ca/certificates/{thumbprint}/revoke',
    access: { by: 'admin-or-client', action: 'certificates:write' },
    summary: 'Revoke a certificate: it stops to work at once, on open connections too',
    tag: 'certificates',
    params: z.strictObject({ thumbprint: certificateThumbprint }),
    status: 200,
    answer: certificate,
    handle: ({ services, caller, params }) => services.issuer.revokeCertificate(caller, params.thumbprint),
  }),
];

function pemAnswer(mediaType: string, pem: string): RawAnswer {
  return { mediaType, bytes: new Uint8Array(encodeUtf8(pem)) };
}
