import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encode, MacaroonKey, mint } from '../../../src/core/index.js';
import { cli, createToken } from './cli-harness.js';
import { adminMint, type FakeIssuer, problem, startFakeIssuer } from './fake-issuer.js';

const foreignToken = encode({
  root: mint(new MacaroonKey(new Uint8Array(32)), new TextEncoder().encode('their own identifier')),
  discharges: [],
});
const made = { client: 'mail', credential_id: 'c9', auth_method: 'client_secret_basic', secret: 'mcs_shown_once' };
const mail = {
  client: 'mail',
  state: 'active',
  auth: [['client_secret_basic', 'ip']],
  ips: ['10.0.0.0/8'],
  hosts: [],
  verifier_of: [],
  grants: [
    { audience: 'invoice', actions: ['invoices:read'], max_expires_in: 3600, required_caveats: ['ip 10.0.0.0/8'], bind: [] },
  ],
  created_at: '2026-11-21T22:21:00Z',
};
const madeClient = { ...mail, credentials: [made] };
let issuer: FakeIssuer;
let cwd: string;

beforeAll(async () => {
  issuer = await startFakeIssuer();
});

afterAll(() => issuer.close());

beforeEach(async () => {
  issuer.answers.clear();
  issuer.answers.set('GET /v1/clients/mail', [200, mail]);
  issuer.seen.length = 0;
  cwd = await issuer.createWorkplace();
});

const run = (argv: readonly string[], env: NodeJS.ProcessEnv = {}) => cli(argv, { cwd, env });

describe('client rotate', () => {
  it('makes no secret for a client that does not prove itself by one', async () => {
    issuer.answers.set('GET /v1/clients/mail', [200, { ...mail, auth: [['http_sig']] }]);
    const { code } = await run(['client', 'rotate', 'mail', '--out', 'new.json']);
    expect(code).toBe(2);
    expect(issuer.seen.map(({ call }) => call)).toEqual(['POST /v1/tokens', 'GET /v1/clients/mail']);
  });
});

describe('authority', () => {
  it('is a ten-minute token minted from admin.json', async () => {
    issuer.answers.set('GET /v1/clients', [200, { clients: [mail] }]);
    const { code, stdout } = await run(['client', 'list']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/mail +active +invoice$/m);
    expect(issuer.seen).toEqual([
      {
        call: 'POST /v1/tokens',
        authorization: `Basic ${Buffer.from('admin:secret-of-admin').toString('base64')}`,
        body: { audience: 'macaroond', expires_in: 600 },
      },
      { call: 'GET /v1/clients', authorization: `Macaroon ${adminMint.token}`, body: undefined },
    ]);
  });

  it('is MACAROOND_TOKEN where that holds a token for audience macaroond', async () => {
    issuer.answers.set('GET /v1/clients', [200, { clients: [] }]);
    const token = createToken('macaroond', ['clients:read']);
    expect((await run(['client', 'list'], { MACAROOND_TOKEN: token })).code).toBe(0);
    expect(issuer.seen.map(({ authorization }) => authorization)).toEqual([`Macaroon ${token}`]);
    expect((await run(['client', 'list'], { MACAROOND_TOKEN: token.slice(0, 50) })).code).toBe(5);
    expect(issuer.seen).toHaveLength(1);
  });

  it.each<[string, string]>([
    ['a token for another audience', createToken('invoice')],
    ['a token of another issuer', foreignToken],
  ])('is admin.json where MACAROOND_TOKEN holds %s, which is not sent', async (_, token) => {
    issuer.answers.set('GET /v1/clients', [200, { clients: [] }]);
    expect(await run(['client', 'list'], { MACAROOND_TOKEN: token })).toMatchObject({ code: 0, stderr: '' });
    expect(issuer.seen.map(({ authorization }) => authorization)).toEqual([
      `Basic ${Buffer.from('admin:secret-of-admin').toString('base64')}`,
      `Macaroon ${adminMint.token}`,
    ]);
  });

  it('is missed by a word about MACAROOND_TOKEN when that holds another token and there is nothing else', async () => {
    const env = { MACAROOND_TOKEN: createToken('invoice'), MACAROOND_URL: issuer.url };
    const { code, stderr } = await cli(['client', 'list'], { cwd: '/', env });
    expect(code).toBe(2);
    expect(stderr).toContain('MACAROOND_TOKEN');
    expect(issuer.seen).toEqual([]);
  });
});

