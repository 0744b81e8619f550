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

/** The server certificate to serve with now. `renewed` says whether it differs from the one before. */
export async function ensureServerIdentity(
  options: ServerIdentityOptions,
): Promise<{ readonly identity: ServerIdentity; readonly renewed: boolean }> {
  const authority = await ensureAuthority(options);
  const known = await options.vault.pkiEntry('server');
  if (known !== undefined && isGood(known, authority, options)) return { identity: identityOf(known, authority), renewed: false };
  const made = await issueServerCertificate(authority, options.names, options.clock, options.randomBytes);
  return { identity: identityOf(await keep(options, 'server', made), authority), renewed: true };
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

function isGood(entry: IssuedCertificate, authority: IssuedCertificate, { names, clock }: ServerIdentityOptions): boolean {
  const [certificate] = parseCertificates(entry.certificatePem);
  const [issuer] = parseCertificates(authority.certificatePem);
  // Another CA may have been imported since.
  if (certificate === undefined || issuer === undefined || !isIssuedBy(certificate, issuer)) return false;
  const { notBeforeMs, notAfterMs } = certificate.fields;
  const renewAtMs = notBeforeMs + ((notAfterMs - notBeforeMs) * 2) / 3;
  if (clock() >= renewAtMs || clock() < notBeforeMs) return false;
  const { openssl } = certificate;
  return names.every((name) => (isIP(name) === 0 ? openssl.checkHost(name) : openssl.checkIP(name)) !== undefined);
}

function identityOf(entry: IssuedCertificate, authority: IssuedCertificate): ServerIdentity {
  return { cert: entry.certificatePem + authority.certificatePem, key: entry.privateKeyPem };
}
