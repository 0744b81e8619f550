/** The main job on real input: HTTPS issuer on SQLite, the CLI as a subprocess, curl, and a verifier that never asks. */
import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createVerifier, staticKeys } from '../../src/verifier/index.js';
import { type IssuerProcess, startIssuer } from '../support/issuer-process.js';

const run = promisify(execFile);
let issuer: IssuerProcess;
let mailFile = '';
let invoiceFile = '';

beforeAll(async () => {
  issuer = await startIssuer();
  mailFile = join(issuer.data, 'mail.json');
  invoiceFile = join(issuer.data, 'invoice-server.json');
  await issuer.cliJson(['audience', 'add', 'invoice']);
  await issuer.cliJson(['client', 'add', 'mail', '--grant', 'invoice=invoices:read,invoices:list', '--out', mailFile]);
  await issuer.cliJson(['client', 'add', 'invoice-server', '--verifier-of', 'invoice', '--out', invoiceFile]);
});
afterAll(() => issuer?.dispose());

async function mint(...args: string[]) {
  return await issuer.cliJson(['mint', '--audience', 'invoice', '--credential', mailFile, ...args]);
}

describe('the files of a new issuer', () => {
  it('keeps secrets 0600 and publishes the CA 0644', () => {
    const modeOf = (name: string) => statSync(join(issuer.data, name)).mode & 0o777;
    expect(modeOf('master.key')).toBe(0o600);
    expect(modeOf('admin.json')).toBe(0o600);
    expect(modeOf('ca.crt')).toBe(0o644);
    expect(statSync(mailFile).mode & 0o777).toBe(0o600);
  });
});

describe('mint, attenuate, inspect, verify through the CLI', () => {
  it('mints with the names of the HTTP API', async () => {
    const minted = await mint('--action', 'invoices:read', '--expires', '30m');
    expect(minted).toMatchObject({ client: 'mail', audience: 'invoice', actions: ['invoices:read'], caveats: [] });
    expect(minted.token).toMatch(/^mcr_[\w-]+\.[\w-]{6}$/);
    expect(Date.parse(minted.expires_at) - Date.parse(minted.issued_at)).toBe(1_800_000);
  });

  it('pipes a token through attenuate, inspect and verify', async () => {
    const { token, token_id } = await mint();
    const narrowed = await issuer.cli(
      [
        'attenuate',
        '--expires',
        '10m',
        '--action',
        'invoices:read',
        '--ip',
        '10.0.0.0/8',
        '--method',
        'GET',
        '--path',
        '/invoices',
      ],
      { input: token },
    );
    expect(narrowed.code).toBe(0);
    const inspected = await issuer.cliJson(['inspect'], { input: narrowed.stdout });
    expect(inspected).toMatchObject({
      token_id,
      client: 'mail',
      audience: 'invoice',
      actions: ['invoices:read', 'invoices:list'],
    });
    expect(inspected.caveats).toEqual([
      expect.stringMatching(/^time-before /),
      'action invoices:read',
      'ip 10.0.0.0/8',
      'method GET',
      'path /invoices',
    ]);
    const verify = (...args: string[]) =>
      issuer.cli(['verify', '--credential', invoiceFile, '--audience', 'invoice', ...args], { input: narrowed.stdout });
    const good = ['--action', 'invoices:read', '--ip', '10.1.2.3', '--method', 'GET', '--path', '/invoices/7'];
    expect((await verify(...good)).code).toBe(0);
    expect((await verify('--action', 'invoices:list', ...good.slice(2))).code).toBe(3);
    expect((await verify(...good.slice(0, 2), '--ip', '192.0.2.1', ...good.slice(4))).code).toBe(3);
    expect((await verify(...good, '--at', '2099-01-01T00:00:00Z')).code).toBe(3);
    const listed = await verify('--action', 'invoices:list', '--ip', '192.0.2.1', '--method', 'GET', '--path', '/invoices');
    expect(listed.stdout).toContain('✓');
    expect(listed.stdout).toContain('✗');
  });

  it('makes one list of a repeated flag', async () => {
    const { token } = await mint();
    const { stdout } = await issuer.cli(
      ['attenuate', '--action', 'invoices:read', '--action', 'invoices:list', '--ip', '10.0.0.1', '--ip', '::1'],
      {
        input: token,
      },
    );
    expect((await issuer.cliJson(['inspect'], { input: stdout })).caveats).toEqual([
      'action invoices:read,invoices:list',
      'ip 10.0.0.1,::1',
    ]);
  });

  it('tells a cut token from a denied one by the exit code, without any key', async () => {
    const { token } = await mint();
    expect((await issuer.cli(['inspect'], { input: token.slice(0, 60) })).code).toBe(5);
    expect((await issuer.cli(['inspect'], { input: token })).code).toBe(0);
  });

  it('refuses what goes beyond the grant', async () => {
    const over = await issuer.cli(['mint', '--audience', 'invoice', '--credential', mailFile, '--action', 'invoices:delete']);
    expect(over.code).toBe(3);
    const other = await issuer.cli(['mint', '--audience', 'payroll', '--credential', mailFile]);
    expect(other.code).toBe(3);
  });

  it('verifies offline with the key that the issuer served', async () => {
    const minted = await mint();
    const credential = JSON.parse(readFileSync(invoiceFile, 'utf8'));
    const { body } = await issuer.api('GET', `/v1/audiences/invoice/keys/${minted.root_key_id}`, { basic: credential });
    const verifier = createVerifier({
      audience: 'invoice',
      keys: staticKeys([{ rootKeyId: body.root_key_id, generation: body.generation, client: body.client, key: body.key }]),
    });
    const result = await verifier.verify(minted.token, { action: 'invoices:read' });
    expect(result).toMatchObject({ ok: true, client: 'mail', tokenId: minted.token_id, authMethods: ['client_secret_basic'] });
  });
});

