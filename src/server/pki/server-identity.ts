/** The server's own certificate: made on first use, renewed by itself at two thirds of its life or when its names change. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock, RandomBytes } from '../../core/index.js';
import { createAuthority, type IssuedCertificate, issueServerCertificate } from './certificate-authority.js';

/** Where certificates and their encrypted private keys are kept. */
export interface CertificateVault {
  pkiEntry(name: string): Promise<IssuedCertificate | undefined>;
  putPkiEntry(name: string, entry: IssuedCertificate): Promise<void>;
}

export interface ServerIdentityOptions {
  readonly vault: CertificateVault;
  /** Tells this installation's CA from others. */
  readonly installId: string;
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
  const made = await createAuthority(`macaroond CA ${options.installId.slice(0, 8)}`, options.clock, options.randomBytes);
  await options.vault.putPkiEntry('ca', made);
  return made;
}

/** The server certificate to serve with now. `renewed` says whether it differs from the one before. */
export async function ensureServerIdentity(
  options: ServerIdentityOptions,
): Promise<{ readonly identity: ServerIdentity; readonly renewed: boolean }> {
  const authority = await ensureAuthority(options);
  const known = await options.vault.pkiEntry('server');
  if (known !== undefined && isGood(known, options)) return { identity: identityOf(known, authority), renewed: false };
  const made = await issueServerCertificate(authority, options.names, options.clock, options.randomBytes);
  await options.vault.putPkiEntry('server', made);
  return { identity: identityOf(made, authority), renewed: true };
}

function isGood(entry: IssuedCertificate, { names, clock }: ServerIdentityOptions): boolean {
  const certificate = new X509Certificate(entry.certificatePem);
  const startMs = Date.parse(certificate.validFrom);
  const renewAtMs = startMs + ((entry.notAfterMs - startMs) * 2) / 3;
  if (clock() >= renewAtMs || clock() < startMs) return false;
  return names.every((name) => (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined);
}

function identityOf(entry: IssuedCertificate, authority: IssuedCertificate): ServerIdentity {
  return { cert: entry.certificatePem + authority.certificatePem, key: entry.privateKeyPem };
}
