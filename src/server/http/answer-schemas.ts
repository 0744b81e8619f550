/** Schemas of answers, for the OpenAPI document; what is answered comes typed from the issuer, so it is not parsed again. */
import { z } from '@hono/zod-openapi';
import { problems } from '../../protocol/problem.js';
import type {
  MintResponse,
  VerifyResponse,
  WireAudience,
  WireAudienceKey,
  WireAudienceKeys,
  WireAuditEntry,
  WireCaveat,
  WireCertificate,
  WireClient,
  WireCredential,
  WireEnrolment,
  WireGrant,
  WireInvitation,
  WireNewCertificate,
  WireNewClient,
  WireNewCredential,
  WireNewInvitation,
  WireRevocation,
  WireRevocations,
  WireRootKey,
} from '../../protocol/wire.js';
import { wire } from './agreement.js';

const text = z.string();
const texts = z.array(text).readonly();
const time = z.string().openapi({ format: 'date-time' });
const index = z.int().min(0);

export const mintResponse = wire<MintResponse>()(
  z
    .object({
      token: text,
      token_id: text,
      root_key_id: text,
      client: text,
      audience: text,
      actions: texts,
      issued_at: time,
      expires_at: time,
      caveats: texts,
    })
    .openapi('MintResponse'),
);

const wireCaveat = wire<WireCaveat>()(
  z
    .object({ condition: text, holds: z.boolean(), message: text, caveat_index: index, discharge_index: index.optional() })
    .openapi('Caveat'),
);

export const verifyResponse = wire<VerifyResponse>()(
  z
    .discriminatedUnion('authorized', [
      z.object({
        authorized: z.literal(true),
        client: text,
        token_id: text,
        root_key_id: text,
        audience: text,
        auth_methods: texts,
        actions: texts,
        issued_at: time,
        expires_at: time,
        caveats: z.array(wireCaveat).readonly(),
        answer_key: text.optional(),
      }),
      z.object({
        authorized: z.literal(false),
        code: text,
        message: text,
        caveat_index: index.optional(),
        discharge_index: index.optional(),
        caveats: z.array(wireCaveat).readonly().optional(),
        answer_key: text.optional(),
      }),
    ])
    .openapi('VerifyResponse'),
);

export const audienceKey = wire<WireAudienceKey>()(
  z
    .object({ root_key_id: text, generation: index, client: text, key: text, state: z.enum(['active', 'passive']) })
    .openapi('AudienceKey'),
);

export const audienceKeys = wire<WireAudienceKeys>()(
  z.object({ keys: z.array(audienceKey).readonly(), cursor: index, more: z.boolean() }).openapi('AudienceKeys'),
);

const revocationFacts = { seq: index, revoked_at: time, expires_at: time };

export const revocation = wire<WireRevocation>()(
  z
    .discriminatedUnion('kind', [
      z.object({ kind: z.literal('token'), token_id: text, ...revocationFacts }),
      z.object({ kind: z.literal('client'), client: text, before: time, ...revocationFacts }),
      z.object({ kind: z.literal('root_key'), root_key_id: text, ...revocationFacts }),
      z.object({ kind: z.literal('audience_key'), audience: text, generation: index, ...revocationFacts }),
    ])
    .openapi('Revocation'),
);

export const revocations = wire<WireRevocations>()(
  z.object({ revocations: z.array(revocation).readonly(), cursor: index, more: z.boolean() }).openapi('Revocations'),
);

const authMethod = z.enum([
  'client_secret_basic',
  'http_sig',
  'challenge_response',
  'encrypted_time',
  'shared_key_hmac',
  'tls_client_auth',
  'self_signed_tls_client_auth',
]);

const algorithm = z.enum([
  'hmac-sha256',
  'ed25519',
  'ecdsa-p256-sha256',
  'rsa-pss-sha512',
  'sign-ed25519',
  'sign-ecdsa-p256-sha256',
  'sign-rsa-pss-sha256',
  'decrypt-rsa-oaep-256',
]);

const binding = text.openapi({ example: 'uri:spiffe://example.com/client/mail' });

