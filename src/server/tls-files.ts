/** What the issuer shows in TLS, and the CAs that its clients' certificates may come from: from files of one's own, else from its own CA. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { MacaroonError } from '../core/index.js';
import type { Config } from './config.js';
import { certificateNames, writePublicFile } from './maintenance.js';
import { parseCertificates } from './pki/parsed-certificate.js';
import { pemBlocks } from './pki/pem.js';
import { type CertificateVault, companyAuthorities, ensureServerIdentity, type ServerIdentity } from './pki/server-identity.js';

interface Options {
  readonly vault: CertificateVault;
  readonly clock: () => number;
  readonly randomBytes: (length: number) => Uint8Array;
}

export interface IssuerTls {
  /** `undefined` for plain HTTP. */
  readonly identity: ServerIdentity | undefined;
  /** PEM. */
  readonly clientAuthorities: readonly string[];
}

/**
 * Reads or makes all of it; called again, it renews what is due. Also writes `ca.crt` where the certificate comes from the issuer's own CA. Throws
 * `ERR_CONFIG` for files that cannot be used.
 */
export async function loadTls(config: Config, options: Options): Promise<IssuerTls> {
  const own = await companyAuthorities(options);
  const others = config.client_ca === undefined ? [] : [readAuthorities(config.client_ca)];
  return { identity: await identityOf(config, options, own), clientAuthorities: [...own, ...others] };
}

/** Text of a PEM file. Throws `ERR_CONFIG`. */
export function readPem(path: string, argument: 'tls_cert' | 'client_ca'): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new MacaroonError('ERR_CONFIG', `${path} cannot be read: it must be a PEM file`, { argument, cause });
  }
}

async function identityOf(config: Config, options: Options, own: readonly string[]): Promise<ServerIdentity | undefined> {
  if (config.plain_http) return undefined;
  const { tls_cert: certFile, tls_key: keyFile } = config;
  if (certFile !== undefined && keyFile !== undefined) return readOwnIdentity(certFile, keyFile);
  writePublicFile(join(config.data, 'ca.crt'), own.join(''));
  return (await ensureServerIdentity({ ...options, names: certificateNames(config) })).identity;
}

function readOwnIdentity(certFile: string, keyFile: string): ServerIdentity {
  const identity = { cert: readPem(certFile, 'tls_cert'), key: readPem(keyFile, 'tls_cert') };
  try {
    createSecureContext(identity);
    return identity;
  } catch (cause) {
    const message = `${certFile} and ${keyFile} are not the PEM files of a certificate and its private key`;
    throw new MacaroonError('ERR_CONFIG', message, { argument: 'tls_cert', cause });
  }
}

/** A file with a certificate that cannot be read would leave its clients outside without a word. */
function readAuthorities(path: string): string {
  const pem = readPem(path, 'client_ca');
  const certificates = parseCertificates(pem);
  const isWhole = certificates.length > 0 && certificates.length === pemBlocks(pem, 'CERTIFICATE').length;
  if (isWhole && certificates.every(({ fields }) => fields.isAuthority)) return pem;
  throw new MacaroonError('ERR_CONFIG', `${path} is not a PEM file of CA certificates alone`, { argument: 'client_ca' });
}
