/** A certificate as two readers see it: ours for what it says, OpenSSL's for its signature. Both must take all of its bytes. */
import { X509Certificate } from 'node:crypto';
import { equalBytes } from '../../core/index.js';
import { type CertificateFields, readCertificateFields } from './certificate-fields.js';
import { pemBlocks } from './pem.js';

export interface ParsedCertificate {
  readonly fields: CertificateFields;
  readonly openssl: X509Certificate;
}

/** The certificate that `der` is; `undefined` for anything else. */
export function parseCertificate(der: Uint8Array): ParsedCertificate | undefined {
  try {
    const fields = readCertificateFields(der);
    const openssl = new X509Certificate(der);
    return equalBytes(openssl.raw, der) ? { fields, openssl } : undefined;
  } catch {
    return undefined;
  }
}

/** The certificates in `pem`, in their order; those that cannot be read are left out. */
export function parseCertificates(pem: string): readonly ParsedCertificate[] {
  return pemBlocks(pem, 'CERTIFICATE').flatMap((der) => parseCertificate(der) ?? []);
}

/** Whether the names fit, byte by byte, and the signature holds under the issuer's key. */
export function isIssuedBy(certificate: ParsedCertificate, issuer: ParsedCertificate): boolean {
  if (!equalBytes(certificate.fields.issuer, issuer.fields.subject)) return false;
  try {
    return certificate.openssl.verify(issuer.openssl.publicKey);
  } catch {
    return false;
  }
}
