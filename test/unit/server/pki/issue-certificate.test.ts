/** Client certificates of the company CA, made or imported, judged by openssl. */
import { randomBytes, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { createAuthority, type IssuedCertificate } from '../../../../src/server/pki/certificate-authority.js';
import { readClientCertificate } from '../../../../src/server/pki/client-certificate.js';
import { importAuthority } from '../../../../src/server/pki/import-authority.js';
import { issueClientCertificate } from '../../../../src/server/pki/issue-certificate.js';
import { readSigningRequest } from '../../../../src/server/pki/signing-request.js';
import { derOf, type Openssl, opensslFolder } from '../../../support/openssl.js';

const startMs = Date.now() + 120_000;
const dayMs = 86_400_000;
const clock = () => startMs;
const refused = expect.objectContaining({ code: 'ERR_ARGUMENT' });
const kinds = {
  'P-256': '-newkey ec -pkeyopt ec_paramgen_curve:P-256',
  'P-384': '-newkey ec -pkeyopt ec_paramgen_curve:P-384',
  Ed25519: '-newkey ed25519',
  RSA: '-newkey rsa:2048',
} as const;
const uri = 'spiffe://corp/client/mail';

let own: IssuedCertificate;
beforeAll(async () => {
  own = await createAuthority('test CA', clock, randomBytes);
});

function keyOf(kind: string): Uint8Array {
  const openssl = opensslFolder();
  openssl.run(
    `req -new ${kind} -nodes -keyout key.pem -out csr.pem -subj '/O=Admins/CN=evil-admin' -addext subjectAltName=URI:spiffe://corp/root`,
  );
  return readSigningRequest(openssl.text('csr.pem')).spki;
}

function issue(
  authority: IssuedCertificate,
  publicKeySpki: Uint8Array,
  rest: Partial<Parameters<typeof issueClientCertificate>[0]> = {},
) {
  const names = { subjectName: 'mail', uris: [uri], hosts: ['mail.example', '10.0.0.1', '::1'] };
  return issueClientCertificate({ authority, publicKeySpki, ...names, lifeMs: dayMs, clock, randomBytes, ...rest });
}

function verify(openssl: Openssl, authorityPem: string, leafPem: string, options = ''): string {
  openssl.write('root.pem', authorityPem);
  openssl.write('leaf.pem', leafPem);
  const at = Math.floor(startMs / 1000);
  return openssl.attempt(`verify -attime ${at} ${options} -CAfile root.pem leaf.pem`).output;
}

/** The story of the documents: a CA by `openssl req -x509 -nodes`. */
function madeByOpenssl(openssl: Openssl, kind: string = kinds.RSA, extra = '') {
  openssl.run(`req -x509 -sha256 -nodes -days 365 ${kind} -subj '/O=ABC Inc.' -keyout ca.key -out ca.pem ${extra}`);
  return { pem: openssl.text('ca.pem'), key: openssl.text('ca.key') };
}

describe('client certificates', () => {
  it.each(['P-256', 'Ed25519', 'RSA'] as const)('of a %s key are good for TLS on both sides', async (kind) => {
    const openssl = opensslFolder();
    const { certificatePem } = await issue(own, keyOf(kinds[kind]));
    for (const purpose of ['sslclient', 'sslserver']) {
      expect(verify(openssl, own.certificatePem, certificatePem, `-x509_strict -purpose ${purpose}`)).toContain('leaf.pem: OK');
    }
    const text = openssl.run('x509 -noout -text -in leaf.pem');
    expect(text).toMatch(/Basic Constraints: critical\s+CA:FALSE/);
    expect(text).toMatch(kind === 'RSA' ? /critical\s+Digital Signature, Key Encipherment\n/ : /critical\s+Digital Signature\n/);
    expect(text).toMatch(/TLS Web Client Authentication, TLS Web Server Authentication\n/);
    expect(text).toMatch(/Subject Key Identifier/);
    expect(text).toMatch(/Authority Key Identifier/);
  });

  it('name the client as it was told, and nothing that the signing request asked for', async () => {
    const openssl = opensslFolder();
    const { certificatePem } = await issue(own, keyOf(kinds['P-256']));
    openssl.write('leaf.pem', certificatePem);
    expect(openssl.run('x509 -noout -subject -nameopt RFC2253 -in leaf.pem')).toBe('subject=CN=mail\n');
    const names = `URI:${uri}, DNS:mail.example, IP Address:10.0.0.1, IP Address:0:0:0:0:0:0:0:1`;
    expect(openssl.run('x509 -noout -ext subjectAltName -in leaf.pem')).toContain(`    ${names}\n`);
    expect(openssl.run('x509 -noout -text -in leaf.pem')).not.toMatch(/evil|root|Admins/);
  });

  it('are what is told of them', async () => {
    const leaf = await issue(own, keyOf(kinds.Ed25519), { uris: [], hosts: [] });
    const certificate = new X509Certificate(leaf.certificatePem);
    expect(certificate.serialNumber).toBe(leaf.serial.toUpperCase());
    expect(certificate.subjectAltName).toBeUndefined();
    expect(leaf.chainPem).toBe(leaf.certificatePem + own.certificatePem);
    const read = readClientCertificate(derOf(leaf.certificatePem));
    expect(read).toMatchObject({ thumbprint: leaf.thumbprint, notBeforeMs: leaf.notBeforeMs, notAfterMs: leaf.notAfterMs });
    expect(startMs - leaf.notBeforeMs).toBeGreaterThanOrEqual(60_000);
    expect(startMs - leaf.notBeforeMs).toBeLessThan(61_000);
    expect(leaf.notAfterMs).toBe(Math.floor((startMs + dayMs) / 1000) * 1000);
  });

  it('never outlive the CA, and are not made when it has ended', async () => {
    const spki = keyOf(kinds.Ed25519);
    const leaf = await issue(own, spki, { lifeMs: 40_000 * dayMs });
    expect(leaf.notAfterMs).toBe(own.notAfterMs);
    await expect(issue(own, spki, { clock: () => own.notAfterMs })).rejects.toEqual(refused);
  });

  it.each([
    ['a name with more in it', { subjectName: 'mail,O=Admins' }],
    ['a name in hexadecimal digits', { subjectName: '#0c0161' }],
    ['no name', { subjectName: '' }],
    ['a URI with a line feed', { uris: ['spiffe://corp/a\nb'] }],
    ['a URI that is none', { uris: ['mail'] }],
    ['a host with a NUL', { hosts: ['mail.example\0.evil'] }],
    ['a wildcard', { hosts: ['*.example'] }],
    ['no life', { lifeMs: 0 }],
    ['a life that is no number', { lifeMs: Number.NaN }],
  ])('are refused for %s', async (_what, change) => {
    await expect(issue(own, keyOf(kinds.Ed25519), change)).rejects.toEqual(refused);
  });

  it.each(['-algorithm ed448', '-algorithm ec -pkeyopt ec_paramgen_curve:P-384', '-algorithm rsa -pkeyopt rsa_keygen_bits:1024'])(
    'are refused for a key made by %s',
    async (options) => {
      const openssl = opensslFolder();
      openssl.run(`genpkey ${options} -out key.pem`);
      openssl.run('pkey -in key.pem -pubout -out pub.pem');
      await expect(issue(own, openssl.der('pub.pem'))).rejects.toEqual(refused);
      await expect(issue(own, openssl.der('key.pem'))).rejects.toEqual(refused);
    },
  );
});

describe('importing a CA', () => {
  it.each(Object.entries(kinds))('of the documents with a %s key makes it issue for both sides', async (_kind, key) => {
    const openssl = opensslFolder();
    const made = madeByOpenssl(openssl, key);
    const authority = await importAuthority(made.pem, made.key, clock);
    const leaf = await issue(authority, keyOf(kinds['P-256']));
    for (const purpose of ['sslclient', 'sslserver']) {
      expect(verify(openssl, made.pem, leaf.certificatePem, `-purpose ${purpose}`)).toContain('leaf.pem: OK');
    }
  });

  it.each([
    ['PKCS #1', 'rsa -traditional -in ca.key -out other.key', kinds.RSA, 'BEGIN RSA PRIVATE KEY'],
    ['SEC 1', 'ec -in ca.key -out other.key', kinds['P-256'], 'BEGIN EC PRIVATE KEY'],
  ])('reads a key of %s', async (_form, command, kind, label) => {
    const openssl = opensslFolder();
    const made = madeByOpenssl(openssl, kind);
    openssl.run(command);
    expect(openssl.text('other.key')).toContain(label);
    const authority = await importAuthority(made.pem, openssl.text('other.key'), clock);
    expect(authority.privateKeyPem).toContain('BEGIN PRIVATE KEY');
    await issue(authority, keyOf(kinds['P-256']));
  });

  it('copies the name of the CA byte by byte, and the key identifier that it states', async () => {
    const openssl = opensslFolder();
    const config =
      '[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=e\nstring_mask=MASK:0x4\n[dn]\nC=PL\nO=Caf\xe9\n0.OU=A+B\n1.OU=a, b\n';
    openssl.write(
      'odd.cnf',
      `${config}emailAddress=a@b.example\n[e]\nbasicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=0102030405\n`,
    );
    openssl.run(`req -x509 -nodes -days 9 ${kinds['P-256']} -keyout ca.key -out ca.pem -config odd.cnf`);
    const authority = await importAuthority(openssl.text('ca.pem'), openssl.text('ca.key'), clock);
    const { certificatePem } = await issue(authority, keyOf(kinds['P-256']));
    openssl.write('leaf.pem', certificatePem);
    expect(openssl.run('x509 -noout -text -in leaf.pem')).toMatch(/Authority Key Identifier:\s+01:02:03:04:05\n/);
    expect(openssl.run(`verify -attime ${Math.floor(startMs / 1000)} -CAfile ca.pem leaf.pem`)).toContain('OK');
    const hash = (file: string, what: string) =>
      openssl.run(`x509 -noout -${what} -nameopt RFC2253,dump_all,dump_der -in ${file}`);
    expect(hash('leaf.pem', 'issuer').slice('issuer='.length)).toBe(hash('ca.pem', 'subject').slice('subject='.length));
  });

  it('takes an intermediate CA with its issuers, and passes them on', async () => {
    const openssl = opensslFolder();
    const root = madeByOpenssl(openssl);
    openssl.run(`req -new -nodes ${kinds['P-256']} -subj /O=Sub -keyout sub.key -out sub.csr`);
    openssl.write(
      'sub.ext',
      'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n',
    );
    openssl.run('x509 -req -days 9 -CA ca.pem -CAkey ca.key -set_serial 1 -in sub.csr -out sub.pem -extfile sub.ext');
    const [sub, key] = [openssl.text('sub.pem'), openssl.text('sub.key')];
    await expect(importAuthority(sub, key, clock)).rejects.toEqual(refused);
    await expect(importAuthority(root.pem + sub, key, clock)).rejects.toEqual(refused);
    const authority = await importAuthority(`Sub\n${sub}\nRoot\n${root.pem}`, key, clock);
    expect(authority.certificatePem).toBe(sub + root.pem);
    const { chainPem } = await issue(authority, keyOf(kinds.Ed25519));
    openssl.write('chain.pem', chainPem);
    expect(verify(openssl, root.pem, chainPem, '-purpose sslclient -untrusted chain.pem')).toContain('leaf.pem: OK');
  });

  it.each([
    ['no CA', '-addext basicConstraints=critical,CA:FALSE'],
    ['a CA that may not sign certificates', '-addext keyUsage=cRLSign'],
  ])('refuses %s', async (_what, extra) => {
    const made = madeByOpenssl(opensslFolder(), kinds['P-256'], extra);
    await expect(importAuthority(made.pem, made.key, clock)).rejects.toEqual(refused);
  });

  it.each([
    ['secp256k1', '-newkey ec -pkeyopt ec_paramgen_curve:secp256k1'],
    ['RSA of 1024 bits', '-newkey rsa:1024'],
    ['Ed448', '-newkey ed448'],
  ])('refuses a %s key', async (_what, kind) => {
    const made = madeByOpenssl(opensslFolder(), kind);
    await expect(importAuthority(made.pem, made.key, clock)).rejects.toEqual(refused);
  });

  it('refuses another key, an encrypted one, and what is none', async () => {
    const openssl = opensslFolder();
    const made = madeByOpenssl(openssl, kinds['P-256']);
    openssl.run('pkcs8 -topk8 -in ca.key -out encrypted.key -passout pass:secret');
    const other = madeByOpenssl(opensslFolder(), kinds['P-256']);
    for (const key of [other.key, openssl.text('encrypted.key'), '', 'x', made.pem]) {
      await expect(importAuthority(made.pem, key, clock)).rejects.toEqual(refused);
    }
    for (const pem of ['', 'x', made.key, made.pem + made.pem, made.pem.replace('MII', 'MIJ')]) {
      await expect(importAuthority(pem, made.key, clock)).rejects.toEqual(refused);
    }
  });

  it('refuses one that has ended or has not begun', async () => {
    const made = madeByOpenssl(opensslFolder(), kinds['P-256']);
    for (const nowMs of [startMs + 366 * dayMs, startMs - dayMs]) {
      await expect(importAuthority(made.pem, made.key, () => nowMs)).rejects.toEqual(refused);
    }
  });
});
