import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mintedAnswer } from '../client/minted-answer.js';
import { cli, createToken } from './cli-harness.js';
import { adminMint, credentialText, type FakeIssuer, problem, startFakeIssuer } from './fake-issuer.js';

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
  const text = credentialText('mail', issuer.url, issuer.authority.certificate);
  await writeFile(join(cwd, 'mail.json'), text, { mode: 0o600 });
});

describe('mint', () => {
  const minted = mintedAnswer({ lifeMs: 90_000, caveats: ['ip 10.0.0.0/8,::1'] });
  const argv = ['mint', '--audience', 'invoice', '--credential', 'mail.json'];

  it('prints the token alone on stdout', async () => {
    issuer.answers.set('POST /v1/tokens', [201, minted]);
    const flags = ['--action', 'invoices:read', '--action', 'invoices:list', '--expires', '1h', '--caveat', 'ip 10.0.0.0/8,::1'];
    const { code, stdout } = await cli([...argv, ...flags], { cwd });
    expect([code, stdout]).toEqual([0, `${minted.token}\n`]);
    expect(issuer.seen).toEqual([
      {
        call: 'POST /v1/tokens',
        authorization: `Basic ${Buffer.from('mail:secret-of-mail').toString('base64')}`,
        body: {
          audience: 'invoice',
          actions: ['invoices:read', 'invoices:list'],
          expires_in: 3600,
          caveats: ['ip 10.0.0.0/8,::1'],
        },
      },
    ]);
  });

  it('warns about a caveat that it does not know, on stderr', async () => {
    const caveats = ['account 42', 'method GET'];
    const answer = mintedAnswer({ caveats });
    issuer.answers.set('POST /v1/tokens', [201, answer]);
    const flags = caveats.flatMap((condition) => ['--caveat', condition]);
    const { code, stdout, stderr } = await cli([...argv, ...flags], { cwd });
    expect([code, stdout]).toEqual([0, `${answer.token}\n`]);
    expect(stderr.match(/warning: .*/g)).toEqual([expect.stringContaining('account')]);
  });

  it('prints the answer of the API with --json', async () => {
    issuer.answers.set('POST /v1/tokens', [201, minted]);
    expect(JSON.parse((await cli([...argv, '--json'], { cwd })).stdout)).toEqual(minted);
  });

  it('counts the seconds up to a time, and refuses one that has passed', async () => {
    issuer.answers.set('POST /v1/tokens', [201, minted]);
    await cli([...argv, '--expires', '2026-11-21T22:22:30.500Z'], { cwd });
    expect(issuer.seen[0]?.body).toEqual({ audience: 'invoice', expires_in: 90 });
    expect((await cli([...argv, '--expires', '2026-11-21T22:21:00Z'], { cwd })).code).toBe(2);
  });

  it('uses MACAROOND_CREDENTIAL, and admin.json without it', async () => {
    issuer.answers.set('POST /v1/tokens', [201, minted]);
    const env = { MACAROOND_CREDENTIAL: 'mail.json' };
    expect((await cli(['mint', '--audience', 'invoice'], { cwd, env })).code).toBe(0);
    issuer.answers.clear();
    expect((await cli(['mint', '--audience', 'macaroond'], { cwd })).stdout).toBe(`${adminMint.token}\n`);
  });

  it('names client and audience when the grant does not reach, and how to ask as another client', async () => {
    issuer.answers.set('POST /v1/tokens', [403, problem(403, 'grant_exceeded', 'the client has no grant for this audience')]);
    const { code, stderr } = await cli(argv, { cwd });
    expect(code).toBe(3);
    expect(stderr).toMatch(/client mail.*audience invoice.*the client has no grant/);
    expect(stderr).toMatch(/hint: .*--credential.*grant add mail invoice/);
    const error = JSON.parse((await cli([...argv, '--json'], { cwd })).stderr).error;
    expect(error).toMatchObject({ code: 'ERR_ISSUER_REFUSED', problem: 'grant_exceeded', status: 403 });
  });

  it('needs an audience', async () => {
    expect((await cli(['mint', '--credential', 'mail.json'], { cwd })).code).toBe(2);
  });

  it('takes --data DIR as a recovery on this machine, with no other wish', async () => {
    const asked: unknown[] = [];
    const server = {
      recoveryToken: (data: string) => {
        asked.push(data);
        return Promise.resolve(adminMint);
      },
    };
    expect((await cli(['mint', '--data', 'lost'], { cwd, server })).stdout).toBe(`${adminMint.token}\n`);
    expect((await cli(['mint', '--data', 'lost', '--audience', 'macaroond'], { cwd, server })).code).toBe(0);
    expect((await cli(['mint', '--data', 'lost', '--audience', 'invoice'], { cwd, server })).code).toBe(2);
    expect((await cli(['mint', '--data', 'lost', '--expires', '1h'], { cwd, server })).code).toBe(2);
    expect(asked).toEqual([join(cwd, 'lost'), join(cwd, 'lost')]);
    expect(issuer.seen).toEqual([]);
  });
});

