/**
 * The issuer's HTTP API as data: what requests and answers hold, in the names that go over the wire. Client, verifier, CLI and server
 * share these; the server's schemas are checked against them. Times are RFC 3339 text in UTC; ids and keys are base64url, token ids UUID text.
 */

/** `POST /v1/tokens` */
export interface MintRequest {
  readonly audience: string;
  /** Within the client's grant; all of the grant when absent. */
  readonly actions?: readonly string[] | undefined;
  /** Seconds, 1 or more; 3600 or the grant's longest, whichever is shorter, when absent. */
  readonly expires_in?: number | undefined;
  /** Conditions to add at once, besides those the grant requires. */
  readonly caveats?: readonly string[] | undefined;
}

export interface MintResponse {
  readonly token: string;
  readonly token_id: string;
  readonly root_key_id: string;
  readonly client: string;
  readonly audience: string;
  readonly actions: readonly string[];
  readonly issued_at: string;
  readonly expires_at: string;
  readonly caveats: readonly string[];
}

/** `POST /v1/verify` */
export interface VerifyRequest {
  readonly token: string;
  readonly audience: string;
  /** `at` (RFC 3339) asks about another time than now, not together with `request`; further members are facts for custom caveats. */
  readonly context: {
    readonly action: string;
    readonly ip?: string | undefined;
    readonly method?: string | undefined;
    readonly path?: string | undefined;
    readonly at?: string | undefined;
    /** The request itself, for a token that is sealed to it: `host[:port]` of the service's origin, raw path and query, digest of the content. */
    readonly request?: WireSentRequest | undefined;
    /** SHA-256 of the certificate that the caller showed, base64url. */
    readonly certificate_thumbprint?: string | undefined;
    /** RFC 7638 thumbprint of the key that signed the request, base64url; whoever tells it has checked that. */
    readonly key_thumbprint?: string | undefined;
    readonly [fact: string]: unknown;
  };
}

export interface WireSentRequest {
  readonly authority: string;
  readonly target: string;
  readonly digest: string;
}

/** How one caveat fared. */
export interface WireCaveat {
  readonly condition: string;
  readonly holds: boolean;
  /** In words; for a failed one, why. */
  readonly message: string;
  readonly caveat_index: number;
  /** Which discharge holds the caveat; absent for the root macaroon. */
  readonly discharge_index?: number | undefined;
}

export type VerifyResponse =
  | {
      readonly authorized: true;
      readonly client: string;
      readonly token_id: string;
      readonly root_key_id: string;
      readonly audience: string;
      readonly auth_methods: readonly string[];
      readonly actions: readonly string[];
      readonly issued_at: string;
      readonly expires_at: string;
      readonly caveats: readonly WireCaveat[];
      /** What the answer to a sealed request is signed with, base64url of 32 bytes; there when its signature held. */
      readonly answer_key?: string | undefined;
    }
  | {
      readonly authorized: false;
      /** The exact code of `core/errors.ts`; only a verifier of the audience sees it. */
      readonly code: string;
      readonly message: string;
      readonly caveat_index?: number | undefined;
      readonly discharge_index?: number | undefined;
      /** Present once the signature held. */
      readonly caveats?: readonly WireCaveat[] | undefined;
      /** As above: refusals are signed too. */
      readonly answer_key?: string | undefined;
    };

/** `GET /v1/audiences/{a}/keys/{root_key_id}?generation=` */
export interface WireAudienceKey {
  readonly root_key_id: string;
  readonly generation: number;
  readonly client: string;
  /** K_a, base64url of 32 bytes. */
  readonly key: string;
  readonly state: 'active' | 'passive';
}

/** `GET /v1/audiences/{a}/keys?after=` */
export interface WireAudienceKeys {
  readonly keys: readonly WireAudienceKey[];
  /** Give it as `after` to get what changed since. */
  readonly cursor: number;
  /** There is more: ask again at once with `cursor`. */
  readonly more: boolean;
}

export type WireRevocationTarget =
  | { readonly kind: 'token'; readonly token_id: string }
  /** Tokens of the client whose issue time is `before` or earlier. */
  | { readonly kind: 'client'; readonly client: string; readonly before: string }
  | { readonly kind: 'root_key'; readonly root_key_id: string }
  | { readonly kind: 'audience_key'; readonly audience: string; readonly generation: number };

export type WireRevocation = WireRevocationTarget & {
  readonly seq: number;
  readonly revoked_at: string;
  /** After it no token can be concerned any more, and the entry may be forgotten. */
  readonly expires_at: string;
};

/** `GET /v1/revocations?after=` */
export interface WireRevocations {
  readonly revocations: readonly WireRevocation[];
  readonly cursor: number;
  readonly more: boolean;
}

