/**
 * `self_signed_tls_client_auth`: a self-signed certificate, shown in TLS, that was registered by its SHA-256 thumbprint. No CA vouches for it,
 * so TLS itself says nothing; its dates and its purpose are judged here. Source: RFC 8705 §2.2.
 */
import { type CertificateRegistry, proveByCertificate, refuseCertificate } from './certificate-proof.js';
import type { AuthenticationRequest, AuthenticationResult, ClientAuthenticator } from './client-authenticator.js';

/** The authenticator over the issuer's credentials. */
export function createSelfSignedTlsClientAuth(registry: CertificateRegistry): ClientAuthenticator {
  return {
    method: 'self_signed_tls_client_auth',
    kind: 'connection',
    recognises: ({ certificate }) => certificate?.isSelfSigned === true,
    authenticate: async ({ certificate }: AuthenticationRequest): Promise<AuthenticationResult> => {
      if (certificate === undefined) throw new Error('a request without a certificate was not to be authenticated by one');
      // Nothing but that it is self-signed may be wrong with it.
      if (certificate.fault !== 'self_signed') return refuseCertificate(certificate);
      const result = await proveByCertificate(registry, certificate, [`x5t:${certificate.thumbprint}`]);
      const isStranger = !result.ok && result.reason === 'certificate_unknown';
      return isStranger ? { ...result, reason: 'certificate_self_signed' } : result;
    },
  };
}
