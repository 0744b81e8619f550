import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cli } from './cli-harness.js';
import { type FakeIssuer, startFakeIssuer } from './fake-issuer.js';

let issuer: FakeIssuer;
let cwd = '';
const made = { thumbprint: 't', certificate: 'PEM', chain: 'CHAIN\n', not_after: '2026-11-22T22:21:00Z', uris: [], hosts: [] };

beforeAll(async () => {
  issuer = await startFakeIssuer();
});
afterAll(() => issuer.close());
beforeEach(async () => {
  issuer.answers.clear();
  issuer.seen.length = 0;
  cwd = await issuer.createWorkplace();
  issuer.answers.set('POST /v1/ca/certificates', [201, made]);
  issuer.answers.set('GET /v1/ca', [200, 'CA\n']);
});

const asked = () => issuer.seen.filter(({ call }) => call.startsWith('POST /v1/ca'));

describe('ca issue', () => {
  it('makes the key here, sends a request that proves it, and writes three files', async () => {
    const { code, stdout } = await cli(['ca', 'issue', '--client', 'mail', '--out', 'keys', '--days', '30'], { cwd });
    const path = (name: string) => join(cwd, 'keys', name);
    expect([code, stdout]).toEqual([0, `${path('mail.key')}\n${path('mail.crt')}\n${path('ca.crt')}\n`]);
    expect((await stat(path('mail.key'))).mode & 0o777).toBe(0o600);
    expect((await stat(path('mail.crt'))).mode & 0o777).toBe(0o644);
    expect([await readFile(path('mail.crt'), 'utf8'), await readFile(path('ca.crt'), 'utf8')]).toEqual(['CHAIN\n', 'CA\n']);
    expect(createPrivateKey(await readFile(path('mail.key'), 'utf8')).asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    const body = { client: 'mail', days: 30, csr: expect.stringMatching(/^-----BEGIN CERTIFICATE REQUEST-----\n/) };
    expect(asked()).toMatchObject([{ body }]);
  });

  it('asks for nothing where a file is in the way, and leaves it as it is', async () => {
    await mkdir(join(cwd, 'keys'));
    for (const name of ['mail.crt', 'mail.key', 'ca.crt']) {
      const path = join(cwd, 'keys', name);
      await writeFile(path, 'mine');
      const { code, stderr } = await cli(['ca', 'issue', '--client', 'mail', '--out', 'keys'], { cwd });
      expect([code, stderr]).toEqual([2, expect.stringContaining(path)]);
      expect(await readFile(path, 'utf8')).toBe('mine');
      await writeFile(path, '');
      const { rm } = await import('node:fs/promises');
      await rm(path);
    }
    expect(asked()).toEqual([]);
    expect((await cli(['ca', 'issue', '--client', 'mail', '--out', 'keys'], { cwd })).code).toBe(0);
  });

  it('leaves no file behind when the issuer refuses', async () => {
    issuer.answers.set('POST /v1/ca/certificates', [403, { code: 'forbidden', status: 403 }]);
    expect((await cli(['ca', 'issue', '--client', 'mail', '--out', 'keys'], { cwd })).code).toBe(3);
    await expect(stat(join(cwd, 'keys', 'mail.key'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(stat(join(cwd, 'keys', 'mail.crt'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('takes no name that leads out of the folder', async () => {
    const { code } = await cli(['ca', 'issue', '--client', '../mail', '--out', 'keys'], { cwd });
    expect([code, asked()]).toEqual([2, []]);
  });

  it('is for a client by name or for who has the credential, not for both', async () => {
    for (const who of [[], ['--client', 'mail', '--credential', 'mail.json']]) {
      expect((await cli(['ca', 'issue', '--out', 'keys', ...who], { cwd })).code).toBe(2);
    }
  });
});

describe('ca', () => {
  it('signs a request into a new file, or to standard output', async () => {
    await writeFile(join(cwd, 'mail.csr'), 'CSR');
    const sign = ['ca', 'sign', '--client', 'mail', '--csr', 'mail.csr'];
    expect((await cli(sign, { cwd })).stdout).toBe('CHAIN\n');
    expect((await cli([...sign, '--out', 'mail.crt'], { cwd })).code).toBe(0);
    expect(await readFile(join(cwd, 'mail.crt'), 'utf8')).toBe('CHAIN\n');
    expect((await cli([...sign, '--out', 'mail.crt'], { cwd })).code).toBe(2);
    expect(asked()[0]?.body).toEqual({ client: 'mail', csr: 'CSR' });
  });

  it('revokes by thumbprint or by file', async () => {
    const pem = issuer.authority.certificate;
    const thumbprint = Buffer.from(new X509Certificate(pem).fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
    issuer.answers.set(`POST /v1/ca/certificates/${thumbprint}/revoke`, [200, { thumbprint, client: 'mail', state: 'revoked' }]);
    await writeFile(join(cwd, 'mail.crt'), pem);
    for (const which of [[thumbprint], ['--cert', 'mail.crt']]) {
      const { stdout } = await cli(['ca', 'revoke', ...which], { cwd });
      expect(stdout).toBe(`certificate ${thumbprint} of mail: revoked\n`);
    }
    for (const which of [[], [thumbprint, '--cert', 'mail.crt']]) {
      expect((await cli(['ca', 'revoke', ...which], { cwd })).code).toBe(2);
    }
  });

  it('lists certificates, and prints the list of revoked ones as it came', async () => {
    const certificates = [{ thumbprint: 't', client: 'mail', state: 'valid', not_after: '2026-11-22T22:21:00Z', serial: '0a' }];
    issuer.answers.set('GET /v1/ca/certificates?client=mail', [200, { certificates }]);
    issuer.answers.set('GET /v1/ca/crl?format=pem', [200, 'LIST\n']);
    expect((await cli(['ca', 'list', '--client', 'mail'], { cwd })).stdout).toContain(
      't           mail    valid  2026-11-22T22:21:00Z  0a',
    );
    expect((await cli(['ca', 'crl'], { cwd })).stdout).toBe('LIST\n');
  });

  it('imports a CA whose key nobody else can read', async () => {
    await writeFile(join(cwd, 'ca.pem'), 'CERT');
    await writeFile(join(cwd, 'key.pem'), 'KEY', { mode: 0o600 });
    const seen: unknown[] = [];
    const server = {
      importCompanyAuthority: async (...args: readonly unknown[]) => {
        seen.push(args[0], args[2]);
        return { notAfter: '2027-01-01T00:00:00Z' };
      },
    };
    const words = ['ca', 'import', '--cert', 'ca.pem', '--key', 'key.pem'];
    expect((await cli(words, { cwd, server })).code).toBe(0);
    expect(seen).toEqual([join(cwd, 'data'), { certificate: 'CERT', privateKey: 'KEY' }]);
    await chmod(join(cwd, 'key.pem'), 0o644);
    expect((await cli(words, { cwd, server })).code).toBe(2);
  });
});