/** `POST /v1/revocations` */
export type RevokeRequest = (
  | { readonly kind: 'token'; readonly token_id: string }
  | { readonly kind: 'client'; readonly client: string; readonly before?: string | undefined }
  | { readonly kind: 'root_key'; readonly root_key_id: string }
  | { readonly kind: 'audience_key'; readonly audience: string; readonly generation: number }
) & { readonly reason?: string | undefined };

/** How a client can prove itself: by something in the headers of a request, or by its side of TLS. */
export type AuthMethod =
  | 'client_secret_basic'
  | 'http_sig'
  | 'challenge_response'
  | 'encrypted_time'
  | 'shared_key_hmac'
  | 'tls_client_auth'
  | 'self_signed_tls_client_auth';

/** Names of RFC 9421 §3.3. */
export type HttpSigAlgorithm = 'hmac-sha256' | 'ed25519' | 'ecdsa-p256-sha256' | 'rsa-pss-sha512';

/** Signs the challenge · decrypts it. */
export type ChallengeAlgorithm = 'sign-ed25519' | 'sign-ecdsa-p256-sha256' | 'sign-rsa-pss-sha256' | 'decrypt-rsa-oaep-256';

/** What a key of a credential is used with. */
export type CredentialAlgorithm = HttpSigAlgorithm | ChallengeAlgorithm;

/** What every token of a grant is bound to when it is minted: addresses · the certificate · the asymmetric key that the client proved itself with. */
export type GrantBinding = 'ip' | 'certificate' | 'key';

/**
 * What proves a client: any of these alternatives, each of which asks for all of its auth methods. An alternative has at most one method
 * in the headers, at most one of TLS, at least one of both, and `ip` (one of the client's addresses) if wanted.
 */
export type WireAuthPolicy = readonly (readonly string[])[];

/** `POST /v1/clients` */
export interface NewClientRequest {
  readonly client: string;
  /** `[["client_secret_basic"]]` when absent, and `ip` too where there are `ips`. */
  readonly auth?: WireAuthPolicy | undefined;
  /** Ranges that auth method `ip` accepts. */
  readonly ips?: readonly string[] | undefined;
  /** DNS names and addresses that it serves as: our CA puts them into its certificates. */
  readonly hosts?: readonly string[] | undefined;
  readonly grants?: readonly WireGrantRequest[] | undefined;
  readonly verifier_of?: readonly string[] | undefined;
}

/** `POST /v1/clients/{c}/policy`: what is absent stays as it is. */
export interface ClientPolicyRequest {
  readonly auth?: WireAuthPolicy | undefined;
  readonly ips?: readonly string[] | undefined;
  readonly hosts?: readonly string[] | undefined;
}

/** `POST /v1/clients/{c}/credentials`; `client_secret_basic` when no method is named. `ips`: it works from these addresses only. */
export type NewCredentialRequest = { readonly ips?: readonly string[] | undefined } & (
  | { readonly auth_method?: 'client_secret_basic' | undefined }
  | {
      readonly auth_method: 'http_sig';
      /** `hmac-sha256` for a secret that the issuer makes; that of the key when absent. */
      readonly algorithm?: HttpSigAlgorithm | undefined;
      /** PEM, SubjectPublicKeyInfo. */
      readonly public_key?: string | undefined;
    }
  | { readonly auth_method: 'challenge_response'; readonly mode: 'sign' | 'decrypt'; readonly public_key: string }
  | { readonly auth_method: 'encrypted_time' }
  | {
      readonly auth_method: 'tls_client_auth';
      /** `uri:…` or `dns:…`; `uri:spiffe://<trust domain>/client/<name>` when there is no `subject` either. */
      readonly san?: string | undefined;
      /** RFC 4514. */
      readonly subject?: string | undefined;
    }
  | {
      readonly auth_method: 'self_signed_tls_client_auth';
      /** PEM. */
      readonly certificate: string;
    }
);

/** A credential that was just made. */
export interface WireNewCredential {
  readonly client: string;
  readonly credential_id: string;
  readonly auth_method: AuthMethod;
  readonly algorithm?: CredentialAlgorithm | undefined;
  /** Where the issuer made one: it is shown this once. */
  readonly secret?: string | undefined;
  /** What a certificate must hold: `uri:…`, `dns:…`, `dn:…`, or `x5t:…`, its thumbprint. */
  readonly binding?: string | undefined;
}

/** `POST /v1/invitations`: for one name, or, without `name`, for a group. */
export interface NewInvitationRequest {
  readonly name?: string | undefined;
  /** How many may enrol by a group's; one by one that is for a name. */
  readonly uses?: number | undefined;
  /** Seconds, at most 30 days; a day when absent, an hour for a group. */
  readonly expires_in?: number | undefined;
}

export interface WireInvitation {
  readonly invitation: string;
  /** The one name that it is good for; absent for a group's. */
  readonly name?: string | undefined;
  readonly uses_left: number;
  /** `ended`: it expired or was revoked. */
  readonly state: 'live' | 'used_up' | 'ended';
  readonly created_at: string;
  readonly expires_at: string;
}

