/** The CA and the server certificate, judged by openssl and by a real TLS handshake, not by our own code. */
import { execFileSync } from 'node:child_process';
import { randomBytes, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { createAuthority } from '../../../../src/server/pki/certificate-authority.js';
import { issueServerCertificate } from '../../../../src/server/pki/issue-certificate.js';
import { type CertificateVault, ensureAuthority, ensureServerIdentity } from '../../../../src/server/pki/server-identity.js';
import { memoryVault } from './memory-vault.js';

const startMs = Date.now();
const dayMs = 86_400_000;
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function optionsAt(nowMs: number, vault: CertificateVault, names: readonly string[] = ['localhost', '127.0.0.1', '::1']) {
  return { vault, names, clock: () => nowMs, randomBytes };
}

describe('certificate authority', () => {
  it('issues what openssl verifies strictly as a TLS server certificate', async () => {
    const authority = await createAuthority('test CA', () => startMs, randomBytes);
    const leaf = await issueServerCertificate(authority, ['localhost', '127.0.0.1'], () => startMs, randomBytes);
    const folder = mkdtempSync(join(tmpdir(), 'pki-'));
    folders.push(folder);
    writeFileSync(join(folder, 'ca.pem'), authority.certificatePem);
    writeFileSync(join(folder, 'leaf.pem'), leaf.certificatePem);
    const verify = (purpose: string) =>
      execFileSync(
        'openssl',
        ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', join(folder, 'ca.pem'), join(folder, 'leaf.pem')],
        {
          stdio: 'pipe',
        },
      ).toString();
    expect(verify('sslserver')).toContain('OK');
    expect(() => verify('sslclient')).toThrowError(/unsuitable|purpose/);
  });

  it('never lets a leaf outlive its CA', async () => {
    const authority = await createAuthority('test CA', () => startMs, randomBytes);
    const late = authority.notAfterMs - dayMs;
    const leaf = await issueServerCertificate(authority, ['localhost'], () => late, randomBytes);
    expect(leaf.notAfterMs).toBe(authority.notAfterMs);
  });
});

describe('server identity', () => {
  it('serves TLS that a client trusting the CA accepts, and one trusting another CA refuses', async () => {
    const vault = memoryVault();
    const { identity } = await ensureServerIdentity(optionsAt(startMs, vault));
    const ca = (await ensureAuthority(optionsAt(startMs, vault))).certificatePem;
    const other = (await createAuthority('other CA', () => startMs, randomBytes)).certificatePem;
    const server = createServer(identity, (socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const handshake = (trusted: string) =>
      new Promise<string>((resolve) => {
        const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: trusted }, () => {
          socket.destroy();
          resolve('accepted');
        });
        socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
      });
    expect(await handshake(ca)).toBe('accepted');
    expect(await handshake(other)).not.toBe('accepted');
    await new Promise((resolve) => server.close(resolve));
  });

  it('keeps the certificate until two thirds of its life, then renews it under the same CA', async () => {
    const vault = memoryVault();
    expect((await ensureServerIdentity(optionsAt(startMs, vault))).renewed).toBe(true);
    const authority = vault.entries.get('ca')?.certificatePem;
    expect((await ensureServerIdentity(optionsAt(startMs + 59 * dayMs, vault))).renewed).toBe(false);
    const first = vault.entries.get('server')?.certificatePem;
    expect((await ensureServerIdentity(optionsAt(startMs + 61 * dayMs, vault))).renewed).toBe(true);
    expect(vault.entries.get('server')?.certificatePem).not.toBe(first);
    expect(vault.entries.get('ca')?.certificatePem).toBe(authority);
  });

  it('renews when another CA has taken the place of the one that issued it', async () => {
    const vault = memoryVault();
    const { identity } = await ensureServerIdentity(optionsAt(startMs, vault));
    const other = await createAuthority('other CA', () => startMs, randomBytes);
    vault.entries.set('ca', other);
    const { identity: next, renewed } = await ensureServerIdentity(optionsAt(startMs, vault));
    expect(renewed).toBe(true);
    expect(next.cert).not.toBe(identity.cert);
    expect(new X509Certificate(next.cert).verify(new X509Certificate(other.certificatePem).publicKey)).toBe(true);
    expect((await ensureServerIdentity(optionsAt(startMs, vault))).renewed).toBe(false);
  });

  it('renews when a name is asked for that the certificate does not hold', async () => {
    const vault = memoryVault();
    await ensureServerIdentity(optionsAt(startMs, vault));
    const { renewed } = await ensureServerIdentity(optionsAt(startMs, vault, ['localhost', 'issuer.example']));
    expect(renewed).toBe(true);
    const certificate = new X509Certificate(vault.entries.get('server')?.certificatePem ?? '');
    expect(certificate.checkHost('issuer.example')).toBe('issuer.example');
  });
});
