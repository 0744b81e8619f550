/**
 * A client certificate as the rest of the issuer sees it: read and judged by `server/pki`, never parsed again. Types alone, so that
 * authentication methods and the audit log can speak of certificates without knowing X.509.
 */

/** Why a certificate proves nothing. The first that applies, in this order. */
export type CertificateFault =
  | 'malformed' // not one canonical X.509 certificate, or names in it that cannot be told apart
  | 'wrong_purpose' // a CA's own certificate, or one that was not issued for TLS clients
  | 'not_yet_valid'
  | 'expired'
  | 'self_signed' // nothing but this: its form, purpose and dates are good, so that its thumbprint may be looked up
  | 'untrusted'; // not issued by a trusted CA

/** How the certificate came: shown in the TLS handshake, or told by a trusted proxy (RFC 9440 `Client-Cert`). */
export type CertificateRoute = 'tls' | 'proxy';

/** A certificate that came with a request. With a `fault` it identifies nobody, whatever it names. */
export interface PresentedCertificate {
  readonly der: Uint8Array;
  /** SHA-256 of `der`, unpadded base64url: `x5t#S256` of RFC 8705. */
  readonly thumbprint: string;
  /** RFC 4514 text in the one spelling of `canonicalSubject`; empty for a certificate without a subject. */
  readonly subject: string;
  /** URIs of the subject alternative name, as written, each once. */
  readonly uris: readonly string[];
  /** DNS names of the subject alternative name, in lower case, each once. */
  readonly dnsNames: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Whether it was signed by its own key. */
  readonly isSelfSigned: boolean;
  readonly fault: CertificateFault | undefined;
  readonly via: CertificateRoute;
}