describe('verify', () => {
  const token = createToken();
  const argv = ['verify', '--audience', 'invoice', '--action', 'invoices:read', '--credential', 'mail.json'];
  const caveat = {
    condition: 'ip 10.0.0.0/8',
    holds: false,
    message: 'ip: the address 192.0.2.1 is in no range',
    caveat_index: 1,
  };
  const holding = { condition: 'method GET', holds: true, message: 'only with GET', caveat_index: 0 };
  const allowed = { authorized: true, ...adminMint, auth_methods: ['client_secret_basic'], caveats: [holding] };

  it('asks with the context of the flags and shows what holds', async () => {
    issuer.answers.set('POST /v1/verify', [200, allowed]);
    const flags = ['--ip', '192.0.2.1', '--method', 'GET', '--path', '/invoices', '--at', '2026-11-21T22:21:00Z'];
    const { code, stdout } = await cli([...argv, ...flags], { cwd, stdin: token });
    expect(code).toBe(0);
    expect(stdout).toContain('✓ method GET: only with GET\n');
    expect(issuer.seen[0]?.body).toEqual({
      token,
      audience: 'invoice',
      context: { action: 'invoices:read', ip: '192.0.2.1', method: 'GET', path: '/invoices', at: '2026-11-21T22:21:00Z' },
    });
  });

  it('ends with 3 for a denial and marks the caveat', async () => {
    const denied = { authorized: false, code: 'ERR_CAVEAT_DENIED', message: 'caveat 1 denies', caveats: [holding, caveat] };
    issuer.answers.set('POST /v1/verify', [200, denied]);
    const { code, stdout } = await cli(argv, { cwd, stdin: token });
    expect(code).toBe(3);
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      '✓ method GET: only with GET',
      '✗ ip 10.0.0.0/8: the address 192.0.2.1 is in no range',
      'denied: ERR_CAVEAT_DENIED: caveat 1 denies',
    ]);
    const json = await cli([...argv, '--json'], { cwd, stdin: token });
    expect(json.code).toBe(3);
    expect(JSON.parse(json.stdout)).toEqual(denied);
  });

  it('marks a denial without caveats too', async () => {
    issuer.answers.set('POST /v1/verify', [200, { authorized: false, code: 'ERR_SIGNATURE_MISMATCH', message: 'forged' }]);
    const { code, stdout } = await cli(argv, { cwd, stdin: token });
    expect(code).toBe(3);
    expect(stdout).toContain('✗ forged');
  });

  it('tells a cut token without asking anyone', async () => {
    expect((await cli(argv, { cwd, stdin: token.slice(0, 70) })).code).toBe(5);
    expect(issuer.seen).toEqual([]);
  });

  it('says how to become a verifier when the client is none, which is no denial of the token', async () => {
    issuer.answers.set('POST /v1/verify', [403, problem(403, 'forbidden')]);
    const { code, stderr } = await cli(argv, { cwd, stdin: token });
    expect(code).toBe(1);
    expect(stderr).toContain('client mail is no verifier of audience invoice');
    expect(stderr).toContain('--verifier-of invoice');
    const json = await cli([...argv, '--json'], { cwd, stdin: token });
    expect([json.code, json.stdout]).toEqual([1, '']);
    expect(JSON.parse(json.stderr).error).toMatchObject({ code: 'ERR_ISSUER_REFUSED', problem: 'forbidden', status: 403 });
  });

  it('takes a credential that does not hold for no denial of the token either', async () => {
    issuer.answers.set('POST /v1/verify', [401, problem(401, 'invalid_client')]);
    const { code, stderr } = await cli([...argv, '--json'], { cwd, stdin: token });
    expect(code).toBe(1);
    expect(JSON.parse(stderr).error).toMatchObject({ code: 'ERR_ISSUER_REFUSED', problem: 'invalid_client', status: 401 });
  });

  it('asks as the administrator of the data directory when no credential is named', async () => {
    issuer.answers.set('POST /v1/verify', [200, allowed]);
    const beside = ['verify', '--audience', 'invoice', '--action', 'invoices:read'];
    expect((await cli(beside, { cwd, stdin: token })).code).toBe(0);
    expect(issuer.seen.map(({ authorization }) => authorization)).toEqual([
      `Basic ${Buffer.from('admin:secret-of-admin').toString('base64')}`,
    ]);
  });

  it('needs audience and action', async () => {
    expect((await cli(['verify', '--audience', 'invoice'], { cwd, stdin: token })).code).toBe(2);
    expect((await cli(['verify', '--action', 'a'], { cwd, stdin: token })).code).toBe(2);
  });
});
