/** What the store is to `server/pki`, in memory. */
import type { IssuedCertificate } from '../../../../src/server/pki/certificate-authority.js';
import type { CertificateVault } from '../../../../src/server/pki/server-identity.js';

export function memoryVault(): CertificateVault & { readonly entries: Map<string, IssuedCertificate> } {
  const entries = new Map<string, IssuedCertificate>();
  return {
    entries,
    pkiEntry: async (name) => entries.get(name),
    putPkiEntry: async ({ name, certificatePem, notAfterMs }, privateKeyPem) => {
      entries.set(name, { certificatePem, notAfterMs, privateKeyPem });
    },
  };
}
