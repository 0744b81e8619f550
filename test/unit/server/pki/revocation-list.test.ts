/** Revocation lists as openssl reads and uses them. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createAuthority, type IssuedCertificate } from '../../../../src/server/pki/certificate-authority.js';
import { importAuthority } from '../../../../src/server/pki/import-authority.js';
import { issueClientCertificate } from '../../../../src/server/pki/issue-certificate.js';
import { createRevocationList } from '../../../../src/server/pki/revocation-list.js';
import { derOf, type Openssl, opensslFolder } from '../../../support/openssl.js';

const startMs = Date.now() + 5_000;
const dayMs = 86_400_000;
const clock = () => startMs;
const refused = expect.objectContaining({ code: 'ERR_ARGUMENT' });

type Entries = Parameters<typeof createRevocationList>[0]['entries'];

function listOf(authority: IssuedCertificate, entries: Entries, number = 1) {
  return createRevocationList({ authority, entries, number, clock, lifeMs: dayMs });
}

async function leafOf(openssl: Openssl, authority: IssuedCertificate) {
  openssl.run('genpkey -algorithm ed25519 -out key.pem');
  openssl.run('pkey -in key.pem -pubout -out pub.pem');
  const names = { subjectName: 'mail', uris: [], hosts: [] };
  const request = { authority, publicKeySpki: openssl.der('pub.pem'), ...names, lifeMs: dayMs, clock, randomBytes };
  const leaf = await issueClientCertificate(request);
  openssl.write('ca.pem', authority.certificatePem);
  openssl.write('leaf.pem', leaf.certificatePem);
  return leaf;
}

async function importedAuthority(openssl: Openssl, options = '-newkey rsa:2048'): Promise<IssuedCertificate> {
  openssl.run(`req -x509 -nodes -days 9 ${options} -subj '/O=ABC Inc.' -keyout ca.key -out ca.pem`);
  return await importAuthority(openssl.text('ca.pem'), openssl.text('ca.key'), clock);
}

function check(openssl: Openssl, crlPem: string): string {
  openssl.write('crl.pem', crlPem);
  const at = Math.floor(startMs / 1000);
  return openssl.attempt(`verify -attime ${at} -crl_check -CRLfile crl.pem -CAfile ca.pem leaf.pem`).output;
}

describe('revocation list', () => {
  it.each([
    ['made', () => createAuthority('test CA', clock, randomBytes)],
    ['imported', (openssl: Openssl) => importedAuthority(openssl)],
    ['imported Ed25519', (openssl: Openssl) => importedAuthority(openssl, '-newkey ed25519')],
  ])('of a CA that was %s makes openssl refuse what is on it, and nothing else', async (_how, authorityOf) => {
    const openssl = opensslFolder();
    const authority = await authorityOf(openssl);
    const { serial } = await leafOf(openssl, authority);
    const others = [
      { serial: '00', revokedAtMs: startMs },
      { serial: 'ff', revokedAtMs: startMs },
    ];
    expect(check(openssl, (await listOf(authority, [])).pem)).toContain('leaf.pem: OK');
    expect(check(openssl, (await listOf(authority, others)).pem)).toContain('leaf.pem: OK');
    const revoked = [...others, { serial, revokedAtMs: startMs }];
    expect(check(openssl, (await listOf(authority, revoked)).pem)).toContain('certificate revoked');
  });

  it('says who signed it, its number, and when the next one is due', async () => {
    const openssl = opensslFolder();
    const authority = await createAuthority('test CA', clock, randomBytes);
    const revokedAtMs = Date.UTC(2026, 10, 21, 12, 0, 0, 999);
    const { der, pem } = await listOf(authority, [{ serial: '4f00', revokedAtMs }], 200);
    expect(derOf(pem)).toEqual(der);
    openssl.write('crl.pem', pem);
    openssl.write('ca.pem', authority.certificatePem);
    const text = openssl.run('crl -in crl.pem -noout -text');
    expect(text).toMatch(/X509v3 CRL Number:\s+200\n/);
    expect(text).toMatch(/Authority Key Identifier/);
    expect(text).toMatch(/Serial Number: 4F00\s+Revocation Date: Nov 21 12:00:00 2026 GMT/);
    expect(openssl.attempt('crl -in crl.pem -noout -CAfile ca.pem').output).toContain('verify OK');
    const [from, to] = ['lastupdate', 'nextupdate'].map((time) =>
      Date.parse(openssl.run(`crl -in crl.pem -noout -${time}`).split('=')[1] ?? ''),
    );
    expect((to ?? 0) - (from ?? 0)).toBe(dayMs + 60_000);
  });

  it('numbers itself beyond one byte and beyond 32 bits', async () => {
    const openssl = opensslFolder();
    const authority = await createAuthority('test CA', clock, randomBytes);
    for (const number of [0, 127, 128, 65_535, 2 ** 40]) {
      openssl.write('crl.pem', (await listOf(authority, [], number)).pem);
      const hex = openssl.run('crl -in crl.pem -noout -crlnumber').trim();
      expect(Number(hex.replace('crlNumber=', ''))).toBe(number);
    }
  });

  it('lists a serial number once', async () => {
    const openssl = opensslFolder();
    const authority = await createAuthority('test CA', clock, randomBytes);
    const entries = ['4A', '4a', '4A'].map((serial) => ({ serial, revokedAtMs: startMs }));
    openssl.write('crl.pem', (await listOf(authority, entries)).pem);
    expect(openssl.run('crl -in crl.pem -noout -text').match(/Serial Number: 4A/g)).toHaveLength(1);
  });

  it.each([
    ['a serial number that is none', [{ serial: 'x', revokedAtMs: startMs }], 1],
    ['an empty serial number', [{ serial: '', revokedAtMs: startMs }], 1],
    ['a negative number', [], -1],
    ['a number that is none', [], 1.5],
  ])('is not made for %s', async (_what, entries, number) => {
    const authority = await createAuthority('test CA', clock, randomBytes);
    await expect(listOf(authority, entries, number)).rejects.toEqual(refused);
  });

  it('is not made by a CA that may sign certificates alone', async () => {
    const openssl = opensslFolder();
    const authority = await importedAuthority(openssl, '-newkey ed25519 -addext keyUsage=critical,keyCertSign');
    await expect(listOf(authority, [])).rejects.toEqual(refused);
  });
});
