/** Puts another CA in the place of the one that signs, without cutting off whom that one certified: see `companyAuthorities`. */
import type { Clock, RandomBytes } from '../../core/index.js';
import type { IssuedCertificate } from './certificate-authority.js';
import { parseCertificates } from './parsed-certificate.js';
import { pemOf } from './pem.js';
import { type CertificateVault, companyAuthorities, formerAuthorities } from './server-identity.js';

/**
 * Makes `authority` the one that signs. The ones before it stay trusted until `lastLeafEndMs`, the end of the last certificate of any client, and
 * as long as the server's own; their private keys are not kept.
 */
export async function replaceAuthority(
  options: { readonly vault: CertificateVault; readonly clock: Clock; readonly randomBytes: RandomBytes },
  authority: IssuedCertificate,
  lastLeafEndMs: number,
): Promise<void> {
  const { vault, clock } = options;
  const trusted = (await companyAuthorities(options)).flatMap(parseCertificates);
  const server = await vault.pkiEntry('server');
  const former = {
    name: formerAuthorities,
    certificatePem: [...new Set(trusted.map(({ openssl }) => pemOf(openssl.raw, 'CERTIFICATE')))].join(''),
    notAfterMs: Math.max(lastLeafEndMs, server?.notAfterMs ?? 0),
    createdAtMs: clock(),
  };
  await vault.putPkiEntry(former, '');
  const { certificatePem, notAfterMs, privateKeyPem } = authority;
  await vault.putPkiEntry({ name: 'ca', certificatePem, notAfterMs, createdAtMs: clock() }, privateKeyPem);
}
