/** The clients of `docs/schemes.md`, in a POSIX shell, openssl and curl, run as they stand there against a real issuer and against somebody in between. */
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decode, decodeIdentifier } from '../../src/core/index.js';
import { type IssuerProcess, startIssuer } from '../support/issuer-process.js';

const page = readFileSync(new URL('../../docs/schemes.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code]) => code);
const [shared = '', identity = '', basic = '', issuerKey = '', httpSig = '', challenge = '', time = '', ...rest] = blocks;
const [certificate = '', sealed = '', ...others] = rest;

let issuer: IssuerProcess;
let folder: string;
let admin: string;
const audience = 'invoice';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'shell-'));
  writeFileSync(join(folder, 'macaroond.sh'), shared);
  issuer = await startIssuer();
  admin = await issuer.adminToken();
  await issuer.api('POST', '/v1/audiences', { macaroon: admin, body: { audience } });
});
afterAll(async () => {
  await issuer?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

type Variables = Readonly<Record<string, string>>;

function run(script: string, variables: Variables): Promise<Ran> {
  const ours = { PATH: process.env['PATH'], ISSUER: issuer.url, CA: join(issuer.data, 'ca.crt') };
  const options = { cwd: folder, env: { ...ours, ...variables } };
  return new Promise((resolve) => {
    const done = (error: { readonly code?: unknown } | null, stdout: string, stderr: string) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    execFile('sh', ['-c', script], options, done);
  });
}

/** A client that proves itself by `method`, with a credential made as `request` says: what a shell needs to know of it. */
async function clientOf(name: string, method: string, request: Readonly<Record<string, unknown>> = {}): Promise<Variables> {
  const grants = [{ audience, actions: ['invoices:read'] }];
  const made = await issuer.api('POST', '/v1/clients', { macaroon: admin, body: { client: name, auth: [[method]], grants } });
  expect([made.status, made.body.code]).toEqual([201, undefined]);
  let [credential] = made.body.credentials;
  if (credential === undefined) {
    const body = { auth_method: method, ...request };
    const added = await issuer.api('POST', `/v1/clients/${name}/credentials`, { macaroon: admin, body });
    expect([added.status, added.body.errors]).toEqual([201, undefined]);
    credential = added.body;
  }
  return {
    CLIENT: name,
    CREDENTIAL: credential.credential_id,
    ...(credential.secret === undefined ? {} : { SECRET: credential.secret }),
  };
}

const keyKinds = {
  ed25519: ['-algorithm', 'ed25519'],
  p256: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  rsa3072: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072'],
} as const;

/** A fresh key pair of openssl: its public key as PEM, and the file of its private key. */
function keyPair(name: string, kind: keyof typeof keyKinds): { readonly public_key: string; readonly KEY: string } {
  const KEY = join(folder, `${name}.key`);
  execFileSync('openssl', ['genpkey', ...keyKinds[kind], '-out', KEY], { stdio: 'ignore' });
  return { KEY, public_key: execFileSync('openssl', ['pkey', '-in', KEY, '-pubout'], { encoding: 'utf8' }) };
}

/** Runs `script` and expects a token of `client` that it printed. */
async function expectToken(script: string, variables: Variables, authMethod: string): Promise<void> {
  const { code, stdout, stderr } = await run(script, variables);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^mcr_[\w-]+\.[\w-]{6}\n$/);
  const { client, authMethods } = decodeIdentifier(decode(stdout.trim()).root.identifier);
  expect([client, authMethods]).toEqual([variables['CLIENT'], [authMethod]]);
}

const signatureKinds = [
  ['ed25519', 'ed25519'],
  ['ecdsa-p256-sha256', 'p256'],
  ['rsa-pss-sha512', 'rsa'],
] as const;
const challengeKinds = [
  ['sign-ed25519', 'ed25519'],
  ['sign-ecdsa-p256-sha256', 'p256'],
  ['sign-rsa-pss-sha256', 'rsa'],
] as const;

describe('a client of the documentation in a shell', () => {
  it('is all that the page has for shells', () => {
    expect(others).toEqual([]);
    expect(shared.startsWith('# macaroond.sh\n')).toBe(true);
  });

  it('mints by client_secret_basic', async () => {
    await expectToken(basic, await clientOf('basic', 'client_secret_basic'), 'client_secret_basic');
  });

  it('mints by http_sig with a secret, and checks the answer', async () => {
    const client = await clientOf('hmac', 'http_sig', { algorithm: 'hmac-sha256' });
    await expectToken(httpSig, { ...client, ALGORITHM: 'hmac-sha256' }, 'http_sig');
  });

  it.each(signatureKinds)('mints by http_sig with %s, and checks the answer', async (ALGORITHM, kind) => {
    const { KEY, public_key } = keyPair(ALGORITHM, kind);
    const client = await clientOf(`sig-${kind}`, 'http_sig', { public_key });
    const variables = { ...client, KEY, ALGORITHM, ISSUER_KEY: join(folder, 'issuer.pem') };
    expect(await run(issuerKey, variables)).toEqual({ code: 0, stdout: '', stderr: '' });
    // Twice: some signatures of ECDSA have fewer digits, and a client must not depend on what it sent before.
    for (let i = 0; i < 2; i++) await expectToken(httpSig, variables, 'http_sig');
  });

  it.each(challengeKinds)('mints by challenge_response with %s', async (ALGORITHM, kind) => {
    const { KEY, public_key } = keyPair(ALGORITHM, kind);
    const client = await clientOf(`challenge-${kind}`, 'challenge_response', { mode: 'sign', public_key });
    await expectToken(challenge, { ...client, KEY, ALGORITHM, MODE: 'sign' }, 'challenge_response');
  });

  it('mints by challenge_response with a key that decrypts', async () => {
    const { KEY, public_key } = keyPair('decrypt', 'rsa3072');
    const client = await clientOf('decrypt', 'challenge_response', { mode: 'decrypt', public_key });
    await expectToken(challenge, { ...client, KEY, MODE: 'decrypt' }, 'challenge_response');
  });

  it('mints by encrypted_time', async () => {
    await expectToken(time, await clientOf('timed', 'encrypted_time'), 'encrypted_time');
  });

  it('knows the issuer by its CA and by its key, and nobody else', async () => {
    const { hostname, port } = new URL(issuer.url);
    const pin = await new Promise<string>((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
        const key = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' });
        socket.destroy();
        resolve(
          createHash('sha256')
            .update(key ?? '')
            .digest('base64'),
        );
      }).on('error', reject);
    });
    const stranger = join(folder, 'stranger.crt');
    const subject = ['-subj', '/CN=localhost', '-keyout', join(folder, 'stranger.key'), '-out', stranger];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject], { stdio: 'ignore' });
    const outcome = async (variables: Variables) => (await run(`set -e\n${identity}`, variables)).code;
    expect(await outcome({ PIN: pin })).toBe(0);
    expect(await outcome({ PIN: createHash('sha256').digest('base64') })).toBe(90);
    expect(await outcome({ PIN: pin, CA: stranger })).toBe(60);
  });

  it('mints by a certificate', async () => {
    const client = await clientOf('certified', 'tls_client_auth');
    await issuer.cliJson(['ca', 'issue', '--client', 'certified', '--out', folder]);
    const files = { CERTIFICATE: join(folder, 'certified.crt'), CERTIFICATE_KEY: join(folder, 'certified.key') };
    await expectToken(certificate, { ...client, ...files }, 'tls_client_auth');
  });

  it('seals a request, and believes an answer to this very one alone', async () => {
    const { body: minted } = await issuer.api('POST', '/v1/tokens', {
      basic: JSON.parse(readFileSync(join(issuer.data, 'admin.json'), 'utf8')),
      body: { audience: 'macaroond', caveats: ['request-required'] },
    });
    const service = { SERVICE: issuer.url, TOKEN: minted.token, METHOD: 'POST', TARGET: '/v1/audiences' };
    const made = await run(sealed, { ...service, BODY: '{"audience":"reports"}' });
    expect([made.code, made.stderr, JSON.parse(made.stdout).audience]).toEqual([0, '', 'reports']);
    const again = await run(sealed, { ...service, BODY: '{"audience":"reports"}' });
    expect([again.code, again.stderr, JSON.parse(again.stdout).code]).toEqual([1, '', 'conflict']);
    const listed = await run(sealed, { ...service, METHOD: 'GET', TARGET: '/v1/clients', BODY: '' });
    expect([listed.code, listed.stderr]).toEqual([0, '']);
    // The issuer cannot prove an answer to a token whose signature does not hold.
    const { stdout: forged } = await issuer.cli(['attenuate', '--action', 'audiences:write', '--json'], { input: minted.token });
    const wrong = JSON.parse(forged).token.replace(
      /^mcr_(.*)(.{10})\..*$/,
      (_: string, head: string, tail: string) => `${head}${tail === 'AAAAAAAAAA' ? 'BBBBBBBBBB' : 'AAAAAAAAAA'}`,
    );
    const refused = await run(sealed, { ...service, TOKEN: wrong, BODY: '{"audience":"others"}' });
    expect([refused.code, refused.stdout]).toEqual([1, '']);
  });

  it('says so when it is refused, and prints no token', async () => {
    const client = await clientOf('timed-2', 'encrypted_time');
    const { code, stdout, stderr } = await run(time, { ...client, SECRET: 'wrong' });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('"code":"invalid_client"');
  });

  it('prints nothing when the answer of http_sig or to a sealed request was altered, exchanged or left unsigned on its way', async () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    // In place of curl: passes the request on, then plays with what came back. $headers and $answer are its files, as the client names them.
    const fake = `#!/bin/sh
for argument; do case $previous in -D) headers=$argument ;; -o) answer=$argument ;; esac; previous=$argument; done
${execFileSync('sh', ['-c', 'command -v curl'], { encoding: 'utf8' }).trim()} "$@" | eval "$TAMPER"
`;
    writeFileSync(join(bin, 'curl'), fake, { mode: 0o755 });
    const client = await clientOf('altered', 'http_sig', { algorithm: 'hmac-sha256' });
    const variables = { ...client, ALGORITHM: 'hmac-sha256', PATH: `${bin}:${process.env['PATH']}` };
    const then = (change: string) => `cat; ${change}`;
    await expectToken(httpSig, { ...variables, TAMPER: then('cp "$answer" old-answer; cp "$headers" old-headers') }, 'http_sig');
    const cases: readonly (readonly [tamper: string, says: string])[] = [
      [then('sed -i s/mcr_/mcr-/ "$answer"'), 'the answer is not the one that was signed'],
      [then('cp old-answer "$answer"; cp old-headers "$headers"'), 'an answer to another request'],
      [then('sed -i /^signature/d "$headers"'), 'the signature of the answer covers too little'],
      [then('sed -i "s/ \\"@method\\";req//" "$headers"'), 'the signature of the answer covers too little'],
      [then('sed -i "s/^content-type: .*/content-type: text\\/html/" "$headers"'), 'the signature of the answer does not hold'],
      ['sed s/201/200/', 'the signature of the answer does not hold'],
    ];
    for (const [TAMPER, says] of cases) {
      expect([TAMPER, await run(httpSig, { ...variables, TAMPER })]).toEqual([
        TAMPER,
        { code: 1, stdout: '', stderr: `${says}\n` },
      ]);
    }
    // Somebody who repeats an older answer has one for another copy of the token.
    const sealedCases: readonly (readonly [tamper: string, says: string])[] = [
      [then('cp "$answer" old-answer; cp "$headers" old-headers'), ''],
      [then('sed -i s/admin/nimda/ "$answer"'), 'the answer is not the one that was signed\n'],
      [then('cp old-answer "$answer"; cp old-headers "$headers"'), 'the signature of the answer does not hold\n'],
      [then('sed -i /^signature/d "$headers"'), 'the signature of the answer covers too little\n'],
      ['sed s/200/201/', 'the signature of the answer does not hold\n'],
    ];
    const service = { SERVICE: issuer.url, TOKEN: admin, METHOD: 'GET', TARGET: '/v1/clients', BODY: '' };
    for (const [TAMPER, says] of sealedCases) {
      const { code, stdout, stderr } = await run(sealed, { ...variables, ...service, TAMPER });
      expect([TAMPER, code, stdout === '', stderr]).toEqual([TAMPER, says === '' ? 0 : 1, says !== '', says]);
    }
  });
});
