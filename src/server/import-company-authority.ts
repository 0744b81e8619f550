/** Takes an existing CA over, on the issuer's own files while it does not run: its private key never goes over a wire. */
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { formatRfc3339 } from '../caveats/rfc3339.js';
import { noteImportedAuthority } from './domain/certificates.js';
import { withStore, writePublicFile } from './maintenance.js';
import { importAuthority } from './pki/import-authority.js';
import { replaceAuthority } from './pki/replace-authority.js';
import { companyAuthorities } from './pki/server-identity.js';

const clock = Date.now;

/**
 * Makes the CA of `pem` the one that signs. The one before it stays trusted until the last certificate that it issued has ended, and the server's
 * own certificate is renewed by the new one when it is due. Throws `ERR_ARGUMENT` for a CA that cannot sign, `ERR_DATA_DIRECTORY` while the issuer
 * runs, `ERR_MASTER_KEY`.
 */
export async function importCompanyAuthority(
  dataDirectory: string,
  env: NodeJS.ProcessEnv,
  pem: { readonly certificate: string; readonly privateKey: string },
): Promise<{ readonly notAfter: string }> {
  const authority = await importAuthority(pem.certificate, pem.privateKey, clock);
  return await withStore(dataDirectory, env, 'serve', async (store) => {
    const certificates = await store.read.certificates();
    const issued = certificates.filter(({ serial, revokedAtMs }) => serial !== null && revokedAtMs === null);
    const thumbprint = createHash('sha256').update(new X509Certificate(authority.certificatePem).raw).digest('base64url');
    await noteImportedAuthority({ store, clock, randomBytes }, thumbprint);
    const options = { vault: store, clock, randomBytes };
    await replaceAuthority(options, authority, Math.max(0, ...issued.map(({ notAfterMs }) => notAfterMs)));
    writePublicFile(join(dataDirectory, 'ca.crt'), (await companyAuthorities(options)).join(''));
    return { notAfter: formatRfc3339(authority.notAfterMs) };
  });
}
