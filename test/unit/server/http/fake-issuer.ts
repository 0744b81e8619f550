/** A hand-made issuer: two clients, two audiences, canned answers, and a record of who called what. Keys and tokens are real. */
import { createHash } from 'node:crypto';
import {
  addFirstPartyCaveat,
  createUuidV7,
  deriveAudienceKey,
  encode,
  encodeBase64url,
  encodeIdentifier,
  mint,
  RootKey,
} from '../../../../src/core/index.js';
import type {
  WireCertificate,
  WireClient,
  WireCredential,
  WireGrant,
  WireInvitation,
  WireRootKey,
} from '../../../../src/protocol/wire.js';
import type { FailureNote, Issuer } from '../../../../src/server/domain/issuer.js';

export const nowMs = Date.parse('2026-11-21T12:00:00Z');
export const secretOf = (client: string): string => `mcs_${client}_${'s'.repeat(30)}`;

export interface Recorded {
  readonly name: string;
  readonly args: readonly unknown[];
}

export interface FakeIssuer extends Issuer {
  readonly calls: Recorded[];
  readonly failures: FailureNote[];
  readonly disabled: Set<string>;
  /** Replaces one use case for a test. */
  replace<Name extends keyof Issuer>(name: Name, implementation: Issuer[Name]): void;
}

const randomBytes = (length: number): Uint8Array => new Uint8Array(length).fill(7);
const rootKeyBytes = createUuidV7(nowMs - 1000, randomBytes);
export const rootKeyId = encodeBase64url(rootKeyBytes);
export const tokenIdText = '019aa630-8c00-7707-8707-070707070707';
const rootKey = new RootKey(new Uint8Array(32).fill(9));
const time = '2026-11-21T12:00:00Z';

export interface TokenParts {
  readonly audience?: string;
  readonly client?: string;
  readonly actions?: readonly string[];
  readonly caveats?: readonly string[];
  readonly expiresAtMs?: number;
}

/** A genuine token of client `admin` for audience `macaroond`, unless told otherwise. */
export function tokenOf({
  audience = 'macaroond',
  client = 'admin',
  actions,
  caveats = [],
  expiresAtMs,
}: TokenParts = {}): string {
  const identifier = encodeIdentifier({
    rootKeyId: rootKeyBytes,
    generation: 1,
    tokenId: createUuidV7(nowMs - 500, randomBytes),
    expiresAtMs: expiresAtMs ?? nowMs + 600_000,
    audience,
    client,
    authMethods: ['client_secret_basic'],
    actions: actions ?? ['clients:*', 'root-keys:*', 'grants:*', 'audiences:*', 'revocations:*', 'certificates:*', 'audit:*'],
  });
  let macaroon = mint(deriveAudienceKey(rootKey, audience, 1), identifier);
  for (const caveat of caveats) macaroon = addFirstPartyCaveat(macaroon, caveat);
  return encode({ root: macaroon, discharges: [] });
}

export const basic = (client: string, secret = secretOf(client)): string =>
  `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}`;

const grant: WireGrant = {
  audience: 'invoice',
  actions: ['invoices:read'],
  max_expires_in: 3600,
  required_caveats: [],
  bind: [],
};
const wireClient: WireClient = {
  client: 'mail',
  state: 'active',
  auth: [['client_secret_basic']],
  ips: [],
  hosts: [],
  verifier_of: [],
  grants: [grant],
  created_at: time,
};
const wireCredential: WireCredential = {
  credential_id: 'cred-1',
  client: 'mail',
  auth_method: 'client_secret_basic',
  ips: [],
  state: 'live',
  created_at: time,
};
const wireRootKey: WireRootKey = { root_key_id: rootKeyId, client: 'mail', generation: 1, state: 'active', created_at: time };
const wireInvitation: WireInvitation = {
  invitation: 'inv_1',
  name: 'shop',
  uses_left: 1,
  state: 'live',
  created_at: time,
  expires_at: time,
};
/** Of invitation `inv_1`. */
export const invitationKey = new Uint8Array(32).fill(3);
export const certificateThumbprint = 'A'.repeat(43);
const wireCertificate: WireCertificate = {
  ...{ thumbprint: certificateThumbprint, state: 'valid', client: 'mail', serial: '40ff' },
  ...{ not_before: time, not_after: time, issued_at: time },
};
const newCredential = {
  client: 'mail',
  credential_id: 'cred-2',
  auth_method: 'client_secret_basic',
  secret: 'shown-once',
} as const;