describe('curl against the issuer', () => {
  const curl = async (...args: string[]) => {
    const { stdout } = await run('curl', ['--silent', '--show-error', '--cacert', join(issuer.data, 'ca.crt'), ...args]);
    return stdout;
  };

  it('mints over HTTPS with Basic', async () => {
    const { client, secret } = JSON.parse(readFileSync(mailFile, 'utf8'));
    const answer = await curl(
      '-u',
      `${client}:${secret}`,
      '-H',
      'content-type: application/json',
      '-d',
      '{"audience":"invoice","expires_in":60}',
      `${issuer.url}/v1/tokens`,
    );
    expect(JSON.parse(answer)).toMatchObject({ client: 'mail', audience: 'invoice' });
  });

  it('does not connect without the CA', async () => {
    await expect(run('curl', ['--silent', `${issuer.url}/livez`])).rejects.toMatchObject({ code: 60 });
  });

  it('answers a wrong secret and an unknown client alike', async () => {
    const ask = async (user: string) => {
      const answer = JSON.parse(
        await curl('-u', user, '-H', 'content-type: application/json', '-d', '{"audience":"invoice"}', `${issuer.url}/v1/tokens`),
      );
      return { ...answer, instance: undefined };
    };
    const wrong = await ask('mail:mcs_wrong');
    expect(wrong).toMatchObject({ status: 401, code: 'invalid_client' });
    expect(await ask('nobody:mcs_wrong')).toEqual(wrong);
  });
});

describe('audit and the end of a token', () => {
  it('revokes a token, lists it in the audit log, and the chain holds', async () => {
    const { token, token_id } = await mint();
    const verify = () =>
      issuer.cli(['verify', '--credential', invoiceFile, '--audience', 'invoice', '--action', 'invoices:read'], { input: token });
    expect((await verify()).code).toBe(0);
    expect((await issuer.cli(['revoke', 'token', token_id])).code).toBe(0);
    expect((await verify()).code).toBe(3);
    const { entries } = await issuer.cliJson(['audit', 'list', '--token-id', token_id]);
    expect(entries.map((entry: { event: string }) => entry.event)).toEqual(['token.minted', 'revoked.token']);
    const checked = await issuer.cliJson(['audit', 'verify']);
    expect(checked.ok).toBe(true);
    expect((await issuer.cli(['audit', 'verify', '--head', checked.head])).code).toBe(0);
  });

  it('lets whoever has the machine in again', async () => {
    const recovered = await issuer.cliJson(['mint', '--data', issuer.data]);
    expect(recovered.audience).toBe('macaroond');
    const { status } = await issuer.api('GET', '/v1/clients', { macaroon: recovered.token });
    expect(status).toBe(200);
  });

  it('passes its own examination', async () => {
    expect((await issuer.cli(['doctor'])).code).toBe(0);
  });
});
