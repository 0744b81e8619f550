/** The server's own certificate: made on first use, renewed by itself at two thirds of its life or when its names or the CA change. */
import { isIP } from 'node:net';
import { type Clock, encodeHex, type RandomBytes } from '../../core/index.js';
import { createAuthority, type IssuedCertificate } from './certificate-authority.js';
import { issueServerCertificate } from './issue-certificate.js';
import { isIssuedBy, parseCertificates } from './parsed-certificate.js';

/** A certificate as it is kept, without its private key. */
export interface CertificateEntry {
  readonly name: string;
  readonly certificatePem: string;
  readonly notAfterMs: number;
  readonly createdAtMs: number;
}

/** Where certificates and their encrypted private keys are kept. */
export interface CertificateVault {
  pkiEntry(name: string): Promise<IssuedCertificate | undefined>;
  putPkiEntry(entry: CertificateEntry, privateKeyPem: string): Promise<void>;
}

export interface ServerIdentityOptions {
  readonly vault: CertificateVault;
  /** DNS names and addresses that the certificate must hold. */
  readonly names: readonly string[];
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
}

/** What a TLS server needs: the chain (leaf, then CA) and the leaf's key, both PEM. */
export interface ServerIdentity {
  readonly cert: string;
  readonly key: string;
}

/** The CA of this installation; made when there is none. */
export async function ensureAuthority(options: Omit<ServerIdentityOptions, 'names'>): Promise<IssuedCertificate> {
  const known = await options.vault.pkiEntry('ca');
  if (known !== undefined) return known;
  // A name of its own, as clients that trust two installations could not tell their CAs apart otherwise.
  const name = `macaroond CA ${encodeHex(options.randomBytes(4))}`;
  return await keep(options, 'ca', await createAuthority(name, options.clock, options.randomBytes));
}

/** Entry of the vault for the CAs that signed before. */
export const formerAuthorities = 'ca-former';

/**
 * Certificates of the CAs in PEM, one text each, its own issuers with it; the one that signs first, then those before it until the last certificate
 * that they issued has ended. Replacing the CA therefore cuts nobody off.
 */
export async function companyAuthorities(options: Omit<ServerIdentityOptions, 'names'>): Promise<readonly string[]> {
  const present = await ensureAuthority(options);
  const former = await options.vault.pkiEntry(formerAuthorities);
  if (former === undefined || options.clock() >= former.notAfterMs) return [present.certificatePem];
  return [present.certificatePem, former.certificatePem];
}

/** The server certificate to serve with now. `renewed` says whether it differs from the one before. */
export async function ensureServerIdentity(
  options: ServerIdentityOptions,
): Promise<{ readonly identity: ServerIdentity; readonly renewed: boolean }> {
  const authority = await ensureAuthority(options);
  const known = await options.vault.pkiEntry('server');
  // Another CA may have been imported since; who knows the one before alone still knows us, until the certificate is due.
  const issuer = known === undefined ? undefined : issuerOf(known, await companyAuthorities(options));
  if (known !== undefined && issuer !== undefined && isGood(known, options)) {
    return { identity: identityOf(known, issuer), renewed: false };
  }
  const made = await issueServerCertificate(authority, options.names, options.clock, options.randomBytes);
  return { identity: identityOf(await keep(options, 'server', made), authority.certificatePem), renewed: true };
}

async function keep(
  { vault, clock }: Pick<ServerIdentityOptions, 'vault' | 'clock'>,
  name: string,
  made: IssuedCertificate,
): Promise<IssuedCertificate> {
  const { certificatePem, notAfterMs, privateKeyPem } = made;
  await vault.putPkiEntry({ name, certificatePem, notAfterMs, createdAtMs: clock() }, privateKeyPem);
  return made;
}

/** The one of `authorities` that issued the certificate. */
function issuerOf(entry: IssuedCertificate, authorities: readonly string[]): string | undefined {
  const [certificate] = parseCertificates(entry.certificatePem);
  if (certificate === undefined) return undefined;
  return authorities.find((pem) => parseCertificates(pem).some((authority) => isIssuedBy(certificate, authority)));
}

function isGood(entry: IssuedCertificate, { names, clock }: ServerIdentityOptions): boolean {
  const [certificate] = parseCertificates(entry.certificatePem);
  if (certificate === undefined) return false;
  const { notBeforeMs, notAfterMs } = certificate.fields;
  const renewAtMs = notBeforeMs + ((notAfterMs - notBeforeMs) * 2) / 3;
  if (clock() >= renewAtMs || clock() < notBeforeMs) return false;
  const { openssl } = certificate;
  return names.every((name) => (isIP(name) === 0 ? openssl.checkHost(name) : openssl.checkIP(name)) !== undefined);
}

function identityOf(entry: IssuedCertificate, authorityPem: string): ServerIdentity {
  return { cert: entry.certificatePem + authorityPem, key: entry.privateKeyPem };
}
