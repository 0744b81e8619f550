/** A client's credential in memory: what proves the client, and where and how to find the issuer. It never prints its secret. */
import type { BasicProof } from './basic-authorization.js';
import type { IssuerEndpoint } from './issuer-http.js';

/** What a credential is made of. */
export interface CredentialParts {
  /** URL of the issuer. */
  readonly issuer: string;
  /** CA certificates that the issuer's certificate comes from, PEM. */
  readonly ca?: string | undefined;
  /** Pin of the issuer's public key, as curl's `--pinnedpubkey`. */
  readonly pinSha256?: string | undefined;
  readonly client: string;
  readonly authMethod: 'client_secret_basic';
  readonly credentialId: string;
  readonly secret: string;
}

/** A credential as `loadCredential` returns it. `JSON.stringify`, `util.inspect` and spreading leave the secret out. */
export class Credential implements IssuerEndpoint, BasicProof {
  readonly issuer: string;
  readonly ca: string | undefined;
  readonly pinSha256: string | undefined;
  readonly client: string;
  readonly authMethod: 'client_secret_basic';
  readonly credentialId: string;
  readonly #secret: string;

  constructor(parts: CredentialParts) {
    this.issuer = parts.issuer;
    this.ca = parts.ca;
    this.pinSha256 = parts.pinSha256;
    this.client = parts.client;
    this.authMethod = parts.authMethod;
    this.credentialId = parts.credentialId;
    this.#secret = parts.secret;
  }

  /** The secret itself. Read it only where it is sent. */
  get secret(): string {
    return this.#secret;
  }

  toJSON(): Readonly<Record<string, unknown>> {
    const { issuer, ca, pinSha256, client, authMethod, credentialId } = this;
    return { issuer, ca, pinSha256, client, authMethod, credentialId, secret: '[redacted]' };
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `Credential { client: ${JSON.stringify(this.client)}, issuer: ${JSON.stringify(this.issuer)}, secret: [redacted] }`;
  }
}