describe('client add', () => {
  it('sends grants, addresses and audiences, and prints the secret this once', async () => {
    issuer.answers.set('POST /v1/clients', [201, madeClient]);
    const grants = ['--grant', 'invoice=invoices:read,invoices:list', '--grant', 'ledger=a', '--grant', 'ledger=b'];
    const { code, stdout } = await run([
      'client',
      'add',
      'mail',
      ...grants,
      '--ip',
      '10.0.0.0/8',
      '--ip',
      '::1',
      '--verifier-of',
      'invoice',
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain('mcs_shown_once');
    expect(issuer.seen[1]?.body).toEqual({
      client: 'mail',
      grants: [
        { audience: 'invoice', actions: ['invoices:read', 'invoices:list'] },
        { audience: 'ledger', actions: ['a', 'b'] },
      ],
      ips: ['10.0.0.0/8', '::1'],
      verifier_of: ['invoice'],
    });
  });

  it('tells how to set the addresses that an alternative asks for', async () => {
    const auth = [['tls_client_auth'], ['http_sig', 'ip']];
    issuer.answers.set('POST /v1/clients', [201, { ...madeClient, auth, ips: [] }]);
    const added = await run(['client', 'add', 'mail', '--auth', 'tls_client_auth', '--auth', 'http_sig+ip']);
    expect(added.code).toBe(0);
    expect(added.stderr).toContain('macaroond client set mail --ip CIDR');
    expect(issuer.seen.at(-1)?.body).toEqual({ client: 'mail', auth });
    issuer.answers.set('POST /v1/clients/mail/policy', [200, { ...mail, auth, ips: [] }]);
    const changed = await run(['client', 'set', 'mail', '--auth', 'tls_client_auth', '--auth', 'http_sig+ip']);
    expect(changed.stderr).toContain('macaroond client set mail --ip CIDR');
    expect(changed.stdout).toMatch(/addresses +none yet/);
    issuer.answers.set('POST /v1/clients/mail/policy', [200, { ...mail, auth, ips: ['10.0.0.0/8'] }]);
    expect((await run(['client', 'set', 'mail', '--ip', '10.0.0.0/8'])).stderr).not.toContain('CIDR');
  });

  it('prints the answer of the API with --json', async () => {
    issuer.answers.set('POST /v1/clients', [201, madeClient]);
    expect(JSON.parse((await run(['client', 'add', 'mail', '--json'])).stdout)).toEqual(madeClient);
  });

  it('writes a credential file that reaches the issuer by itself, and does not show the secret', async () => {
    issuer.answers.set('POST /v1/clients', [201, madeClient]);
    const { code, stdout, stderr } = await run(['client', 'add', 'mail', '--out', 'mail.json']);
    expect(code).toBe(0);
    expect(stdout + stderr).not.toContain('mcs_shown_once');
    const path = join(cwd, 'mail.json');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
      version: 1,
      issuer: issuer.url,
      ca: issuer.authority.certificate,
      ...made,
    });
    issuer.answers.set('POST /v1/tokens', [403, problem(403, 'grant_exceeded')]);
    const elsewhere = await cli(['mint', '--audience', 'invoice', '--credential', path], { cwd: '/' });
    expect(elsewhere.code).toBe(3);
    expect(issuer.seen.at(-1)?.authorization).toBe(`Basic ${Buffer.from('mail:mcs_shown_once').toString('base64')}`);
  });

  it.each(['client add mail', 'client rotate mail', 'credential add mail'])(
    'says that the secret is lost, and how to get another, when stdout takes nothing: %s',
    async (line) => {
      issuer.answers.set('POST /v1/clients', [201, madeClient]);
      issuer.answers.set('POST /v1/clients/mail/credentials', [201, made]);
      const stdoutFault = Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' });
      for (const flags of [[], ['--json']]) {
        const { code, stderr } = await cli([...line.split(' '), ...flags], { cwd, stdoutFault });
        expect(code).toBe(1);
        expect(stderr).toContain('secret of credential c9 was not written');
        expect(stderr).toContain('macaroond credential add mail');
        expect(stderr).toContain('macaroond credential retire mail c9');
        expect(stderr).not.toContain('mcs_shown_once');
      }
    },
  );

  it('asks for no client when the file is there already, and leaves none behind when refused', async () => {
    await writeFile(join(cwd, 'mail.json'), 'precious');
    expect((await run(['client', 'add', 'mail', '--out', 'mail.json'])).code).toBe(2);
    expect(issuer.seen.map(({ call }) => call)).not.toContain('POST /v1/clients');
    expect(await readFile(join(cwd, 'mail.json'), 'utf8')).toBe('precious');
    issuer.answers.set('POST /v1/clients', [409, problem(409, 'conflict')]);
    expect((await run(['client', 'add', 'mail', '--out', 'other.json'])).code).toBe(1);
    await expect(stat(join(cwd, 'other.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each(['invoice', '=a', 'invoice=', 'invoice=a,,b'])('calls --grant %s wrong use', async (grant) => {
    expect((await run(['client', 'add', 'mail', '--grant', grant])).code).toBe(2);
    expect(issuer.seen).toEqual([]);
  });
});

const key = { root_key_id: 'K', client: 'mail', generation: 2, state: 'active', created_at: '2026-11-21T22:21:00Z' };
const credential = {
  credential_id: 'c1',
  client: 'mail',
  auth_method: 'client_secret_basic',
  ips: [],
  state: 'retired',
  created_at: 't',
};
const invoice = { audience: 'invoice', generation: 3, created_at: '2026-11-21T22:21:00Z' };
const revoked = { seq: 1, revoked_at: '2026-11-21T22:21:00Z', expires_at: '2026-11-22T22:21:00Z' };
const before = '2026-11-21T00:00:00Z';

describe('calls', () => {
  it.each<[string, string, number, unknown, unknown?]>([
    ['client show mail', 'GET /v1/clients/mail', 200, mail],
    ['client disable mail', 'POST /v1/clients/mail/disable', 200, mail],
    ['client rotate mail', 'POST /v1/clients/mail/credentials', 201, made],
    ['credential add mail', 'POST /v1/clients/mail/credentials', 201, made, { auth_method: 'client_secret_basic' }],
    [
      'credential add mail http_sig --hmac --ip 10.0.0.0/8,::1',
      'POST /v1/clients/mail/credentials',
      201,
      { ...made, auth_method: 'http_sig', algorithm: 'hmac-sha256' },
      { auth_method: 'http_sig', algorithm: 'hmac-sha256', ips: ['10.0.0.0/8', '::1'] },
    ],
    [
      'credential add mail tls_client_auth --san dns:mail.example.com',
      'POST /v1/clients/mail/credentials',
      201,
      { client: 'mail', credential_id: 'c9', auth_method: 'tls_client_auth', binding: 'dns:mail.example.com' },
      { auth_method: 'tls_client_auth', san: 'dns:mail.example.com' },
    ],
    [
      'credential add mail tls_client_auth --subject CN=mail,O=Example',
      'POST /v1/clients/mail/credentials',
      201,
      { client: 'mail', credential_id: 'c9', auth_method: 'tls_client_auth', binding: 'dn:CN=mail,O=Example' },
      { auth_method: 'tls_client_auth', subject: 'CN=mail,O=Example' },
    ],
    [
      'client set mail --auth tls_client_auth --auth http_sig+ip --ip 10.0.0.0/8 --host mail.example.com',
      'POST /v1/clients/mail/policy',
      200,
      mail,
      { auth: [['tls_client_auth'], ['http_sig', 'ip']], ips: ['10.0.0.0/8'], hosts: ['mail.example.com'] },
    ],
    ['client set mail --ip any --host none', 'POST /v1/clients/mail/policy', 200, mail, { ips: [], hosts: [] }],
    [
      'grant add mail invoice --action a --bind ip --bind certificate',
      'PUT /v1/clients/mail/grants/invoice',
      200,
      mail.grants[0],
      { actions: ['a'], bind: ['ip', 'certificate'] },
    ],
    ['credential list mail', 'GET /v1/clients/mail/credentials', 200, { credentials: [credential] }],
    ['credential retire mail c1', 'POST /v1/credentials/c1/retire', 200, credential, { client: 'mail' }],
    ['credential retire c1', 'POST /v1/credentials/c1/retire', 200, credential, {}],
    ['audience add invoice', 'POST /v1/audiences', 201, invoice, { audience: 'invoice' }],
    ['audience list', 'GET /v1/audiences', 200, { audiences: [invoice] }],
    ['audience rotate invoice', 'POST /v1/audiences/invoice/rotate', 200, invoice, {}],
    ['audience rotate invoice --keep-previous', 'POST /v1/audiences/invoice/rotate', 200, invoice, { keep_previous: true }],
    [
      'grant add mail invoice --action a --action b,c --max-expires 1h --require method=GET',
      'PUT /v1/clients/mail/grants/invoice',
      200,
      mail.grants[0],
      { actions: ['a', 'b', 'c'], max_expires_in: 3600, required_caveats: ['method=GET'] },
    ],
    ['root-key list mail', 'GET /v1/clients/mail/root-keys', 200, { root_keys: [key] }],
    ['root-key rotate mail', 'POST /v1/clients/mail/root-keys', 201, key],
    ['root-key destroy mail K', 'POST /v1/clients/mail/root-keys/K/destroy', 200, key],
    [
      'revoke token T --reason lost',
      'POST /v1/revocations',
      201,
      { ...revoked, kind: 'token', token_id: 'T' },
      { kind: 'token', token_id: 'T', reason: 'lost' },
    ],
    [
      'revoke client mail',
      'POST /v1/revocations',
      201,
      { ...revoked, kind: 'client', client: 'mail', before },
      { kind: 'client', client: 'mail' },
    ],
    [
      `revoke client mail --before ${before}`,
      'POST /v1/revocations',
      201,
      { ...revoked, kind: 'client', client: 'mail', before },
      { kind: 'client', client: 'mail', before },
    ],
    [
      'revoke root-key K',
      'POST /v1/revocations',
      201,
      { ...revoked, kind: 'root_key', root_key_id: 'K' },
      { kind: 'root_key', root_key_id: 'K' },
    ],
    [
      'revoke audience invoice --generation 3',
      'POST /v1/revocations',
      201,
      { ...revoked, kind: 'audience_key', audience: 'invoice', generation: 3 },
      { kind: 'audience_key', audience: 'invoice', generation: 3 },
    ],
  ])('%s', async (line, call, status, answer, body) => {
    issuer.answers.set(call, [status, answer]);
    const plain = await run(line.split(' '));
    expect(plain).toMatchObject({ code: 0, stdout: expect.stringMatching(/\S/) });
    const json = await run([...line.split(' '), '--json']);
    expect(JSON.parse(json.stdout)).toEqual(answer);
    expect(issuer.seen.filter((one) => one.call === call)).toEqual(
      Array(2).fill({ call, authorization: `Macaroon ${adminMint.token}`, body }),
    );
  });

  it('grant add warns about a required caveat that it does not know', async () => {
    issuer.answers.set('PUT /v1/clients/mail/grants/invoice', [200, mail.grants[0]]);
    const argv = ['grant', 'add', 'mail', 'invoice', '--action', 'a', '--require', 'account 42', '--require', 'method GET'];
    const { code, stderr } = await run(argv);
    expect(code).toBe(0);
    expect(stderr.match(/warning: .*/g)).toEqual([expect.stringContaining('account')]);
  });

  it('grant remove', async () => {
    issuer.answers.set('DELETE /v1/clients/mail/grants/invoice', [204]);
    const { code, stdout } = await run(['grant', 'remove', 'mail', 'invoice', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ client: 'mail', audience: 'invoice', removed: true });
  });

  it('cannot leave its path by a name', async () => {
    expect((await run(['client', 'show', '../audit?x'])).code).toBe(1);
    expect(issuer.seen.at(-1)?.call).toBe('GET /v1/clients/..%2Faudit%3Fx');
  });

  it.each<[string, string | undefined, string, boolean]>([
    ['tells that more is revoked than was asked for', before, '2026-11-21T22:21:00Z', true],
    ['is silent when the issuer took the time as it was', before, before, false],
    ['is silent when no time was asked for', undefined, '2026-11-21T22:21:00Z', false],
  ])('revoke client %s', async (_, asked, answered, isNoted) => {
    const answer = { ...revoked, kind: 'client', client: 'mail', before: answered };
    issuer.answers.set('POST /v1/revocations', [201, answer]);
    const flags = asked === undefined ? [] : ['--before', asked];
    for (const json of [[], ['--json']]) {
      const { code, stderr } = await run(['revoke', 'client', 'mail', ...flags, ...json]);
      expect([code, stderr.includes(answered)]).toEqual([0, isNoted]);
    }
  });

  it('revoke --credential proves the client itself', async () => {
    issuer.answers.set('POST /v1/clients', [201, madeClient]);
    await run(['client', 'add', 'mail', '--out', 'mail.json']);
    issuer.seen.length = 0;
    issuer.answers.set('POST /v1/revocations', [201, { ...revoked, kind: 'token', token_id: 'T' }]);
    expect((await run(['revoke', 'token', 'T', '--credential', 'mail.json'])).code).toBe(0);
    expect(issuer.seen.map(({ call, authorization }) => [call, authorization?.split(' ')[0]])).toEqual([
      ['POST /v1/revocations', 'Basic'],
    ]);
  });

  it('audit list follows the pages up to the limit', async () => {
    const entry = (seq: number) => ({
      seq,
      at: '2026-11-21T22:21:00Z',
      event: 'token.minted',
      actor: 'mail',
      details: {},
      mac: 'm',
    });
    const filters = 'client=mail&since=2026-11-21T22%3A21%3A00Z';
    issuer.answers.set(`GET /v1/audit?${filters}&after=0&limit=3`, [
      200,
      { entries: [entry(1), entry(2)], cursor: 2, more: true },
    ]);
    issuer.answers.set(`GET /v1/audit?${filters}&after=2&limit=1`, [200, { entries: [entry(3)], cursor: 3, more: true }]);
    const argv = ['audit', 'list', '--client', 'mail', '--since', '2026-11-21T22:21:00Z', '--limit', '3'];
    const { stdout } = await run([...argv, '--json']);
    expect(JSON.parse(stdout)).toEqual({ entries: [entry(1), entry(2), entry(3)], cursor: 3, more: true });
    expect((await run(argv)).stdout.trim().split('\n')).toHaveLength(3);
  });

  it.each<[readonly string[], string, string]>([
    [['ca', 'revoke', 'ID'], `-${'4'.repeat(42)}`, 'POST /v1/ca/certificates/ID/revoke'],
    [['ca', 'revoke', '--json', 'ID'], `--${'4'.repeat(41)}`, 'POST /v1/ca/certificates/ID/revoke'],
    [['root-key', 'destroy', 'mail', 'ID', '--json'], `-${'4'.repeat(20)}A`, 'POST /v1/clients/mail/root-keys/ID/destroy'],
    [['revoke', 'root-key', '--reason=lost', 'ID'], `-${'4'.repeat(20)}A`, 'POST /v1/revocations'],
  ])('an id that begins with a dash is an id: %j', async (words, id, call) => {
    issuer.answers.set('GET /v1/ca', [200, 'CA']);
    await run(words.map((word) => (word === 'ID' ? id : word)));
    expect(issuer.seen.at(-1)?.call).toBe(call.replace('ID', id));
  });

  it('a long flag that there is not is no id', async () => {
    const { code, stderr } = await run(['ca', 'revoke', '--cert', `--${'c'.repeat(41)}`]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--cert')]);
  });

  it('takes the largest number that it names', async () => {
    issuer.answers.set('GET /v1/audit?after=9007199254740991&limit=1000', [200, { entries: [], cursor: 0, more: false }]);
    expect((await run(['audit', 'list', '--after', '9007199254740991'])).code).toBe(0);
    expect((await run(['audit', 'list', '--after', '9007199254740992'])).code).toBe(2);
  });

  it('audit list with a limit alone tells the newest entries, and says so when there is none', async () => {
    const entry = (seq: number) => ({ seq, at: '2026-11-21T22:21:00Z', event: 'e', actor: 'mail', details: {}, mac: 'm' });
    issuer.answers.set('GET /v1/audit?after=0&limit=1', [200, { entries: [entry(1)], cursor: 1, more: true }]);
    issuer.answers.set('GET /v1/audit?after=1&limit=1', [200, { entries: [entry(2)], cursor: 2, more: false }]);
    const { stdout } = await run(['audit', 'list', '--limit', '1', '--json']);
    expect(JSON.parse(stdout)).toEqual({ entries: [entry(2)], cursor: 2, more: false });
    expect((await run(['audit', 'list', '--limit', '1', '--after', '0'])).stdout).toMatch(/^1 /);
    issuer.answers.set('GET /v1/audit?event=x&after=0&limit=1000', [200, { entries: [], cursor: 0, more: false }]);
    const none = await run(['audit', 'list', '--event', 'x']);
    expect(none).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('no such entry') });
    expect((await run(['audit', 'list', '--limit', '0'])).code).toBe(2);
  });

  it.each<[number, string, number]>([
    [400, 'invalid_request', 2],
    [401, 'invalid_token', 3],
    [403, 'forbidden', 3],
    [404, 'not_found', 1],
    [409, 'conflict', 1],
    [429, 'rate_limited', 1],
    [500, 'internal_error', 1],
    [503, 'unavailable', 4],
  ])('ends after %i %s with %i, and tells what the issuer told', async (status, code, exitCode) => {
    issuer.answers.set('GET /v1/clients', [status, problem(status, code)]);
    const { code: ended, stdout, stderr } = await run(['client', 'list', '--json']);
    expect([ended, stdout]).toEqual([exitCode, '']);
    expect(JSON.parse(stderr).error).toMatchObject({
      code: 'ERR_ISSUER_REFUSED',
      problem: code,
      status,
      message: 'told by the issuer',
    });
  });

  it('ends with 2 when a file that was named is not there, and says so', async () => {
    const named: readonly (readonly [readonly string[], NodeJS.ProcessEnv])[] = [
      [['mint', '--audience', 'invoice', '--credential', 'none.json'], {}],
      [['inspect', '--token-file', 'none.token'], {}],
      [['client', 'list'], { MACAROOND_CA_FILE: 'none.crt' }],
    ];
    for (const [argv, env] of named) {
      const { code, stderr } = await run(argv, env);
      expect(code).toBe(2);
      expect(stderr).toMatch(/none\.\w+ cannot be read \(ENOENT: no such file\)/);
    }
  });

  it('says why a file cannot be read', async () => {
    const { code, stderr } = await run(['inspect', '--token-file', '.']);
    expect(code).toBe(2);
    expect(stderr).toContain('EISDIR: it is a directory');
    expect((await run(['mint', '--audience', 'a', '--credential', '/dev/null/x'])).stderr).toContain('ENOTDIR');
  });

  it('ends with 4 when what answers is no issuer', async () => {
    issuer.answers.set('GET /v1/clients', [302]);
    expect((await run(['client', 'list'])).code).toBe(4);
    issuer.answers.set('GET /v1/clients', [404, {}]);
    const { code, stderr } = await run(['client', 'list'], { MACAROOND_URL: issuer.url });
    expect(code).toBe(4);
    expect(stderr).toMatch(/hint: .*MACAROOND_URL/);
  });

  it.each<[string, (url: URL) => NodeJS.ProcessEnv, string | undefined, RegExp]>([
    ['another key than the pinned one', () => ({}), Buffer.alloc(32, 7).toString('base64'), /pin_sha256/],
    [
      'another host name',
      (url) => ({ MACAROOND_URL: `https://127.0.0.1:${url.port}` }),
      undefined,
      /host name of the certificate/,
    ],
    ['http to a TLS port', (url) => ({ MACAROOND_URL: `http://localhost:${url.port}` }), undefined, /scheme.*port/],
    ['nobody', () => ({ MACAROOND_URL: 'https://localhost:1' }), undefined, /macaroond serve/],
  ])('hints how to mend %s, with 4', async (_, envOf, pin, hint) => {
    if (pin !== undefined) {
      await writeFile(join(cwd, 'data', 'endpoint.json'), JSON.stringify({ url: issuer.url, pin_sha256: pin }));
    }
    const { code, stderr } = await run(['client', 'list'], envOf(new URL(issuer.url)));
    expect(code).toBe(4);
    expect(stderr.split('hint: ')[1]).toMatch(hint);
  });

  it('hints at the path in MACAROOND_URL when nothing is found there', async () => {
    const { code, stderr } = await run(['client', 'list'], { MACAROOND_URL: `${issuer.url}/v1` });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/hint: MACAROOND_URL ends in the path \/v1/);
  });

  it('ends with 4 when an answer is not what it should be', async () => {
    issuer.answers.set('GET /v1/clients', [200, []]);
    const { code, stderr } = await run(['client', 'list', '--json']);
    expect(code).toBe(4);
    expect(JSON.parse(stderr).error.code).toBe('ERR_ISSUER_ANSWER');
  });

  it('ends with 4 when nobody listens, or somebody else', async () => {
    expect((await run(['client', 'list'], { MACAROOND_URL: 'https://localhost:1' })).code).toBe(4);
    const other = await startFakeIssuer();
    expect((await run(['client', 'list'], { MACAROOND_URL: other.url })).code).toBe(4);
    expect(other.seen).toEqual([]);
    await other.close();
  });
});
