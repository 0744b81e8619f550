/** Whether a client can show its certificate at all: found here, it is told in words; found by OpenSSL amid a handshake, it is a riddle. */
import { X509Certificate } from 'node:crypto';
import { MacaroonError } from '../core/index.js';
import type { ClientCertificate } from './credential.js';
import { parsePrivateKey } from './private-key.js';

const certificatePattern = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Throws `ERR_ARGUMENT` (`tls`) unless `client` holds PEM certificates, the first of which is of its private key. */
export function checkClientCertificate(client: ClientCertificate): void {
  const [leaf] = parseCertificates(client.certificate);
  if (leaf === undefined) throw unusable('the client certificate must be PEM: BEGIN CERTIFICATE, base64, END CERTIFICATE');
  if (!leaf.checkPrivateKey(parsePrivateKey(client.privateKey, 'tls'))) {
    throw unusable('the private key is not that of the client certificate; the own certificate comes first, then those of CAs');
  }
}

/** The certificates in `pem`; none when one of them cannot be read. */
function parseCertificates(pem: string): readonly X509Certificate[] {
  try {
    return (pem.match(certificatePattern) ?? []).map((certificate) => new X509Certificate(certificate));
  } catch {
    return [];
  }
}

function unusable(message: string): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', message, { argument: 'tls' });
}