export interface WireNewInvitation extends WireInvitation {
  /** base64url of 32 bytes; shown this once. */
  readonly shared_key: string;
}

/** `POST /v1/enrolments`: by the holder of an invitation's shared key. */
export interface EnrolmentRequest {
  readonly invitation: string;
  readonly name: string;
  /** base64url of 32 random bytes. */
  readonly nonce: string;
  /** base64url of HMAC-SHA-256(shared key, LP("macaroond/shared-key-hmac/v1", "enrolment", name, nonce)). */
  readonly mac: string;
}

export interface WireEnrolment {
  readonly client: string;
  readonly credential_id: string;
}

export interface WireGrantRequest {
  readonly audience: string;
  readonly actions: readonly string[];
  /** Longest life of a token, seconds; 86400 when absent. */
  readonly max_expires_in?: number | undefined;
  /** Conditions that every token gets. */
  readonly required_caveats?: readonly string[] | undefined;
  readonly bind?: readonly GrantBinding[] | undefined;
}

export interface WireGrant {
  readonly audience: string;
  readonly actions: readonly string[];
  readonly max_expires_in: number;
  readonly required_caveats: readonly string[];
  readonly bind: readonly GrantBinding[];
}

export interface WireClient {
  readonly client: string;
  readonly state: 'active' | 'disabled';
  readonly auth: WireAuthPolicy;
  readonly ips: readonly string[];
  readonly hosts: readonly string[];
  readonly verifier_of: readonly string[];
  readonly grants: readonly WireGrant[];
  readonly created_at: string;
}

/** Answer to `POST /v1/clients`: with the credentials of its policy that need nothing of the client. */
export interface WireNewClient extends WireClient {
  readonly credentials: readonly WireNewCredential[];
}

export interface WireCredential {
  readonly credential_id: string;
  readonly client: string;
  readonly auth_method: AuthMethod;
  readonly algorithm?: CredentialAlgorithm | undefined;
  /** What a certificate must hold: `uri:…`, `dns:…`, `dn:…`, or `x5t:…`, its thumbprint. */
  readonly binding?: string | undefined;
  /** RFC 7638, of the public key. */
  readonly key_thumbprint?: string | undefined;
  /** Besides the addresses of the client; empty for any. */
  readonly ips: readonly string[];
  /** `disabled`: not retired, but its client is disabled. */
  readonly state: 'live' | 'disabled' | 'retired';
  readonly created_at: string;
  readonly retired_at?: string | undefined;
}

/** `POST /v1/ca/certificates` */
export interface NewCertificateRequest {
  /** PKCS #10, PEM. Its key is certified; names that it asks for are not looked at. */
  readonly csr: string;
  /** The client that asks, when absent. */
  readonly client?: string | undefined;
  /** 1 when absent. */
  readonly days?: number | undefined;
}

/** A certificate of the issuer's CA, or a foreign one that was revoked, of which nothing but its thumbprint is known. */
export interface WireCertificate {
  /** base64url SHA-256 of the certificate, as in `cnf x5t#S256`. */
  readonly thumbprint: string;
  readonly state: 'valid' | 'expired' | 'revoked';
  readonly client?: string | undefined;
  /** Hexadecimal. */
  readonly serial?: string | undefined;
  readonly not_before?: string | undefined;
  readonly not_after?: string | undefined;
  readonly issued_at?: string | undefined;
  readonly revoked_at?: string | undefined;
}

/** A certificate that was just issued. */
export interface WireNewCertificate extends WireCertificate {
  /** PEM. */
  readonly certificate: string;
  /** PEM: the certificate, then those of the CA. */
  readonly chain: string;
  /** Names in it. */
  readonly uris: readonly string[];
  readonly hosts: readonly string[];
}

export interface WireRootKey {
  readonly root_key_id: string;
  readonly client: string;
  /** 1, 2, 3, … within the client. */
  readonly generation: number;
  /** Mints and verifies · verifies only · gone. */
  readonly state: 'active' | 'passive' | 'destroyed';
  readonly created_at: string;
}

export interface WireAudience {
  readonly audience: string;
  /** Key generation that new tokens get. */
  readonly generation: number;
  readonly created_at: string;
}

export interface WireAuditEntry {
  readonly seq: number;
  readonly at: string;
  readonly event: string;
  /** Who did it: a client's name, `(anonymous)`, or `(local)` for work on the issuer's own machine. */
  readonly actor: string;
  readonly client?: string | undefined;
  readonly audience?: string | undefined;
  readonly token_id?: string | undefined;
  readonly address?: string | undefined;
  readonly request_id?: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;
  /** MAC of this entry and all before it, base64url. `seq:mac` is a head. */
  readonly mac: string;
}
