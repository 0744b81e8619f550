import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createCertificateTools } from '../../../../src/server/pki/certificate-tools.js';
import { judgeClientCertificate, readClientCertificate } from '../../../../src/server/pki/client-certificate.js';
import { derOf, opensslFolder } from '../../../support/openssl.js';
import { memoryVault } from './memory-vault.js';

const startMs = Date.now() + 5_000;
const options = { vault: memoryVault(), trustDomain: 'corp', issuerHosts: ['issuer.corp'], clock: () => startMs, randomBytes };
const tools = createCertificateTools(options);

describe('certificate tools', () => {
  it('make of a signing request a certificate that proves the client', async () => {
    const openssl = opensslFolder();
    openssl.run('req -new -newkey ed25519 -nodes -keyout key.pem -out csr.pem -subj /CN=evil-admin');
    const publicKey = (await tools.readSigningRequest(openssl.text('csr.pem'))) ?? new Uint8Array();
    const uris = ['spiffe://corp/client/mail'];
    const leaf = await tools.issue({ client: 'mail', publicKey, uris, hosts: ['mail.example'], lifeMs: 86_400_000 });
    const certificate = readClientCertificate(derOf(leaf.certificatePem));
    expect(certificate).toMatchObject({ subject: 'CN=mail', uris, dnsNames: ['mail.example'], thumbprint: leaf.thumbprint });
    const authorities = [await tools.authorityPem()];
    expect(judgeClientCertificate({ certificate, authorities, isChainVerified: false, nowMs: startMs })).toBeUndefined();
    openssl.write('crl.pem', (await tools.revocationList([{ serial: leaf.serial, revokedAtMs: startMs }], 3)).pem);
    expect(openssl.run('crl -in crl.pem -noout -text')).toContain(leaf.serial.toUpperCase());
  });

  it('read one certificate, and give nothing for other texts', async () => {
    const pem = await tools.authorityPem();
    expect(tools.readCertificate(pem)?.thumbprint).toBe(readClientCertificate(derOf(pem)).thumbprint);
    for (const text of ['', 'x', pem + pem, pem.replace('MII', 'MIJ')]) expect(tools.readCertificate(text)).toBeUndefined();
    expect(await tools.readSigningRequest(pem)).toBeUndefined();
  });
});
