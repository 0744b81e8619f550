import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { issuerHint } from '../../../src/cli/issuer-hints.js';
import { MacaroonError } from '../../../src/core/index.js';
import { createAuthority } from '../transport/certificates.js';
import { cli } from './cli-harness.js';
import { credentialText, type FakeIssuer, problem, startFakeIssuer } from './fake-issuer.js';

let issuer: FakeIssuer;
let cwd = '';

beforeAll(async () => {
  issuer = await startFakeIssuer();
});
afterAll(() => issuer.close());
beforeEach(async () => {
  issuer.answers.clear();
  issuer.seen.length = 0;
  cwd = await issuer.createWorkplace();
  await writeFile(join(cwd, 'mail.json'), credentialText('mail', issuer.url, issuer.authority.certificate), { mode: 0o600 });
});

const told = async (argv: readonly string[], env: NodeJS.ProcessEnv = {}) => {
  const { code, stderr } = await cli([...argv, '--json'], { cwd, env });
  return { exitCode: code, ...(JSON.parse(stderr).error as { readonly message: string; readonly hint?: string }) };
};

describe('an issuer that is not reached', () => {
  it('is named by the URL that was tried', async () => {
    const env = { MACAROOND_URL: 'https://localhost:1' };
    const { exitCode, message } = await told(['client', 'list'], env);
    expect([exitCode, message]).toEqual([4, expect.stringContaining('https://localhost:1:')]);
  });

  it('is named too where another one answers', async () => {
    await writeFile(join(cwd, 'data', 'ca.crt'), (await createAuthority()).certificate);
    const { exitCode, message } = await told(['client', 'list']);
    expect([exitCode, message]).toEqual([4, expect.stringContaining(`at ${issuer.url} was not recognised`)]);
  });
});

describe('an issuer that does not answer in time', () => {
  it('is not told to be started', () => {
    const timeout = Object.assign(new Error('late'), { name: 'TimeoutError' });
    for (const cause of [timeout, Object.assign(new Error('late'), { code: 'UND_ERR_CONNECT_TIMEOUT' })]) {
      const hint = issuerHint(new MacaroonError('ERR_ISSUER_UNREACHABLE', 'late', { cause }), undefined);
      expect(hint).toContain('try again');
      expect(hint).not.toContain('macaroond serve');
    }
  });
});

describe('a client that is not let in', () => {
  const refused: readonly [401, unknown] = [401, problem(401, 'invalid_client', 'The client could not be authenticated')];

  it.each<[string, readonly string[], string]>([
    ['mint', ['mint', '--audience', 'invoice', '--credential', 'mail.json'], 'mail'],
    ['administration', ['client', 'list'], 'admin'],
    ['what a client may do itself', ['revoke', 'token', 'T', '--credential', 'mail.json'], 'mail'],
  ])('is named with its issuer, the likely reasons and what to do next: %s', async (_, argv, client) => {
    issuer.answers.set('POST /v1/tokens', refused);
    issuer.answers.set('POST /v1/revocations', refused);
    const error = await told(argv);
    expect(error).toMatchObject({ exitCode: 3, code: 'ERR_ISSUER_REFUSED', problem: 'invalid_client', status: 401 });
    expect(error.message).toBe(`client ${client} at ${issuer.url}: The client could not be authenticated`);
    for (const reason of ['another issuer', 'retired', 'unknown or disabled', 'clock']) expect(error.hint).toContain(reason);
    expect(error.hint).toContain('macaroond audit list --event login.failed');
    expect(error.hint).toContain('macaroond credential add');
  });
});

describe('a request that is not valid', () => {
  const pointed = (...errors: readonly (readonly [string, string])[]) => ({
    ...problem(400, 'invalid_request'),
    detail: undefined,
    errors: errors.map(([pointer, detail]) => ({ pointer, detail })),
  });
  const addMail = ['client', 'add', 'mail'];
  const grantMail = ['grant', 'add', 'mail', 'invoice', '--action', 'a'];

  it.each<[readonly string[], string, Readonly<Record<string, unknown>>, string]>([
    [addMail, 'POST /v1/clients', pointed(['/ips/0', 'no range'], ['/client', 'no name']), '--ip: no range; NAME: no name'],
    [addMail, 'POST /v1/clients', pointed(['/grants/0/actions/1', 'no action']), '--grant: no action'],
    [addMail, 'POST /v1/clients', pointed(['/hosts/0', 'no host']), '--host: no host'],
    [grantMail, 'PUT /v1/clients/mail/grants/invoice', pointed(['/actions/0', 'no action']), '--action: no action'],
    [
      grantMail,
      'PUT /v1/clients/mail/grants/invoice',
      problem(400, 'invalid_request', 'max_expires_in must be 1 to 31622400 seconds'),
      '--max-expires must be 1 to 31622400 seconds',
    ],
    [
      ['client', 'set', 'mail', '--ip', 'any'],
      'POST /v1/clients/mail/policy',
      problem(400, 'invalid_request', 'auth asks for ip, so nobody would get in without ips: take ip out of auth'),
      '--auth asks for ip, so nobody would get in without --ip: take ip out of auth',
    ],
    [
      ['revoke', 'client', 'mail', '--before', '2036-01-01T00:00:00Z'],
      'POST /v1/revocations',
      problem(400, 'invalid_request', 'before must not lie in the future'),
      '--before must not lie in the future',
    ],
    [
      addMail,
      'POST /v1/clients',
      problem(400, 'invalid_request', 'not an auth method; they are http_sig, client_secret_basic'),
      'not an auth method; they are http_sig, client_secret_basic',
    ],
  ])('is told by the flags that were typed: %j', async (argv, call, body, expected) => {
    issuer.answers.set(call, [400, body]);
    const error = await told(argv);
    expect(error).toMatchObject({ exitCode: 2, code: 'ERR_ISSUER_REFUSED', problem: 'invalid_request', status: 400 });
    expect(error.message.replace('the request is not valid: ', '')).toBe(expected);
  });

  it.each<[readonly string[], string]>([
    [['--audience', 'UP'], '--audience must be'],
    [['--audience', 'invoice', '--action', 'a b'], '--action must be'],
  ])('is told so too where it is not even sent: mint %j', async (flags, expected) => {
    const error = await told(['mint', '--credential', 'mail.json', ...flags]);
    expect(error).toMatchObject({ exitCode: 2, code: 'ERR_ARGUMENT' });
    expect(error.message).toContain(expected);
    expect(issuer.seen).toEqual([]);
  });
});
