/** Sealed requests against a real issuer: its own API, services that hold keys, services that ask it, and the command line. */
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  attenuate,
  InterferenceError,
  issuerClient,
  loadCredential,
  type SealedFetch,
  sealedFetch,
} from '../../src/client/index.js';
import { createVerifier, issuerKeys, remoteVerification, type Verifier } from '../../src/verifier/index.js';
import { requireMacaroon } from '../../src/verifier/node.js';
import { manInTheMiddle, withHeader } from '../support/man-in-the-middle.js';
import { type ServerAtHand, serverAtHand } from '../support/server-at-hand.js';
import { cli } from '../unit/cli/cli-harness.js';

let issuer: ServerAtHand;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  issuer = await serverAtHand();
  await addClient('invoice-server', { verifier_of: ['invoice'] });
  await addClient('mail', { grants: [{ audience: 'invoice', actions: ['invoices:read', 'invoices:write'] }] });
});

afterAll(async () => {
  for (const close of closing.reverse()) await close();
  await issuer.close();
});

const fileOf = (client: string): string => join(issuer.directory, `${client}.json`);

async function addClient(client: string, more: object): Promise<void> {
  const { issuer: useCases, store } = issuer;
  if ((await store.read.audience('invoice')) === undefined) await useCases.createAudience(issuer.admin(), 'invoice');
  const { credentials } = await useCases.createClient(issuer.admin(), { client, ...more });
  const [made] = credentials;
  const members = { version: 1, issuer: issuer.url, ca: await caOf(), ...made };
  writeFileSync(fileOf(client), JSON.stringify(members), { mode: 0o600 });
}

async function caOf(): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  return readFile(issuer.caFile, 'utf8');
}

async function mint(client: string, options: Parameters<ReturnType<typeof issuerClient>['mint']>[0]): Promise<string> {
  const mail = issuerClient(await loadCredential(fileOf(client)));
  try {
    return (await mail.mint(options)).token;
  } finally {
    await mail.close();
  }
}

interface Service {
  readonly origin: string;
  readonly handled: string[];
}

/** A service on plain HTTP that answers what it was sent. */
async function serviceWith(verifierAt: (origin: string) => Promise<Verifier>, origin?: string): Promise<Service> {
  const handled: string[] = [];
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const verifier = await verifierAt(origin ?? own);
  const guard = requireMacaroon(verifier, { action: 'invoices:write' });
  server.on('request', async (request, response) => {
    if ((await guard(request, response)) === undefined) return;
    let text = '';
    for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
    handled.push(`${request.method} ${request.url} ${text}`);
    response.setHeader('content-type', 'text/plain');
    response.end(`got ${text}`);
  });
  closing.push(async () => {
    await verifier.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { origin: own, handled };
}

/** Was there from the start, as the file of a new installation. */
function knowingStore() {
  const used = new Set<string>();
  return {
    bornAtMs: 0,
    claim: (scope: string, nonce: string) => !used.has(scope + nonce) && used.add(scope + nonce).has(scope + nonce),
    close: () => undefined,
  };
}

const verifiers: readonly [string, (origin: string) => Promise<Verifier>][] = [
  [
    'holds keys',
    async (origin) =>
      createVerifier({
        audience: 'invoice',
        keys: issuerKeys(await loadCredential(fileOf('invoice-server'))),
        origins: [origin],
        replayStore: knowingStore(),
      }),
  ],
  [
    'asks the issuer',
    async (origin) =>
      createVerifier({
        audience: 'invoice',
        keys: remoteVerification(await loadCredential(fileOf('invoice-server'))),
        origins: [origin],
      }),
  ],
];

function fetchWith(token: string, options: Parameters<typeof sealedFetch>[1] = {}): SealedFetch {
  const fetch = sealedFetch(token, options);
  closing.push(() => fetch.close());
  return fetch;
}

const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"sum":42}' };

describe.each(verifiers)('a service that %s', (_, verifierAt) => {
  it('carries a sealed request out once, whoever brings it', async () => {
    const man = await manInTheMiddle();
    closing.push(() => man.close());
    const { origin, handled } = await serviceWith(verifierAt, man.origin);
    man.serverPort = Number(new URL(origin).port);
    const token = attenuate(await mint('mail', { audience: 'invoice' }), { expiresIn: '5m', conditions: ['request-required'] });
    const fetch = fetchWith(token);
    const answer = await fetch(`${man.origin}/invoices?a=1`, post);
    expect([answer.status, await answer.text(), answer.outcome]).toEqual([200, 'got {"sum":42}', 'known']);

    man.interfere = async (request, forward) => {
      await forward(request);
      return forward(request);
    };
    const second = await fetch(`${man.origin}/invoices?a=2`, post);
    expect([second.status, await second.json(), second.outcome]).toMatchObject([401, { code: 'request_repeated' }, 'unknown']);

    man.interfere = (request, forward) => forward({ ...request, body: Buffer.from('{"sum":43}') });
    const third = await fetch(`${man.origin}/invoices?a=3`, post);
    expect([third.status, await third.json()]).toMatchObject([403, { code: 'caveat_denied' }]);

    man.interfere = (request, forward) => forward({ ...request, headers: [...request.headers, 'x-http-method', 'PUT'] });
    expect((await fetch(`${man.origin}/invoices?a=4`, post)).status).toBe(403);

    man.interfere = (request, forward) =>
      forward({ ...request, headers: withHeader(request.headers, 'authorization', `Bearer ${token}`) });
    await expect(fetch(`${man.origin}/invoices?a=5`, post)).rejects.toBeInstanceOf(InterferenceError);
    expect(handled).toEqual(['POST /invoices?a=1 {"sum":42}', 'POST /invoices?a=2 {"sum":42}']);
  });

  it('takes nothing that was meant for another origin, or without a seal where one is required', async () => {
    const { origin, handled } = await serviceWith(verifierAt, 'https://invoice.example');
    const token = await mint('mail', { audience: 'invoice', caveats: ['request-required'] });
    expect((await fetchWith(token)(`${origin}/invoices`, post)).status).toBe(403);
    const plain = await fetch(`${origin}/invoices`, { ...post, headers: { authorization: `Macaroon ${token}` } });
    expect([plain.status, await plain.json()]).toMatchObject([403, { code: 'caveat_denied' }]);
    expect(plain.headers.get('signature')).toBeNull();
    expect(handled).toEqual([]);
  });
});

describe('the issuer', () => {
  const trust = () => ({ caFile: issuer.caFile });

  it('takes sealed requests of administrators, and signs the answers, errors too', async () => {
    const { credential_id } = await issuer.issuer
      .addCredential(issuer.admin(), 'admin', { auth_method: 'client_secret_basic' })
      .then((made) => {
        writeFileSync(fileOf('admin'), JSON.stringify({ version: 1, issuer: issuer.url, ...made }), { mode: 0o600 });
        return made;
      });
    expect(credential_id).toBeTruthy();
    const admin = issuerClient(await loadCredential(fileOf('admin'), { caFile: issuer.caFile }));
    const { token } = await admin.mint({ audience: 'macaroond', caveats: ['request-required'] });
    await admin.close();
    const fetch = fetchWith(token, trust());
    const clients = await fetch(`${issuer.url}/v1/clients`);
    expect([clients.status, JSON.stringify(await clients.json())]).toEqual([200, expect.stringContaining('"mail"')]);
    const made = await fetch(`${issuer.url}/v1/audiences`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"audience":"billing"}',
    });
    expect([made.status, made.outcome]).toEqual([201, 'known']);
    expect((await fetch(`${issuer.url}/v1/clients/nobody`)).status).toBe(404);
    expect((await fetch(`${issuer.url}/v1/clients/mail/disable`, { ...post, body: '{' })).status).toBe(400);
    const narrowed = fetchWith(attenuate(token, { actions: ['audit:read'] }), trust());
    expect((await narrowed(`${issuer.url}/v1/clients`)).status).toBe(403);
  });
});

