/**
 * `tls_client_auth`: a certificate of the company CA, or of another CA that is trusted, shown in TLS. The client is found by the names in it
 * that were registered: a URI or DNS name, or the subject. Source: RFC 8705 §2.1.
 */
import type { Known } from '../domain/ports.js';
import type { PresentedCertificate } from '../domain/presented-certificate.js';
import { type CertificateRegistry, proveByCertificate, refuseCertificate } from './certificate-proof.js';
import type { AuthenticationRequest, AuthenticationResult, ClientAuthenticator } from './client-authenticator.js';

/** The authenticator over the issuer's credentials. A self-signed certificate is never its concern. */
export function createTlsClientAuth(registry: CertificateRegistry): ClientAuthenticator {
  return {
    method: 'tls_client_auth',
    kind: 'connection',
    recognises: ({ certificate }) => certificate !== undefined && !certificate.isSelfSigned,
    authenticate: ({ certificate }: AuthenticationRequest): Known<AuthenticationResult> => {
      if (certificate === undefined) throw new Error('a request without a certificate was not to be authenticated by one');
      // A name in a certificate that nobody vouches for is nobody's, so none is looked up.
      if (certificate.fault !== undefined) return refuseCertificate(certificate);
      return proveByCertificate(registry, certificate, bindingsOf(certificate));
    },
  };
}

/** Every name of the certificate as it would be registered. */
function bindingsOf({ uris, dnsNames, subject }: PresentedCertificate): readonly string[] {
  const names = [...uris.map((uri) => `uri:${uri}`), ...dnsNames.map((name) => `dns:${name}`)];
  return subject === '' ? names : [...names, `dn:${subject}`];
}
