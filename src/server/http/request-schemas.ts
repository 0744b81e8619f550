/** Schemas of request bodies. Strict: a member that is not known is refused by name, so that a mistyped limit is never dropped silently. */
import { z } from '@hono/zod-openapi';
import { limits } from '../../core/index.js';
import type {
  ClientPolicyRequest,
  EnrolmentRequest,
  MintRequest,
  NewCertificateRequest,
  NewClientRequest,
  NewCredentialRequest,
  NewInvitationRequest,
  RevokeRequest,
  VerifyRequest,
  WireGrantRequest,
} from '../../protocol/wire.js';
import { maxCertificateDays } from '../domain/certificates.js';
import { wire } from './agreement.js';
import {
  action,
  actions,
  address,
  authPolicy,
  conditions,
  generation,
  hosts,
  invitationId,
  macKeyText,
  name,
  pem,
  ranges,
  requiredConditions,
  rootKeyId,
  seconds,
  time,
  tokenId,
} from './field-schemas.js';

const maxPathLength = 8192;
const maxMethodLength = 32;
const maxReasonLength = 256;
const maxEntries = 64;
const maxNameOfCertificate = 1024;

export const mintRequest = wire<MintRequest>()(
  z
    .strictObject({
      audience: name,
      actions: actions.optional(),
      expires_in: seconds.optional(),
      caveats: conditions.optional(),
    })
    .openapi('MintRequest'),
);

/** SHA-256, base64url. */
const digest = z.string().regex(/^[\w-]{43}$/);
const maxAuthorityLength = 261;

export const verifyRequest = wire<VerifyRequest>()(
  z
    .strictObject({
      token: z
        .string()
        .min(1)
        .max(limits.maxTextLength + 1),
      audience: name,
      context: z.looseObject({
        action,
        ip: address.optional(),
        method: z.string().min(1).max(maxMethodLength).optional(),
        path: z.string().min(1).max(maxPathLength).optional(),
        at: time.optional(),
        request: z
          .strictObject({
            authority: z.string().min(1).max(maxAuthorityLength),
            target: z.string().min(1).max(maxPathLength),
            digest,
          })
          .optional(),
        certificate_thumbprint: digest.optional(),
        key_thumbprint: digest.optional(),
      }),
    })
    .openapi('VerifyRequest'),
);

const reason = z.string().max(maxReasonLength).optional();

export const revokeRequest = wire<RevokeRequest>()(
  z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('token'), token_id: tokenId, reason }),
      z.strictObject({ kind: z.literal('client'), client: name, before: time.optional(), reason }),
      z.strictObject({ kind: z.literal('root_key'), root_key_id: rootKeyId, reason }),
      z.strictObject({ kind: z.literal('audience_key'), audience: name, generation, reason }),
    ])
    .openapi('RevokeRequest'),
);

const grantTerms = {
  actions,
  max_expires_in: seconds.optional(),
  required_caveats: requiredConditions.optional(),
  bind: z
    .array(z.enum(['ip', 'certificate', 'key']))
    .max(3)
    .readonly()
    .optional(),
};

const grantRequest = wire<WireGrantRequest>()(z.strictObject({ audience: name, ...grantTerms }).openapi('NewGrant'));

/** A grant whose audience stands in the path; in the body it may be repeated. */
export const grantTermsRequest = z.strictObject({ audience: name.optional(), ...grantTerms }).openapi('GrantTerms');

const policyMembers = { auth: authPolicy.optional(), ips: ranges.optional(), hosts: hosts.optional() };

export const newClientRequest = wire<NewClientRequest>()(
  z
    .strictObject({
      client: name,
      ...policyMembers,
      grants: z.array(grantRequest).max(maxEntries).readonly().optional(),
      verifier_of: z.array(name).max(maxEntries).readonly().optional(),
    })
    .openapi('NewClientRequest'),
);

export const clientPolicyRequest = wire<ClientPolicyRequest>()(z.strictObject(policyMembers).openapi('ClientPolicyRequest'));

const ofCredential = { ips: ranges.optional() };

export const newCredentialRequest = wire<NewCredentialRequest>()(
  z
    .discriminatedUnion(
      'auth_method',
      [
        z.strictObject({ auth_method: z.literal('client_secret_basic').optional(), ...ofCredential }),
        z.strictObject({
          auth_method: z.literal('http_sig'),
          algorithm: z.enum(['hmac-sha256', 'ed25519', 'ecdsa-p256-sha256', 'rsa-pss-sha512']).optional(),
          public_key: pem.optional(),
          ...ofCredential,
        }),
        z.strictObject({
          auth_method: z.literal('challenge_response'),
          mode: z.enum(['sign', 'decrypt']),
          public_key: pem,
          ...ofCredential,
        }),
        z.strictObject({ auth_method: z.literal('encrypted_time'), ...ofCredential }),
        z.strictObject({
          auth_method: z.literal('tls_client_auth'),
          san: z.string().min(1).max(maxNameOfCertificate).optional().openapi({ example: 'dns:mail.example.com' }),
          subject: z.string().min(1).max(maxNameOfCertificate).optional().openapi({ example: 'CN=mail,O=Example' }),
          ...ofCredential,
        }),
        z.strictObject({ auth_method: z.literal('self_signed_tls_client_auth'), certificate: pem, ...ofCredential }),
      ],
      { error: 'not an auth method of which an administrator can add credentials' },
    )
    .openapi('NewCredentialRequest'),
);

export const retirementRequest = z.strictObject({ client: name.optional() }).openapi('RetirementRequest');

export const newInvitationRequest = wire<NewInvitationRequest>()(
  z
    .strictObject({ name: name.optional(), uses: z.int().min(1).optional(), expires_in: seconds.optional() })
    .openapi('NewInvitationRequest'),
);

export const enrolmentRequest = wire<EnrolmentRequest>()(
  z.strictObject({ invitation: invitationId, name, nonce: macKeyText, mac: macKeyText }).openapi('EnrolmentRequest'),
);

export const newCertificateRequest = wire<NewCertificateRequest>()(
  z
    .strictObject({ csr: pem, client: name.optional(), days: z.int().min(1).max(maxCertificateDays).optional() })
    .openapi('NewCertificateRequest'),
);

export const newAudienceRequest = z.strictObject({ audience: name }).openapi('NewAudienceRequest');

export const rotateAudienceRequest = z
  .strictObject({
    keep_previous: z
      .boolean()
      .optional()
      .openapi({ description: 'Keep the key generation before it valid, instead of revoking it.' }),
  })
  .openapi('RotateAudienceRequest');
