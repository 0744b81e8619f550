/** What the use cases need of X.509: a port that `server/pki` implements over the company CA. */

/** A certificate that the CA made. */
export interface IssuedLeaf {
  readonly certificatePem: string;
  /** The certificate, then those of the CA. */
  readonly chainPem: string;
  /** base64url SHA-256 of the certificate. */
  readonly thumbprint: string;
  /** Hexadecimal. */
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** What is to stand in a certificate. Names come from the registry, never from who asks. */
export interface LeafRequest {
  readonly client: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly uris: readonly string[];
  /** DNS names of which the client proves itself by, and hosts (DNS names and addresses) that it serves as. */
  readonly hosts: readonly string[];
  readonly lifeMs: number;
}

export interface CertificateTools {
  /** Of the URI SAN that every client has: `spiffe://<trust domain>/client/<name>`. */
  readonly trustDomain: string;
  /** Certificates of the CA, PEM; the one that signs first. */
  authorityPem(): Promise<string>;
  /** What a certificate (PEM, alone) is called by; `undefined` when it is none. */
  readCertificate(pem: string):
    | {
        readonly thumbprint: string;
        readonly notBeforeMs: number;
        readonly notAfterMs: number;
        readonly isSelfSigned: boolean;
      }
    | undefined;
  /** The public key (SubjectPublicKeyInfo, DER) of a PKCS #10 request (PEM) that proves to own it; `undefined` for any other text. */
  readSigningRequest(pem: string): Promise<Uint8Array | undefined>;
  /** Throws `conflict` for a host that is the issuer's own. */
  issue(request: LeafRequest): Promise<IssuedLeaf>;
  /** A CRL; `number` grows from one to the next. */
  revocationList(
    entries: readonly { readonly serial: string; readonly revokedAtMs: number }[],
    number: number,
  ): Promise<{ readonly der: Uint8Array; readonly pem: string }>;
}
