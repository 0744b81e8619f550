import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSigningRequest } from '../../../src/transport/signing-request.js';
import { createAuthority } from '../transport/certificates.js';
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

const tlsCredential = {
  credential_id: 'c7',
  auth_method: 'tls_client_auth',
  state: 'live',
  binding: 'uri:spiffe://macaroond/client/mail',
};
const issueMail = ['ca', 'issue', '--client', 'mail', '--out', 'keys'];
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' });
const request = createSigningRequest(pair.privateKey);
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

  it('leaves no folder behind when the issuer refuses, but what was there', async () => {
    issuer.answers.set('POST /v1/ca/certificates', [404, { code: 'not_found', status: 404 }]);
    await mkdir(join(cwd, 'mine'));
    for (const out of ['keys', 'new/keys', 'mine/keys', 'mine']) {
      expect((await cli(['ca', 'issue', '--client', 'nobody', '--out', out], { cwd })).code).toBe(1);
    }
    expect([(await readdir(cwd)).sort(), await readdir(join(cwd, 'mine'))]).toEqual([['data', 'mine'], []]);
  });

  it.each<[string, readonly unknown[]]>([
    ['a client without a credential for it', []],
    ['one that is known by the subject', [{ ...tlsCredential, binding: 'dn:CN=mail' }]],
    ['one whose credential has ended', [{ ...tlsCredential, state: 'retired' }]],
  ])('issues nothing and leaves nothing behind where a credential file is wanted for %s', async (_, credentials) => {
    issuer.answers.set('GET /v1/clients/mail/credentials', [200, { credentials }]);
    const { code, stderr } = await cli([...issueMail, '--credential-out', 'keys/mail.json'], { cwd });
    expect([code, stderr]).toEqual([2, expect.stringContaining('macaroond credential add mail tls_client_auth')]);
    expect([asked(), await readdir(cwd)]).toEqual([[], ['data']]);
  });

  it('issues nothing where the credential file is there already', async () => {
    issuer.answers.set('GET /v1/clients/mail/credentials', [200, { credentials: [tlsCredential] }]);
    await writeFile(join(cwd, 'mail.json'), 'mine');
    expect((await cli([...issueMail, '--credential-out', 'mail.json'], { cwd })).code).toBe(2);
    expect([asked(), (await readdir(cwd)).sort()]).toEqual([[], ['data', 'mail.json']]);
    expect(await readFile(join(cwd, 'mail.json'), 'utf8')).toBe('mine');
  });

  it('writes a credential file into the folder that it makes', async () => {
    issuer.answers.set('GET /v1/clients/mail/credentials', [200, { credentials: [tlsCredential] }]);
    expect((await cli([...issueMail, '--credential-out', 'keys/mail.json'], { cwd })).code).toBe(0);
    const text = await readFile(join(cwd, 'keys', 'mail.json'), 'utf8');
    expect(JSON.parse(text)).toMatchObject({
      client: 'mail',
      credential_id: 'c7',
      auth_method: 'tls_client_auth',
      certificate_file: 'mail.crt',
      certificate_key_file: 'mail.key',
    });
  });

  it('says at once where no folder can be', async () => {
    await writeFile(join(cwd, 'file'), '');
    for (const out of process.platform === 'linux' ? ['/proc/x', '/proc/x/y', 'file', 'file/x'] : ['file', 'file/x']) {
      const { code, stderr } = await cli(['ca', 'issue', '--client', 'mail', '--out', out], { cwd });
      expect([code, stderr]).toEqual([2, expect.stringMatching(/cannot be made|is a file/)]);
    }
    expect(asked()).toEqual([]);
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
    await writeFile(join(cwd, 'mail.csr'), request);
    const sign = ['ca', 'sign', '--client', 'mail', '--csr', 'mail.csr'];
    expect((await cli(sign, { cwd })).stdout).toBe('CHAIN\n');
    expect((await cli([...sign, '--out', 'mail.crt'], { cwd })).code).toBe(0);
    expect(await readFile(join(cwd, 'mail.crt'), 'utf8')).toBe('CHAIN\n');
    expect((await cli([...sign, '--out', 'mail.crt'], { cwd })).code).toBe(2);
    expect(asked().map(({ body }) => body)).toEqual(Array(2).fill({ client: 'mail', csr: request }));
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

  it('signs nothing that cannot be kept, and leaves no file behind when the issuer refuses', async () => {
    await writeFile(join(cwd, 'mail.csr'), request);
    issuer.answers.set('POST /v1/ca/certificates', [404, { code: 'not_found', status: 404 }]);
    const sign = ['ca', 'sign', '--client', 'nobody', '--csr', 'mail.csr', '--out', 'mail.crt'];
    expect((await cli(sign, { cwd })).code).toBe(1);
    expect((await readdir(cwd)).sort()).toEqual(['data', 'mail.csr']);
  });

  it('signs nothing but a signing request', async () => {
    await writeFile(join(cwd, 'mail.csr'), issuer.authority.certificate);
    const { code, stderr } = await cli(['ca', 'sign', '--client', 'mail', '--csr', 'mail.csr'], { cwd });
    expect([code, stderr]).toEqual([2, expect.stringContaining('--csr: the file holds no signing request')]);
    expect(asked()).toEqual([]);
  });

  describe('sign with a credential file', () => {
    const sign = ['ca', 'sign', '--client', 'mail', '--csr', 'mail.csr'];
    const outs = ['--out', 'mail.crt', '--credential-out', 'mail.json'];

    beforeEach(async () => {
      await writeFile(join(cwd, 'mail.csr'), request);
      await writeFile(join(cwd, 'mail.key'), privateKey, { mode: 0o600 });
      issuer.answers.set('GET /v1/clients/mail/credentials', [200, { credentials: [tlsCredential] }]);
    });

    it('names the certificate and the key that stays where it is', async () => {
      expect(await cli([...sign, ...outs, '--private-key', 'mail.key'], { cwd })).toMatchObject({ code: 0 });
      expect(await readFile(join(cwd, 'mail.crt'), 'utf8')).toBe('CHAIN\n');
      expect(JSON.parse(await readFile(join(cwd, 'mail.json'), 'utf8'))).toMatchObject({
        client: 'mail',
        credential_id: 'c7',
        certificate_file: 'mail.crt',
        certificate_key_file: 'mail.key',
      });
    });

    it.each<[string, readonly string[]]>([
      ['without its key', outs],
      ['without a file for the certificate', ['--credential-out', 'mail.json', '--private-key', 'mail.key']],
      ['with a key alone', ['--private-key', 'mail.key']],
      ['with another key', [...outs, '--private-key', 'other.key']],
    ])('is refused before anything is signed %s', async (_, flags) => {
      const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
      await writeFile(join(cwd, 'other.key'), other, { mode: 0o600 });
      expect((await cli([...sign, ...flags], { cwd })).code).toBe(2);
      expect([asked(), (await readdir(cwd)).sort()]).toEqual([[], ['data', 'mail.csr', 'mail.key', 'other.key']]);
    });

    it('is refused where the client has no credential for it', async () => {
      issuer.answers.set('GET /v1/clients/mail/credentials', [200, { credentials: [] }]);
      expect((await cli([...sign, ...outs, '--private-key', 'mail.key'], { cwd })).code).toBe(2);
      expect([asked(), (await readdir(cwd)).sort()]).toEqual([[], ['data', 'mail.csr', 'mail.key']]);
    });
  });

  it('does not revoke the CA itself', async () => {
    const pem = issuer.authority.certificate;
    issuer.answers.set('GET /v1/ca', [200, `${(await createAuthority()).certificate}${pem}`]);
    const thumbprint = Buffer.from(new X509Certificate(pem).fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
    await writeFile(join(cwd, 'ca.crt'), pem);
    for (const which of [[thumbprint], ['--cert', 'ca.crt']]) {
      const { code, stderr } = await cli(['ca', 'revoke', ...which], { cwd });
      expect([code, stderr]).toEqual([2, expect.stringContaining("issuer's own CA")]);
    }
    expect(asked()).toEqual([]);
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
