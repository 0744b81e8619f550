/**
 * The CAs of this installation: the one that signs, and those before it, which are trusted until the last certificate that they issued has
 * ended. Replacing the CA therefore cuts nobody off.
 */
import type { Clock, RandomBytes } from '../../core/index.js';
import type { IssuedCertificate } from './certificate-authority.js';
import { parseCertificates } from './parsed-certificate.js';
import { pemOf } from './pem.js';
import { type CertificateVault, ensureAuthority } from './server-identity.js';

const formerEntry = 'ca-former';

interface AuthorityOptions {
  readonly vault: CertificateVault;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
}

/** Certificates of the CAs in PEM, one text each, its own issuers with it; the one that signs first. */
export async function companyAuthorities(options: AuthorityOptions): Promise<readonly string[]> {
  const present = await ensureAuthority(options);
  const former = await options.vault.pkiEntry(formerEntry);
  if (former === undefined || options.clock() >= former.notAfterMs) return [present.certificatePem];
  return [present.certificatePem, former.certificatePem];
}

/**
 * Makes `authority` the one that signs. The one before it stays trusted until `lastLeafEndMs`, the end of the last certificate of any client;
 * its private key is not kept.
 */
export async function replaceAuthority(
  options: AuthorityOptions,
  authority: IssuedCertificate,
  lastLeafEndMs: number,
): Promise<void> {
  const { vault, clock } = options;
  const trusted = (await companyAuthorities(options))
    .flatMap(parseCertificates)
    .map(({ openssl }) => pemOf(openssl.raw, 'CERTIFICATE'));
  const server = await vault.pkiEntry('server');
  const former = {
    name: formerEntry,
    certificatePem: [...new Set(trusted)].join(''),
    notAfterMs: Math.max(lastLeafEndMs, server?.notAfterMs ?? 0),
    createdAtMs: clock(),
  };
  await vault.putPkiEntry(former, '');
  const { certificatePem, notAfterMs, privateKeyPem } = authority;
  await vault.putPkiEntry({ name: 'ca', certificatePem, notAfterMs, createdAtMs: clock() }, privateKeyPem);
}
