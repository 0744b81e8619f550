/**
 * The issuer's use cases as one interface: what HTTP, the CLI's recovery and tests call. Inputs and outputs are those of the wire;
 * who may call what at all is decided by the route table, what a caller may do beyond that is decided here.
 */
import type { KeyReference, MacaroonKey } from '../../core/index.js';
import type {
  ClientPolicyRequest,
  MintRequest,
  MintResponse,
  NewCertificateRequest,
  NewClientRequest,
  NewCredentialRequest,
  NewInvitationRequest,
  RevokeRequest,
  WireAudience,
  WireAudienceKey,
  WireAudienceKeys,
  WireAuditEntry,
  WireCertificate,
  WireClient,
  WireCredential,
  WireEnrolment,
  WireGrant,
  WireGrantRequest,
  WireInvitation,
  WireNewCertificate,
  WireNewClient,
  WireNewCredential,
  WireNewInvitation,
  WireRevocation,
  WireRevocations,
  WireRootKey,
} from '../../protocol/wire.js';
import type { Known } from './ports.js';
import type { AuditFilter, CertificateRecord, CredentialRecord } from './records.js';
import type { RevocationList } from './revocation-lists.js';

/** Where a request came from; goes to the audit log. */
export interface Origin {
  readonly address?: string | undefined;
  readonly requestId?: string | undefined;
}

/** A client that proved itself by one of its auth methods. */
export interface ClientCaller extends Origin {
  readonly kind: 'client';
  readonly client: string;
  /** How it proved itself; goes into identifiers. */
  readonly authMethods: readonly string[];
  readonly credentialId: string;
  /** The credential of the certificate, where a policy asks for one beside a proof in the headers. */
  readonly secondCredentialId?: string | undefined;
  /** base64url SHA-256 of the certificate that it proved itself with. */
  readonly certificateThumbprint?: string | undefined;
  /** RFC 7638 thumbprint of the asymmetric key that it proved itself with. */
  readonly keyThumbprint?: string | undefined;
}

/** The holder of a cleared macaroon for audience `macaroond`. */
export interface AdminCaller extends Origin {
  readonly kind: 'admin';
  readonly client: string;
  readonly tokenId: string;
  /** Effective actions: the identifier's, narrowed by every `action` caveat. */
  readonly actions: readonly string[];
  /** The token has caveats other than `action`, which nothing that it leaves behind would have. */
  readonly isConfined: boolean;
}

/** A failed proof or a denied token: counted by the minute in the audit log. */
export interface FailureNote extends Origin {
  readonly event: 'login.failed' | 'token.denied' | 'connection.refused' | 'enrolment.failed';
  /** Claimed, not proved; noted only when it is spelled like a name. */
  readonly client?: string | undefined;
  /** The exact code. */
  readonly reason: string;
}

/** What somebody asks for whose MAC held. */
export interface ProvedEnrolment {
  readonly invitation: string;
  readonly name: string;
  /** 32 bytes. */
  readonly nonce: Uint8Array;
  /** The client's own key, 32 bytes: derived from the invitation's key and `nonce`. */
  readonly privateKey: Uint8Array;
}

/** Why an enrolment is refused. All but `name_taken` is for the audit log alone. */
export type EnrolmentRefusal = 'invitation_ended' | 'invitation_used_up' | 'name_not_invited' | 'replayed' | 'name_taken';

export type EnrolmentOutcome =
  | { readonly ok: true; readonly enrolled: WireEnrolment }
  | { readonly ok: false; readonly reason: EnrolmentRefusal };

/** The live state that a token of the issuer's own is judged by. */
export interface KeyState {
  readonly client: string;
  readonly key: MacaroonKey;
}

/** What is known of a client that logs in. */
export interface LoginAccount {
  readonly state: 'active' | 'disabled';
  readonly authPolicy: readonly (readonly string[])[];
  readonly ips: readonly string[];
  /** Credentials that were not retired. */
  readonly live: readonly CredentialRecord[];
}

export interface Issuer {
  // Tokens
  mint(caller: ClientCaller, request: MintRequest): Promise<MintResponse>;
  /** K_a for a token's key reference: the key, or why there is none. Also for audience `macaroond`; never served over HTTP for that one. */
  findKey(
    audience: string,
    reference: KeyReference,
  ): Known<
    | { readonly found: true; readonly state: KeyState }
    | {
        readonly found: false;
        readonly code: 'ERR_KEY_UNKNOWN' | 'ERR_KEY_DESTROYED' | 'ERR_REVOKED_ROOT_KEY' | 'ERR_REVOKED_AUDIENCE_KEY';
      }
  >;
  /** Whether a token was revoked by id or by its client's time. */
  revocationOf(subject: {
    readonly tokenId: string;
    readonly client: string;
    readonly issuedAtMs: number;
  }): Known<'ERR_REVOKED_TOKEN' | 'ERR_REVOKED_CLIENT' | undefined>;

