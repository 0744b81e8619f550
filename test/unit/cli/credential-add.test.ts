/** `credential add` for every auth method: what is sent, what the credential file then holds, and what is refused before anything is sent. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadCredential } from '../../../src/transport/credential-file.js';
import { cli } from './cli-harness.js';
import { type FakeIssuer, problem, startFakeIssuer } from './fake-issuer.js';

const path = 'POST /v1/clients/mail/credentials';
let issuer: FakeIssuer;
let cwd: string;

beforeAll(async () => {
  issuer = await startFakeIssuer();
});
afterAll(() => issuer.close());
beforeEach(async () => {
  issuer.answers.clear();
  issuer.seen.length = 0;
  cwd = await issuer.createWorkplace();
});

const run = (...argv: readonly string[]) => cli(['credential', 'add', 'mail', ...argv], { cwd });
const inCwd = (name: string) => join(cwd, name);
const sent = () => issuer.seen.find(({ call }) => call === path)?.body;
const answer = (members: Readonly<Record<string, unknown>>) =>
  issuer.answers.set(path, [201, { client: 'mail', credential_id: 'crd_1', ...members }]);

const publicPem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
const privatePem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();

async function writeKeys(
  kind: 'ed25519' | 'rsa',
  name: string,
): Promise<{ readonly publicKey: string; readonly privateKey: string }> {
  const { publicKey, privateKey } =
    kind === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ed25519');
  const pair = { publicKey: publicPem(publicKey), privateKey: privatePem(privateKey) };
  // As an editor may leave it: the issuer takes PEM and nothing around it.
  await writeFile(inCwd(`${name}.pub`), `\n${pair.publicKey}\n`);
  await writeFile(inCwd(`${name}.key`), pair.privateKey, { mode: 0o600 });
  return pair;
}

describe('a secret that the issuer makes', () => {
  it.each([
    [['encrypted_time'], { auth_method: 'encrypted_time' }, {}],
    [['http_sig', '--hmac'], { auth_method: 'http_sig', algorithm: 'hmac-sha256' }, { algorithm: 'hmac-sha256' }],
  ])('goes into the file, and is not shown: %j', async (argv, body, proof) => {
    answer({ ...body, secret: 'mcs_shown_once' });
    const { code, stdout, stderr } = await run(...argv, '--out', 'mail.json');
    expect(code, stderr).toBe(0);
    expect(stdout + stderr).not.toContain('mcs_shown_once');
    expect(sent()).toEqual(body);
    expect((await stat(inCwd('mail.json'))).mode & 0o777).toBe(0o600);
    expect((await loadCredential(inCwd('mail.json'))).proof).toEqual({
      kind: body.auth_method,
      ...proof,
      secret: 'mcs_shown_once',
    });
  });

  it('is printed without --out, with a word that it is not shown again', async () => {
    answer({ auth_method: 'encrypted_time', secret: 'mcs_shown_once' });
    const { stdout, stderr } = await run('encrypted_time');
    expect(stdout).toContain('mcs_shown_once');
    expect(stderr).toContain('not shown again');
  });

  it('that is missing in the answer leaves no file, and tells which credential is to be retired', async () => {
    answer({ auth_method: 'encrypted_time' });
    const { code, stderr } = await run('encrypted_time', '--out', 'mail.json', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stderr).error).toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
    expect(stderr).toContain('credential retire mail crd_1');
    await expect(stat(inCwd('mail.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('a key pair of the client', () => {
  it('stays where it is: the public key travels, the file names the private one relative to itself', async () => {
    const { publicKey, privateKey } = await writeKeys('ed25519', 'mail');
    await mkdir(inCwd('files'));
    answer({ auth_method: 'http_sig', algorithm: 'ed25519' });
    const flags = ['--public-key', 'mail.pub', '--private-key', 'mail.key', '--out', 'files/mail.json'];
    const { code, stderr } = await run('http_sig', ...flags);
    expect(code, stderr).toBe(0);
    expect(sent()).toEqual({ auth_method: 'http_sig', public_key: publicKey });
    const text = await readFile(inCwd('files/mail.json'), 'utf8');
    expect(JSON.parse(text)).toMatchObject({ auth_method: 'http_sig', algorithm: 'ed25519', private_key_file: '../mail.key' });
    expect(text).not.toContain('PRIVATE KEY');
    expect((await loadCredential(inCwd('files/mail.json'))).proof).toEqual({
      kind: 'http_sig',
      algorithm: 'ed25519',
      privateKey,
    });
  });

  it('needs no private key here when there is no file to write', async () => {
    const { publicKey } = await writeKeys('rsa', 'mail');
    answer({ auth_method: 'challenge_response', algorithm: 'decrypt-rsa-oaep-256' });
    const { code, stdout } = await run('challenge_response', '--mode', 'decrypt', '--public-key', 'mail.pub');
    expect(code).toBe(0);
    expect(stdout).toContain('decrypt-rsa-oaep-256');
    expect(sent()).toEqual({ auth_method: 'challenge_response', mode: 'decrypt', public_key: publicKey });
  });

  it.each([
    ['http_sig', [], 'ed25519'],
    ['http_sig', ['ecdsa-p256-sha256'], 'ecdsa-p256-sha256'],
    ['http_sig', ['rsa-pss-sha512'], 'rsa-pss-sha512'],
    ['challenge_response', [], 'sign-ed25519'],
    ['challenge_response', ['sign-ecdsa-p256-sha256'], 'sign-ecdsa-p256-sha256'],
    ['challenge_response', ['--mode', 'decrypt'], 'decrypt-rsa-oaep-256'],
  ])('is made here for %s %j: only the public key travels', async (method, flags, algorithm) => {
    answer({ auth_method: method, algorithm });
    const { code, stdout, stderr } = await run(method, '--generate', ...flags, '--out', 'mail.json');
    expect(code, stderr).toBe(0);
    expect(stdout + stderr).not.toContain('PRIVATE KEY');
    expect(JSON.stringify(issuer.seen)).not.toContain('PRIVATE KEY');
    const { proof } = await loadCredential(inCwd('mail.json'));
    if (!('privateKey' in proof)) throw new Error('no private key');
    expect(proof).toMatchObject({ kind: method, algorithm });
    const ownPublicKey = publicPem(createPublicKey(createPrivateKey(proof.privateKey)));
    expect(sent()).toMatchObject({ auth_method: method, public_key: ownPublicKey });
  });

  it('leaves no file when the issuer refuses', async () => {
    issuer.answers.set(path, [409, problem(409, 'conflict')]);
    expect((await run('http_sig', '--generate', '--out', 'mail.json')).code).toBe(1);
    await expect(stat(inCwd('mail.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('a name in the certificate', () => {
  it.each([
    ['spiffe://partner.example/mail', 'uri:spiffe://partner.example/mail'],
    ['https://mail.example.com/id', 'uri:https://mail.example.com/id'],
    ['urn:uuid:01a200a8-4ffa-7709-9b97-8b0a49f5f3df', 'uri:urn:uuid:01a200a8-4ffa-7709-9b97-8b0a49f5f3df'],
    ['uri:spiffe://partner.example/mail', 'uri:spiffe://partner.example/mail'],
    ['dns:mail.example.com', 'dns:mail.example.com'],
    ['mail.example.com', 'mail.example.com'],
  ])('is a URI where it has a scheme: %s', async (given, san) => {
    answer({ auth_method: 'tls_client_auth' });
    await run('tls_client_auth', '--san', given);
    expect(sent()).toEqual({ auth_method: 'tls_client_auth', san });
  });
});

describe('a method that the policy of the client does not name', () => {
  const policy = (auth: readonly (readonly string[])[]) =>
    issuer.answers.set('GET /v1/clients/mail', [200, { client: 'mail', auth }]);

  it('is told with the command that names it', async () => {
    policy([['client_secret_basic'], ['http_sig', 'ip']]);
    answer({ auth_method: 'encrypted_time', secret: 'mcs_x' });
    const { code, stderr } = await run('encrypted_time');
    expect(code).toBe(0);
    const flags = '--auth client_secret_basic --auth http_sig+ip --auth encrypted_time';
    expect(stderr).toContain(`macaroond client set mail ${flags}"`);
  });

  it('is a matter of that method alone, and of who may see the policy', async () => {
    policy([['encrypted_time', 'tls_client_auth']]);
    answer({ auth_method: 'encrypted_time', secret: 'mcs_x' });
    expect((await run('encrypted_time')).stderr).not.toContain('client set');
    issuer.answers.set('GET /v1/clients/mail', [403, problem(403, 'insufficient_scope')]);
    const { code, stderr } = await run('encrypted_time');
    expect(code).toBe(0);
    expect(stderr).not.toContain('client set');
  });
});

describe('a certificate', () => {
  beforeEach(async () => {
    const { certificate, key } = await issuer.authority.issue('URI:spiffe://example.com/client/mail');
    await writeFile(inCwd('mail.crt'), certificate);
    await writeFile(inCwd('mail.crt.key'), key, { mode: 0o600 });
  });

  it('of the CA is named in the file, and the client is known by its URI when nothing else is said', async () => {
    answer({ auth_method: 'tls_client_auth', binding: 'uri:spiffe://example.com/client/mail' });
    const flags = ['--certificate', 'mail.crt', '--private-key', 'mail.crt.key', '--out', 'mail.json'];
    const { code, stderr } = await run('tls_client_auth', ...flags);
    expect(code, stderr).toBe(0);
    expect(sent()).toEqual({ auth_method: 'tls_client_auth' });
    const { proof, tls } = await loadCredential(inCwd('mail.json'));
    expect(proof).toEqual({ kind: 'tls_client_auth' });
    expect(tls?.certificate).toContain('BEGIN CERTIFICATE');
    expect(JSON.parse(await readFile(inCwd('mail.json'), 'utf8'))).toMatchObject({
      certificate_file: 'mail.crt',
      certificate_key_file: 'mail.crt.key',
    });
  });

  it('of its own is sent without the key that stands in the same file', async () => {
    const bundle = (await readFile(inCwd('mail.crt'), 'utf8')) + (await readFile(inCwd('mail.crt.key'), 'utf8'));
    await writeFile(inCwd('bundle.pem'), bundle, { mode: 0o600 });
    answer({ auth_method: 'self_signed_tls_client_auth', binding: 'x5t:abc' });
    expect((await run('self_signed_tls_client_auth', '--cert', 'bundle.pem')).code).toBe(0);
    expect(JSON.stringify(sent())).toContain('BEGIN CERTIFICATE');
    expect(JSON.stringify(issuer.seen)).not.toContain('PRIVATE KEY');
  });

  it('goes beside a key, for policies that ask for both', async () => {
    answer({ auth_method: 'http_sig', algorithm: 'ed25519' });
    const flags = ['--certificate', 'mail.crt', '--certificate-key', 'mail.crt.key', '--out', 'mail.json'];
    expect((await run('http_sig', '--generate', ...flags)).code).toBe(0);
    const { proof, tls } = await loadCredential(inCwd('mail.json'));
    expect(proof.kind).toBe('http_sig');
    expect(tls).toBeDefined();
  });
});

describe('wrong use is told before the issuer is asked', () => {
  it.each([
    'basic',
    'shared_key_hmac',
    'http_sig',
    'http_sig --hmac --generate --out f.json',
    'http_sig --hmac --mode sign',
    'http_sig --generate',
    'http_sig --generate sign-ed25519 --out f.json',
    'http_sig --generate hmac-sha256 --out f.json',
    'http_sig --public-key missing.pub',
    'http_sig --public-key mail.key',
    'http_sig --public-key mail.pub --out f.json',
    'http_sig --public-key mail.pub --private-key other.key --out f.json',
    'http_sig --public-key mail.pub --private-key mail.pub --out f.json',
    'http_sig --public-key mail.pub --private-key open.key --out f.json',
    'http_sig --public-key mail.pub --private-key mail.key',
    'http_sig --generate --private-key mail.key --out f.json',
    'http_sig --generate --certificate mail.pub --out f.json',
    'challenge_response --hmac',
    'challenge_response --generate decrypt-rsa-oaep-256 --out f.json',
    'challenge_response --generate --mode guess --out f.json',
    'client_secret_basic --hmac',
    'encrypted_time --san uri:x:y',
    'tls_client_auth --out f.json',
    'tls_client_auth --certificate mail.pub --out f.json',
    'self_signed_tls_client_auth',
    'self_signed_tls_client_auth --cert mail.pub',
    'self_signed_tls_client_auth --cert mail.pub --certificate mail.pub',
  ])('credential add mail %s', async (line) => {
    const { privateKey } = await writeKeys('ed25519', 'mail');
    await writeKeys('ed25519', 'other');
    await writeFile(inCwd('open.key'), privateKey, { mode: 0o644 });
    answer({ auth_method: 'http_sig' });
    const { code, stdout, stderr } = await run(...line.split(' '));
    expect(code).toBe(2);
    expect(stdout + stderr).not.toContain('BEGIN');
    expect(issuer.seen).toEqual([]);
    await expect(stat(inCwd('f.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('client add with a policy', () => {
  const client = { client: 'mail', state: 'active', ips: [], hosts: [], verifier_of: [], grants: [], created_at: 't' };
  const add = (...argv: readonly string[]) => cli(['client', 'add', 'mail', ...argv], { cwd });

  it('writes the one secret that is made with it, whatever else its policy names', async () => {
    const credentials = [
      { client: 'mail', credential_id: 'crd_1', auth_method: 'tls_client_auth', binding: 'uri:spiffe://example.com/client/mail' },
      { client: 'mail', credential_id: 'crd_2', auth_method: 'encrypted_time', secret: 'mcs_shown_once' },
    ];
    const auth = [['tls_client_auth'], ['encrypted_time'], ['http_sig', 'ip']];
    issuer.answers.set('POST /v1/clients', [201, { ...client, auth, credentials }]);
    const flags = ['--auth', 'tls_client_auth', '--auth', 'encrypted_time', '--auth', 'http_sig+ip', '--ip', '10.0.0.0/8'];
    const { code, stdout, stderr } = await add(...flags, '--host', 'localhost', '--out', 'mail.json');
    expect(code, stderr).toBe(0);
    expect(issuer.seen.at(-1)?.body).toEqual({ client: 'mail', auth, ips: ['10.0.0.0/8'], hosts: ['localhost'] });
    expect(stdout).toContain('crd_2');
    expect(stdout + stderr).not.toContain('mcs_shown_once');
    expect((await loadCredential(inCwd('mail.json'))).credentialId).toBe('crd_2');
    expect(stderr).toContain('macaroond credential add mail http_sig');
  });

  it('needs no --out where nothing is secret, and tells what is missing', async () => {
    issuer.answers.set('POST /v1/clients', [201, { ...client, auth: [['http_sig']], credentials: [] }]);
    const { code, stdout, stderr } = await add('--auth', 'http_sig');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^client +mail$/m);
    expect(stderr).toContain('http_sig needs a credential');
  });

  it.each([
    ['--auth', 'http_sig', '--out', 'f.json'],
    ['--auth', 'client_secret_basic', '--auth', 'encrypted_time', '--out', 'f.json'],
    ['--auth', 'http_sig+'],
    ['--auth', ''],
  ])('calls %s %s wrong use', async (...flags) => {
    expect((await add(...flags)).code).toBe(2);
    expect(issuer.seen).toEqual([]);
  });

  it('changes nothing with client set and no flags', async () => {
    expect((await cli(['client', 'set', 'mail'], { cwd })).code).toBe(2);
    expect(issuer.seen).toEqual([]);
  });
});
