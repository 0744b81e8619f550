/**
 * Credential files of every auth method against a real issuer: the command line makes them, and `mint`, `issuerClient`, a verifier that follows
 * keys and one that asks the issuer work with each.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issuerClient, loadCredential } from '../../src/client/index.js';
import { createVerifier, issuerKeys, remoteVerification } from '../../src/verifier/index.js';
import { type IssuerProcess, startIssuer } from '../support/issuer-process.js';

const audience = 'invoice';
let issuer: IssuerProcess;
let folder: string;
let admin: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'credentials-'));
  issuer = await startIssuer();
  admin = await issuer.adminToken();
  await issuer.api('POST', '/v1/audiences', { macaroon: admin, body: { audience } });
});
afterAll(async () => {
  await issuer?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** How a credential of each kind is added, after `credential add NAME`. */
const kinds: readonly (readonly [kind: string, method: string, flags: readonly string[]])[] = [
  ['client_secret_basic', 'client_secret_basic', []],
  ['http_sig with a secret', 'http_sig', ['--hmac']],
  ...['ed25519', 'ecdsa-p256-sha256', 'rsa-pss-sha512'].map(
    (algorithm) => [`http_sig with ${algorithm}`, 'http_sig', ['--generate', algorithm]] as const,
  ),
  ...['sign-ed25519', 'sign-ecdsa-p256-sha256', 'sign-rsa-pss-sha256'].map(
    (algorithm) => [`challenge_response with ${algorithm}`, 'challenge_response', ['--generate', algorithm]] as const,
  ),
  ['challenge_response that decrypts', 'challenge_response', ['--mode', 'decrypt', '--generate']],
  ['encrypted_time', 'encrypted_time', []],
  ['self_signed_tls_client_auth', 'self_signed_tls_client_auth', []],
  ['tls_client_auth', 'tls_client_auth', []],
  ['shared_key_hmac', 'shared_key_hmac', []],
];

/** A client that proves itself by `method`, mints for the audience and verifies for it; and the path of its credential file. */
async function addClient(name: string, method: string, flags: readonly string[]): Promise<string> {
  const file = join(folder, `${name}.json`);
  if (method === 'shared_key_hmac') {
    await enrol(name, file);
    return file;
  }
  const rights = { grants: [{ audience, actions: ['invoices:read'] }], verifier_of: [audience] };
  const added = await issuer.api('POST', '/v1/clients', { macaroon: admin, body: { client: name, auth: [[method]], ...rights } });
  expect(added.status).toBe(201);
  if (method === 'tls_client_auth') {
    await issuer.cliJson(['ca', 'issue', '--client', name, '--out', join(folder, name), '--credential-out', file]);
    return file;
  }
  const isTls = method === 'self_signed_tls_client_auth';
  const side = isTls ? ['--cert', selfSigned(name, 'crt'), '--private-key', selfSigned(name, 'key')] : [];
  await issuer.cliJson(['credential', 'add', name, method, ...flags, ...side, '--out', file]);
  return file;
}

/** By an invitation, as whoever has nothing else; what it may do is said afterwards. */
async function enrol(name: string, file: string): Promise<void> {
  const invitation = join(folder, `${name}.invitation.json`);
  await issuer.cliJson(['invite', name, '--out', invitation]);
  await issuer.cliJson(['enrol', '--invitation', invitation, '--out', file]);
  await issuer.cliJson(['grant', 'add', name, audience, '--action', 'invoices:read']);
  const verifies = await issuer.api('PUT', `/v1/clients/${name}/verifier-of/${audience}`, { macaroon: admin });
  expect(verifies.status).toBe(200);
}

function selfSigned(name: string, kind: 'crt' | 'key'): string {
  const pair = { crt: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  if (kind === 'crt') {
    const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1', '-subj', `/CN=${name}`];
    execFileSync('openssl', ['req', '-x509', ...made, '-keyout', pair.key, '-out', pair.crt], { stdio: 'ignore' });
  }
  return pair[kind];
}

describe.each(kinds)('%s', (kind, method, flags) => {
  const name = kind.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  let file: string;
  beforeAll(async () => {
    file = await addClient(name, method, flags);
  });

  it('mints, and verifies by keys at hand and by asking', async () => {
    const credential = await loadCredential(file);
    const client = issuerClient(credential);
    const verifiers = [issuerKeys(credential), remoteVerification(credential)].map((keys) => createVerifier({ audience, keys }));
    try {
      const byCommand = await issuer.cliJson(['mint', '--audience', audience, '--credential', file]);
      const { token } = await client.mint({ audience, caveats: ['ip 10.0.0.0/8'] });
      for (const verifier of verifiers) {
        const expected = { ok: true, client: name, authMethods: [method] };
        expect(await verifier.verify(byCommand.token, { action: 'invoices:read' })).toMatchObject(expected);
        expect(await verifier.verify(token, { action: 'invoices:read', ip: '10.1.2.3' })).toMatchObject(expected);
        expect(await verifier.verify(token, { action: 'invoices:read', ip: '11.1.2.3' })).toMatchObject({ ok: false });
      }
      await client.revoke({ allBefore: 'now' });
      const refused = { code: 'ERR_ISSUER_REFUSED', problem: 'grant_exceeded' };
      await expect(client.mint({ audience: 'elsewhere' })).rejects.toMatchObject(refused);
    } finally {
      await Promise.all([client, ...verifiers].map((one) => one.close()));
    }
  });

  it('asks the issuer by "macaroond request", on a route for clients and on a public one', async () => {
    const ask = (...args: readonly string[]) => issuer.cliJson(['request', ...args, '--credential', file]);
    const [minted, state] = await Promise.all([
      ask('POST', `${issuer.url}/v1/tokens`, '--data', JSON.stringify({ audience })),
      ask('GET', `${issuer.url}/readyz`),
    ]);
    expect(minted).toMatchObject({ client: name, audience });
    expect(state).toEqual({ status: 'ok' });
  });

  it('has a key of its own certified', async () => {
    const out = join(folder, `${name}-renewed`);
    await issuer.cliJson(['ca', 'issue', '--credential', file, '--out', out]);
    const verified = execFileSync('openssl', ['verify', '-CAfile', join(out, 'ca.crt'), join(out, `${name}.crt`)], {
      encoding: 'utf8',
    });
    expect(verified).toContain('OK');
  });
});