  // For verifiers
  isVerifierOf(client: string, audience: string): Known<boolean>;
  verifierAudiences(client: string): Known<readonly string[]>;
  /** Throws `invalid_request` for a cursor that was never given out. */
  audienceKeys(audience: string, after: number): Promise<WireAudienceKeys>;
  /** `generation`: the audience's present one when absent. Throws `not_found` for a destroyed or revoked key. */
  audienceKey(audience: string, rootKeyId: string, generation?: number): Promise<WireAudienceKey>;
  /** Throws `invalid_request` for a cursor that was never given out. */
  revocations(audiences: readonly string[], after: number): Promise<WireRevocations>;

  // Revoking
  revoke(caller: AdminCaller | ClientCaller, request: RevokeRequest): Promise<WireRevocation>;

  // Clients, credentials, root keys, grants, audiences
  createClient(caller: AdminCaller, request: NewClientRequest): Promise<WireNewClient>;
  clients(): Promise<readonly WireClient[]>;
  client(name: string): Promise<WireClient>;
  /** Changes how it proves itself, its addresses and its hosts; what is absent stays. */
  changePolicy(caller: AdminCaller, name: string, request: ClientPolicyRequest): Promise<WireClient>;
  disableClient(caller: AdminCaller, name: string): Promise<WireClient>;
  addVerifier(caller: AdminCaller, name: string, audience: string): Promise<WireClient>;
  credentials(client: string): Promise<readonly WireCredential[]>;
  addCredential(caller: AdminCaller, client: string, request: NewCredentialRequest): Promise<WireNewCredential>;
  retireCredential(caller: AdminCaller, credentialId: string, expectedClient?: string): Promise<WireCredential>;
  createInvitation(caller: AdminCaller, request: NewInvitationRequest): Promise<WireNewInvitation>;
  invitations(): Promise<readonly WireInvitation[]>;
  revokeInvitation(caller: AdminCaller, id: string): Promise<WireInvitation>;
  /** For who has proved to have the invitation's key. */
  enrol(origin: Origin, proved: ProvedEnrolment): Promise<EnrolmentOutcome>;
  rootKeys(client: string): Promise<readonly WireRootKey[]>;
  rotateRootKey(caller: AdminCaller, client: string): Promise<WireRootKey>;
  destroyRootKey(caller: AdminCaller, client: string, rootKeyId: string): Promise<WireRootKey>;
  grants(client: string): Promise<readonly WireGrant[]>;
  putGrant(caller: AdminCaller, client: string, grant: WireGrantRequest): Promise<WireGrant>;
  removeGrant(caller: AdminCaller, client: string, audience: string): Promise<void>;
  audiences(): Promise<readonly WireAudience[]>;
  createAudience(caller: AdminCaller, audience: string): Promise<WireAudience>;
  /** New key generation; the one before it is revoked in the same transaction unless `keepPrevious`. */
  rotateAudience(caller: AdminCaller, audience: string, keepPrevious: boolean): Promise<WireAudience>;

  // Certificates of the company CA
  issueCertificate(caller: AdminCaller | ClientCaller, request: NewCertificateRequest): Promise<WireNewCertificate>;
  certificates(client?: string): Promise<readonly WireCertificate[]>;
  revokeCertificate(caller: AdminCaller | ClientCaller, thumbprint: string): Promise<WireCertificate>;
  revocationList(): Promise<RevocationList>;
  /** Certificates of the CA, PEM; the one that signs first. */
  authorityPem(): Promise<string>;

  // Audit
  audit(
    filter: AuditFilter,
  ): Promise<{ readonly entries: readonly WireAuditEntry[]; readonly cursor: number; readonly more: boolean }>;
  /** Notes a failure: the first of a kind at once, repetitions as a count by the minute. Never throws. */
  noteFailure(note: FailureNote): Promise<void>;
  /** Writes the counts that wait. Call it on a timer and before stopping. */
  flushFailures(): Promise<void>;

  // What authenticators need
  /** The credential, live or retired. */
  credential(id: string): Promise<CredentialRecord | undefined>;
  /** The credential, live or retired, that has this binding: see `CredentialRecord.binding`. */
  credentialByBinding(binding: string): Promise<CredentialRecord | undefined>;
  /** The secret of a credential that must be read back; `undefined` where there is none. */
  credentialSecret(id: string): Promise<Uint8Array | undefined>;
  /** The shared key of an invitation, also of one that ended, 32 bytes; `undefined` where there is none. */
  invitationKey(id: string): Promise<Uint8Array | undefined>;
  /** What is known of a certificate, by base64url of its SHA-256: one that our CA issued, or a foreign one that was revoked. */
  certificate(thumbprint: string): Promise<CertificateRecord | undefined>;
  credentialsForLogin(client: string): Known<LoginAccount | undefined>;
}

/** Name of the issuer's own audience: reserved, has no verifier, its keys are never served. */
export const issuerAudience = 'macaroond';
/** Name of the client that `init` creates. */
export const adminClient = 'admin';
/** Everything that can be done at the issuer's own API; what client `admin` is granted. */
export const adminActions: readonly string[] = [
  'clients:read',
  'clients:write',
  'root-keys:read',
  'root-keys:write',
  'grants:read',
  'grants:write',
  'audiences:read',
  'audiences:write',
  'revocations:write',
  'certificates:read',
  'certificates:write',
  'audit:read',
];