export const newCredential = wire<WireNewCredential>()(
  z
    .object({
      client: text,
      credential_id: text,
      auth_method: authMethod,
      algorithm: algorithm.optional(),
      secret: text.optional(),
      binding: binding.optional(),
    })
    .openapi('NewCredential'),
);

export const grant = wire<WireGrant>()(
  z
    .object({
      audience: text,
      actions: texts,
      max_expires_in: z.int().min(1),
      required_caveats: texts,
      bind: z.array(z.enum(['ip', 'certificate', 'key'])).readonly(),
    })
    .openapi('Grant'),
);

const clientMembers = {
  client: text,
  state: z.enum(['active', 'disabled']),
  auth: z.array(texts).readonly(),
  ips: texts,
  hosts: texts,
  verifier_of: texts,
  grants: z.array(grant).readonly(),
  created_at: time,
};

export const client = wire<WireClient>()(z.object(clientMembers).openapi('Client'));

export const newClient = wire<WireNewClient>()(
  z.object({ ...clientMembers, credentials: z.array(newCredential).readonly() }).openapi('NewClient'),
);

export const credential = wire<WireCredential>()(
  z
    .object({
      credential_id: text,
      client: text,
      auth_method: authMethod,
      algorithm: algorithm.optional(),
      binding: binding.optional(),
      key_thumbprint: text.optional(),
      ips: texts,
      state: z.enum(['live', 'disabled', 'retired']),
      created_at: time,
      retired_at: time.optional(),
    })
    .openapi('Credential'),
);

const invitationMembers = {
  invitation: text,
  name: text.optional(),
  uses_left: index,
  state: z.enum(['live', 'used_up', 'ended']),
  created_at: time,
  expires_at: time,
};

export const invitation = wire<WireInvitation>()(z.object(invitationMembers).openapi('Invitation'));

export const newInvitation = wire<WireNewInvitation>()(
  z.object({ ...invitationMembers, shared_key: text }).openapi('NewInvitation'),
);

export const enrolment = wire<WireEnrolment>()(z.object({ client: text, credential_id: text }).openapi('Enrolment'));

const certificateFacts = {
  thumbprint: text,
  state: z.enum(['valid', 'expired', 'revoked']),
  client: text.optional(),
  serial: text.optional(),
  not_before: time.optional(),
  not_after: time.optional(),
  issued_at: time.optional(),
  revoked_at: time.optional(),
};

export const certificate = wire<WireCertificate>()(z.object(certificateFacts).openapi('Certificate'));

export const newCertificate = wire<WireNewCertificate>()(
  z.object({ ...certificateFacts, certificate: text, chain: text, uris: texts, hosts: texts }).openapi('NewCertificate'),
);

export const rootKey = wire<WireRootKey>()(
  z
    .object({
      root_key_id: text,
      client: text,
      generation: z.int().min(1),
      state: z.enum(['active', 'passive', 'destroyed']),
      created_at: time,
    })
    .openapi('RootKey'),
);

export const audience = wire<WireAudience>()(
  z.object({ audience: text, generation: index, created_at: time }).openapi('Audience'),
);

export const auditEntry = wire<WireAuditEntry>()(
  z
    .object({
      seq: index,
      at: time,
      event: text,
      actor: text,
      client: text.optional(),
      audience: text.optional(),
      token_id: text.optional(),
      address: text.optional(),
      request_id: text.optional(),
      details: z.record(z.string(), z.unknown()).readonly(),
      mac: text,
    })
    .openapi('AuditEntry'),
);

/** Body of every error, RFC 9457. */
export const problem = z
  .looseObject({
    type: text.openapi({ example: 'urn:macaroond:problem:not_found' }),
    title: text,
    status: z.int(),
    code: text.openapi({ enum: Object.keys(problems) }),
    detail: text.optional(),
    instance: text.optional().openapi({ example: 'urn:request:019f0c7e-3c2a-7b1d-8f00-3a5f6c1d2e4b' }),
    errors: z.array(z.object({ pointer: text, detail: text })).optional(),
  })
  .openapi('Problem');