describe('macaroond request', () => {
  it('mints, seals, sends and shows the answer', async () => {
    const [, verifierAt] = verifiers[0] ?? [];
    if (verifierAt === undefined) throw new Error('there is no verifier');
    const { origin, handled } = await serviceWith(verifierAt);
    const clock = Date.now;
    const args = [
      'request',
      'POST',
      `${origin}/invoices`,
      '--data',
      '{"sum":1}',
      '--credential',
      fileOf('mail'),
      '--audience',
      'invoice',
    ];
    expect(await cli(args, { clock })).toEqual({ code: 0, stdout: 'got {"sum":1}', stderr: '200, proved by the service\n' });
    const shown = await cli([...args, '--json'], { clock });
    expect(JSON.parse(shown.stdout)).toMatchObject({ status: 200, outcome: 'known', body: 'got {"sum":1}' });
    const included = await cli([...args, '--include', '--header', 'X-A: b'], { clock });
    expect(included.stdout).toMatch(/^HTTP\/1\.1 200\n(.+\n)*content-type: text\/plain\n(.+\n)*\ngot \{"sum":1\}$/);
    const token = await mint('mail', { audience: 'invoice', actions: ['invoices:read'] });
    const denied = await cli(['request', 'DELETE', `${origin}/invoices/7`], { clock, env: { MACAROOND_TOKEN: token } });
    expect([denied.code, JSON.parse(denied.stdout), denied.stderr]).toMatchObject([
      3,
      { code: 'insufficient_scope' },
      expect.stringContaining('speaks for one copy'),
    ]);
    expect(handled).toHaveLength(3);
  });

  it('tells what does not prove itself, and what is not there', async () => {
    const man = await manInTheMiddle();
    closing.push(() => man.close());
    man.interfere = async () => ({ status: 200, headers: ['content-type', 'text/plain'], body: Buffer.from('hello') });
    const token = await mint('mail', { audience: 'invoice' });
    const surroundings = { clock: Date.now, env: { MACAROOND_TOKEN: token } };
    const lied = await cli(['request', 'GET', `${man.origin}/`], surroundings);
    expect([lied.code, lied.stdout, lied.stderr]).toEqual([4, '', expect.stringContaining('does not prove itself')]);
    const gone = await cli(['request', 'GET', 'http://127.0.0.1:1/'], surroundings);
    expect([gone.code, gone.stderr]).toEqual([4, expect.stringContaining('the service could not be reached')]);
  });

  it('proves itself to the issuer by a credential alone', async () => {
    const answer = await cli(
      ['request', 'POST', `${issuer.url}/v1/tokens`, '--data', '{"audience":"invoice"}', '--credential', fileOf('mail')],
      { clock: Date.now },
    );
    expect([answer.code, JSON.parse(answer.stdout)]).toMatchObject([0, { client: 'mail', audience: 'invoice' }]);
  });

  it.each([
    [['request', 'GET', 'nowhere']],
    [['request', 'GET', 'http://127.0.0.1:1/', '--action', 'a']],
    [['request', 'GET', 'http://127.0.0.1:1/', '--header', 'nothing']],
    [['request', 'POST', 'http://127.0.0.1:1/', '--data', '@/nonexistent/file']],
    [['request', 'GET', 'http://127.0.0.1:1/']],
  ])('is wrong use: %j', async (args) => {
    expect((await cli(args)).code).toBe(2);
  });
});
