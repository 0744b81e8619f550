/** A client's credential in memory: what proves the client, and where and how to find the issuer. It never prints its secrets. */
import type { IssuerEndpoint } from './issuer-endpoint.js';

/** A public key as JWK (RFC 7517), with the members of its kind alone. */
export type PublicJwkText = Readonly<Record<string, string>>;

/** What proves the client by one auth method. Private keys are PEM, PKCS #8. */
export type CredentialProof =
  | { readonly kind: 'client_secret_basic'; readonly secret: string }
  | {
      readonly kind: 'http_sig';
      readonly algorithm: 'hmac-sha256';
      readonly secret: string;
      /** The key that the issuer signs refusals with; read from its discovery document when absent. */
      readonly issuerKey?: PublicJwkText | undefined;
    }
  | {
      readonly kind: 'http_sig';
      readonly algorithm: 'ed25519' | 'ecdsa-p256-sha256' | 'rsa-pss-sha512';
      readonly privateKey: string;
      readonly issuerKey?: PublicJwkText | undefined;
    }
  | {
      readonly kind: 'challenge_response';
      readonly algorithm: 'sign-ed25519' | 'sign-ecdsa-p256-sha256' | 'sign-rsa-pss-sha256' | 'decrypt-rsa-oaep-256';
      readonly privateKey: string;
    }
  | {
      readonly kind: 'encrypted_time';
      readonly secret: string;
      /** The key to encrypt to; read from the issuer's discovery document when absent. */
      readonly timeKey?: PublicJwkText | undefined;
    }
  /** base64url of 32 bytes. */
  | { readonly kind: 'shared_key_hmac'; readonly key: string }
  | { readonly kind: 'tls_client_auth' }
  | { readonly kind: 'self_signed_tls_client_auth' };

/** The client's side of TLS, PEM. */
export interface ClientCertificate {
  /** The client's certificate, then those between it and the CA. */
  readonly certificate: string;
  readonly privateKey: string;
}

/** What a credential is made of. */
export interface CredentialParts {
  /** URL of the issuer. */
  readonly issuer: string;
  /** CA certificates that the issuer's certificate comes from, PEM. */
  readonly ca?: string | undefined;
  /** Pin of the issuer's public key, as curl's `--pinnedpubkey`. */
  readonly pinSha256?: string | undefined;
  readonly client: string;
  readonly credentialId: string;
  readonly proof: CredentialProof;
  /** Needed by the TLS methods; beside the others for policies that ask for both. */
  readonly tls?: ClientCertificate | undefined;
}

/** A credential as `loadCredential` returns it. `JSON.stringify`, `util.inspect` and spreading leave the secrets out. */
export class Credential implements IssuerEndpoint {
  readonly issuer: string;
  readonly ca: string | undefined;
  readonly pinSha256: string | undefined;
  readonly client: string;
  readonly authMethod: CredentialProof['kind'];
  readonly credentialId: string;
  readonly #proof: CredentialProof;
  readonly #tls: ClientCertificate | undefined;

  constructor(parts: CredentialParts) {
    this.issuer = parts.issuer;
    this.ca = parts.ca;
    this.pinSha256 = parts.pinSha256;
    this.client = parts.client;
    this.authMethod = parts.proof.kind;
    this.credentialId = parts.credentialId;
    this.#proof = parts.proof;
    this.#tls = parts.tls;
  }

  /** What proves the client. Read it only where it is used. */
  get proof(): CredentialProof {
    return this.#proof;
  }

  /** The client's side of TLS. Read it only where it is used. */
  get tls(): ClientCertificate | undefined {
    return this.#tls;
  }

  toJSON(): Readonly<Record<string, unknown>> {
    const { issuer, ca, pinSha256, client, authMethod, credentialId } = this;
    return { issuer, ca, pinSha256, client, authMethod, credentialId, proof: '[redacted]' };
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `Credential { client: ${JSON.stringify(this.client)}, issuer: ${JSON.stringify(this.issuer)}, proof: [redacted] }`;
  }
}
