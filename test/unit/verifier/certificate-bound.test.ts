/** `cnf x5t#S256` behind both middlewares: what counts is the certificate of the handshake, or what a listed proxy says. */
import { createHash, X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireMacaroon as requireInHono } from '../../../src/verifier/hono.js';
import { createVerifier, staticKeys } from '../../../src/verifier/index.js';
import { requireMacaroon } from '../../../src/verifier/node.js';
import { type KeyPair, selfSigned } from '../transport/certificates.js';
import { audience, nowMs, staticKey, tokenOf } from './samples.js';

let server: KeyPair;
let mail: KeyPair;
let other: KeyPair;
const servers: Server[] = [];

beforeAll(async () => {
  [server, mail, other] = await Promise.all([selfSigned('DNS:localhost'), selfSigned('DNS:mail'), selfSigned('DNS:other')]);
});

afterAll(async () => {
  for (const one of servers) {
    one.closeAllConnections();
    await new Promise((resolve) => one.close(resolve));
  }
});

const derOf = (pair: KeyPair): Uint8Array => new X509Certificate(pair.certificate).raw;
const tokenFor = (pair: KeyPair): string =>
  tokenOf({ conditions: [`cnf x5t#S256:${createHash('sha256').update(derOf(pair)).digest('base64url')}`] });
const verifier = createVerifier({ audience, keys: staticKeys([staticKey]), clock: () => nowMs });

type Options = { readonly trustedProxies?: readonly string[]; readonly certificate?: () => Uint8Array | undefined };

async function serve(framework: string, options: Options = {}): Promise<number> {
  const guard = requireMacaroon(verifier, { action: 'invoices:read', ...options });
  const app = new Hono().get('*', requireInHono(verifier, { action: 'invoices:read', ...options }), (c) => c.text('hello'));
  const listeners = {
    'node:http': (request: never, response: never) =>
      void guard(request, response, () => void (response as { end(): void }).end()),
    Hono: getRequestListener(app.fetch),
  };
  const { certificate: cert, key } = server;
  const listener = framework === 'Hono' ? listeners.Hono : listeners['node:http'];
  const made = createServer({ cert, key, requestCert: true, rejectUnauthorized: false }, listener as never);
  servers.push(made.listen(0, '127.0.0.1'));
  await new Promise((resolve) => made.once('listening', resolve));
  return (made.address() as AddressInfo).port;
}

/** The status of one request, and the session to resume it with. */
async function get(port: number, token: string, options: ConnectionOptions = {}, headers: readonly string[] = []) {
  const socket: TLSSocket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: server.certificate, ...options });
  let session: Buffer | undefined;
  socket.on('session', (one: Buffer) => {
    session = one;
  });
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  const isResumed = socket.isSessionReused();
  const lines = [
    'GET /invoices HTTP/1.1',
    'Host: localhost',
    `Authorization: Macaroon ${token}`,
    ...headers,
    'Connection: close',
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  let text = '';
  for await (const chunk of socket.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
  return { status: Number(text.split(' ')[1]), session, isResumed };
}

const shown = ({ certificate: cert, key }: KeyPair): ConnectionOptions => ({ cert, key });

describe.each(['node:http', 'Hono'])('a token that is bound to a certificate, behind requireMacaroon for %s', (framework) => {
  it('is for who shows it in the handshake', async () => {
    const port = await serve(framework);
    expect((await get(port, tokenFor(mail), shown(mail))).status).toBe(200);
    expect((await get(port, tokenFor(mail), shown(other))).status).toBe(403);
    expect((await get(port, tokenFor(mail))).status).toBe(403);
  });

  it('is not for who resumes a session that had none', async () => {
    const port = await serve(framework);
    const first = await get(port, tokenOf());
    const { session } = first;
    if (session === undefined) throw new Error('there is no session to resume');
    const resumed = await get(port, tokenFor(mail), { session });
    expect([first.status, resumed.isResumed, resumed.status]).toEqual([200, true, 403]);
  });

  it('is for what a listed proxy says, and for nothing else that it shows itself', async () => {
    const header = (pair: KeyPair) => [`Client-Cert: :${Buffer.from(derOf(pair)).toString('base64')}:`];
    const proxied = await serve(framework, { trustedProxies: ['127.0.0.1'] });
    expect((await get(proxied, tokenFor(mail), shown(other), header(mail))).status).toBe(200);
    expect((await get(proxied, tokenFor(other), shown(other), header(mail))).status).toBe(403);
    expect((await get(proxied, tokenFor(other), shown(other))).status).toBe(403);
    expect((await get(proxied, tokenFor(mail), {}, [...header(mail), ...header(mail)])).status).toBe(403);
    expect((await get(proxied, tokenFor(mail), {}, ['Client-Cert: x'])).status).toBe(403);
    const direct = await serve(framework);
    expect((await get(direct, tokenFor(mail), {}, header(mail))).status).toBe(403);
    expect((await get(direct, tokenFor(mail), shown(other), header(mail))).status).toBe(403);
  });

  it('is for what the service says where it knows better than the socket', async () => {
    const port = await serve(framework, { certificate: () => derOf(mail) });
    expect((await get(port, tokenFor(mail))).status).toBe(200);
    expect((await get(port, tokenFor(other), shown(other))).status).toBe(403);
  });
});