/** `mail` obtains tokens; `invoice-server` verifies for `invoice`; `pay-server` for `payments`; `fenced` calls from 10.0.0.0/8 only. */
export function createFakeIssuer(): FakeIssuer {
  const calls: Recorded[] = [];
  const failures: FailureNote[] = [];
  const disabled = new Set<string>();
  const verifierOf: Readonly<Record<string, readonly string[]>> = { 'invoice-server': ['invoice'], 'pay-server': ['payments'] };
  const known = ['mail', 'invoice-server', 'pay-server', 'fenced', 'admin'];
  const recorded =
    <Args extends unknown[], Result>(name: string, result: (...args: Args) => Result) =>
    async (...args: Args): Promise<Result> => {
      calls.push({ name, args });
      return result(...args);
    };
  const issuer: FakeIssuer = {
    calls,
    failures,
    disabled,
    replace: (name, implementation) => Object.assign(issuer, { [name]: implementation }),
    mint: recorded('mint', (caller, request) => ({
      token: tokenOf({ audience: request.audience, client: caller.client, actions: ['invoices:read'] }),
      token_id: tokenIdText,
      root_key_id: rootKeyId,
      client: caller.client,
      audience: request.audience,
      actions: ['invoices:read'],
      issued_at: time,
      expires_at: time,
      caveats: [],
    })),
    findKey: async (audience, reference) => {
      if (reference.rootKeyId !== rootKeyId) return { found: false, code: 'ERR_KEY_UNKNOWN' };
      const client = audience === 'macaroond' ? 'admin' : 'mail';
      return { found: true, state: { client, key: deriveAudienceKey(rootKey, audience, reference.generation) } };
    },
    revocationOf: async () => undefined,
    isVerifierOf: async (client, audience) => verifierOf[client]?.includes(audience) ?? false,
    verifierAudiences: async (client) => verifierOf[client] ?? [],
    audienceKeys: recorded('audienceKeys', () => ({
      keys: [{ root_key_id: rootKeyId, generation: 1, client: 'mail', key: 'A'.repeat(43), state: 'active' as const }],
      cursor: 1,
      more: false,
    })),
    audienceKey: recorded('audienceKey', () => ({
      root_key_id: rootKeyId,
      generation: 1,
      client: 'mail',
      key: 'A'.repeat(43),
      state: 'active' as const,
    })),
    revocations: recorded('revocations', () => ({ revocations: [], cursor: 0, more: false })),
    revoke: recorded('revoke', () => ({
      kind: 'token' as const,
      token_id: tokenIdText,
      seq: 1,
      revoked_at: time,
      expires_at: time,
    })),
    createClient: recorded('createClient', () => ({ ...wireClient, credentials: [newCredential] })),
    clients: recorded('clients', () => [wireClient]),
    client: recorded('client', () => wireClient),
    changePolicy: recorded('changePolicy', () => wireClient),
    disableClient: recorded('disableClient', () => wireClient),
    addVerifier: recorded('addVerifier', () => wireClient),
    credentials: recorded('credentials', () => [wireCredential]),
    addCredential: recorded('addCredential', () => newCredential),
    retireCredential: recorded('retireCredential', () => wireCredential),
    createInvitation: recorded('createInvitation', () => ({ ...wireInvitation, shared_key: 'A'.repeat(43) })),
    invitations: recorded('invitations', () => [wireInvitation]),
    revokeInvitation: recorded('revokeInvitation', () => ({ ...wireInvitation, state: 'ended' as const })),
    enrol: recorded('enrol', (_, { name }) => ({ ok: true as const, enrolled: { client: name, credential_id: 'cred-3' } })),
    invitationKey: async (id) => (id === 'inv_1' ? invitationKey : undefined),
    rootKeys: recorded('rootKeys', () => [wireRootKey]),
    rotateRootKey: recorded('rotateRootKey', () => wireRootKey),
    destroyRootKey: recorded('destroyRootKey', () => wireRootKey),
    grants: recorded('grants', () => [grant]),
    putGrant: recorded('putGrant', () => grant),
    removeGrant: recorded('removeGrant', () => undefined),
    audiences: recorded('audiences', () => [{ audience: 'invoice', generation: 1, created_at: time }]),
    createAudience: recorded('createAudience', () => ({ audience: 'invoice', generation: 1, created_at: time })),
    rotateAudience: recorded('rotateAudience', () => ({ audience: 'invoice', generation: 2, created_at: time })),
    audit: recorded('audit', () => ({ entries: [], cursor: 0, more: false })),
    noteFailure: async (note) => {
      failures.push(note);
    },
    flushFailures: async () => {},
    credential: async () => undefined,
    credentialByBinding: async () => undefined,
    credentialSecret: async () => undefined,
    certificate: async () => undefined,
    issueCertificate: recorded('issueCertificate', (_caller, _request) => ({
      ...wireCertificate,
      ...{ certificate: 'PEM', chain: 'PEM', uris: ['spiffe://macaroond/client/mail'], hosts: [] },
    })),
    certificates: recorded('certificates', (_client) => [wireCertificate]),
    revokeCertificate: recorded('revokeCertificate', (_caller, thumbprint) => ({
      ...wireCertificate,
      ...{ thumbprint, state: 'revoked', revoked_at: time },
    })),
    revocationList: recorded('revocationList', () => ({ der: new Uint8Array([0x30, 0]), pem: 'PEM of the list' })),
    authorityPem: recorded('authorityPem', () => 'PEM of the CA'),
    credentialsForLogin: async (client) => {
      if (!known.includes(client)) return undefined;
      const secretHash = createHash('sha256').update(secretOf(client)).digest('base64url');
      const live = [
        {
          id: `${client}-1`,
          client,
          authMethod: 'client_secret_basic',
          algorithm: null,
          secretHash,
          publicKey: null,
          binding: null,
          ips: [],
          createdAtMs: 0,
          retiredAtMs: null,
        },
      ] as const;
      const isFenced = client === 'fenced';
      return {
        state: disabled.has(client) ? 'disabled' : 'active',
        authPolicy: isFenced ? [['client_secret_basic', 'ip']] : [['client_secret_basic']],
        ips: isFenced ? ['10.0.0.0/8'] : [],
        live,
      };
    },
  };
  return issuer;
}
