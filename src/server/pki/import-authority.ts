/** An existing company CA taken over: checked once, here, so that what it issues later is accepted by those who trust it. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../../core/index.js';
import { authorityFault, type IssuedCertificate, openAuthority, signingAlgorithmOf } from './certificate-authority.js';
import { maySignCertificates } from './certificate-fields.js';
import { isIssuedBy, type ParsedCertificate, parseCertificates } from './parsed-certificate.js';
import { pemBlocks, pemOf } from './pem.js';

const maxPemLength = 65_536;

/**
 * The CA of `certificatePem` (its certificate; when that is not self-signed, then its issuers, each after the one that it issued) with its
 * unencrypted private key, PKCS #8, PKCS #1 or SEC 1. Throws `ERR_ARGUMENT` with what is wrong: no CA, another key, expired, an
 * incomplete chain, a kind of key that is not RSA, P-256, P-384 or Ed25519.
 */
export async function importAuthority(certificatePem: string, privateKeyPem: string, clock: Clock): Promise<IssuedCertificate> {
  const chain = readChain(certificatePem, clock());
  const [certificate] = chain;
  if (certificate === undefined) throw authorityFault('the file of the CA holds no certificate in PEM');
  const key = readPrivateKey(privateKeyPem);
  signingAlgorithmOf(key);
  if (!certificate.openssl.checkPrivateKey(key)) throw authorityFault('the private key is not that of the first certificate');
  const authority = {
    certificatePem: chain.map(({ openssl }) => pemOf(openssl.raw, 'CERTIFICATE')).join(''),
    privateKeyPem: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
    notAfterMs: certificate.fields.notAfterMs,
  };
  await openAuthority(authority, clock);
  return authority;
}

function readChain(pem: string, nowMs: number): readonly ParsedCertificate[] {
  if (pem.length > maxPemLength) throw authorityFault('the file of the CA is too long');
  const chain = parseCertificates(pem);
  if (chain.length !== pemBlocks(pem, 'CERTIFICATE').length)
    throw authorityFault('a certificate in the file of the CA cannot be read');
  for (const [i, certificate] of chain.entries()) {
    const { isAuthority, notBeforeMs, notAfterMs } = certificate.fields;
    if (!isAuthority) throw authorityFault('the certificate is not that of a CA (no basicConstraints CA:TRUE)');
    if (!maySignCertificates(certificate.fields))
      throw authorityFault('the CA may not sign certificates (keyUsage without keyCertSign)');
    if (nowMs >= notAfterMs) throw authorityFault('the CA has expired');
    if (nowMs < notBeforeMs) throw authorityFault('the CA is not yet valid');
    const next = chain[i + 1];
    const isSelfSigned = isIssuedBy(certificate, certificate);
    if (next === undefined ? !isSelfSigned : isSelfSigned || !isIssuedBy(certificate, next)) {
      throw authorityFault(
        'a CA is self-signed and alone, or followed by the certificates of its issuers, the self-signed one last',
      );
    }
  }
  return chain;
}

function readPrivateKey(pem: string): KeyObject {
  if (pem.includes('ENCRYPTED')) {
    throw authorityFault('the private key is encrypted: decrypt it first, by "openssl pkey -in ca.key -out plain.key"');
  }
  try {
    return createPrivateKey(pem.slice(0, maxPemLength));
  } catch {
    throw authorityFault('the private key of the CA cannot be read: PEM of PKCS #8, PKCS #1 or SEC 1 is expected');
  }
}
