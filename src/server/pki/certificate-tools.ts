/** The port of the use cases to X.509, over the company CA in the vault. */
import { type Clock, MacaroonError, type RandomBytes } from '../../core/index.js';
import type { CertificateTools } from '../domain/certificate-tools.js';
import { IssuerError } from '../domain/issuer-error.js';
import { readClientCertificate } from './client-certificate.js';
import { issueClientCertificate } from './issue-certificate.js';
import { pemBlocks } from './pem.js';
import { createRevocationList } from './revocation-list.js';
import { type CertificateVault, companyAuthorities, ensureAuthority } from './server-identity.js';
import { readSigningRequest } from './signing-request.js';

const revocationListLifeMs = 7 * 86_400_000;

export interface CertificateToolsOptions {
  readonly vault: CertificateVault;
  readonly trustDomain: string;
  /** Names and addresses of the issuer itself, beyond loopback: who had a certificate for one could stand in for the issuer. */
  readonly issuerHosts: readonly string[];
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
}

/** The tools; the CA is read from the vault for each use, so that one that was imported meanwhile is the one that signs. */
export function createCertificateTools({ trustDomain, issuerHosts, ...options }: CertificateToolsOptions): CertificateTools {
  const { clock, randomBytes } = options;
  return {
    trustDomain,
    authorityPem: async () => (await companyAuthorities(options)).join(''),
    readCertificate(pem) {
      const blocks = pemBlocks(pem, 'CERTIFICATE');
      const certificate = readClientCertificate(blocks[0] ?? new Uint8Array());
      return blocks.length === 1 && certificate.isWellFormed ? certificate : undefined;
    },
    readSigningRequest: async (pem) => publicKeyOfRequest(pem),
    async issue({ client, publicKey, uris, hosts, lifeMs }) {
      if (hosts.some((host) => issuerHosts.includes(host))) {
        throw new IssuerError('conflict', "one of the client's hosts is the issuer itself: take it away first");
      }
      return await issueClientCertificate({
        authority: await ensureAuthority(options),
        publicKeySpki: publicKey,
        subjectName: client,
        ...{ uris, hosts, lifeMs, clock, randomBytes },
      });
    },
    revocationList: async (entries, number) =>
      await createRevocationList({
        authority: await ensureAuthority(options),
        entries,
        number,
        clock,
        lifeMs: revocationListLifeMs,
      }),
  };
}

/** The key that is certified; `undefined` when the text is no request that proves to own one. */
function publicKeyOfRequest(pem: string): Uint8Array | undefined {
  try {
    return readSigningRequest(pem).spki;
  } catch (error) {
    if (error instanceof MacaroonError) return undefined;
    throw error;
  }
}
