import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { getRequestListener, serve } from '@hono/node-server';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { requireMacaroon } from '../../../src/verifier/hono.js';
import { createVerifier, staticKeys } from '../../../src/verifier/index.js';
import { audience, forgedKey, nowMs, staticKey, tokenOf } from './samples.js';

const verifier = createVerifier({ audience, keys: staticKeys([staticKey]), clock: () => nowMs });
const token = tokenOf();

const app = new Hono()
  .get('/invoices/:id', requireMacaroon(verifier, { action: 'invoices:read' }), (c) => c.text(c.get('macaroon').client))
  .get('/by/:action', requireMacaroon(verifier, { action: (c) => c.req.param('action') ?? '' }), (c) =>
    c.text(c.get('macaroon').tokenId),
  )
  .get('/from', requireMacaroon(verifier, { action: 'invoices:read', address: () => '192.0.2.1' }), (c) => c.text('here'));

function get(path: string, text = token, scheme = 'Macaroon') {
  return app.request(path, { headers: { authorization: `${scheme} ${text}` } });
}

describe('requireMacaroon for Hono', () => {
  it('lets a request pass, with the verified token for the handler', async () => {
    const response = await get('/invoices/1?x=1');
    expect([response.status, await response.text()]).toEqual([200, 'mail']);
  });

  it('answers with a problem and a challenge', async () => {
    const response = await get('/invoices/1', tokenOf({ key: forgedKey }));
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Macaroon realm="invoice", error="invalid_token"');
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toEqual({
      type: 'urn:macaroond:problem:invalid_token',
      title: 'The token is not valid',
      status: 401,
      code: 'invalid_token',
    });
  });

  it('takes the action from the request', async () => {
    expect((await get('/by/invoices:list')).status).toBe(200);
    expect((await get('/by/invoices:delete')).status).toBe(403);
    expect((await get('/by/invoices:*')).status).toBe(500);
  });

  it('tells method and path, and an address only when it has one', async () => {
    expect((await get('/invoices/1', tokenOf({ conditions: ['method GET', 'path /invoices'] }))).status).toBe(200);
    expect((await get('/invoices/1', tokenOf({ conditions: ['path /other'] }))).status).toBe(403);
    const fromThere = tokenOf({ conditions: ['ip 192.0.2.1'] });
    const response = await get('/invoices/1', fromThere);
    expect([response.status, await response.json()]).toMatchObject([403, { code: 'caveat_denied', caveat_index: 0 }]);
    expect((await get('/from', fromThere)).status).toBe(200);
  });

  it('refuses two headers that were joined, and too many', async () => {
    const headers = new Headers([
      ['authorization', `Macaroon ${token}`],
      ['authorization', `Macaroon ${token}`],
    ]);
    expect((await app.request('/invoices/1', { headers })).status).toBe(400);
    const many = new Headers(Array.from({ length: 64 }, (_, i): [string, string] => [`x-${i}`, '1']));
    many.set('authorization', `Macaroon ${token}`);
    expect((await app.request('/invoices/1', { headers: many })).status).toBe(400);
  });

  it('does not run the handler of a refused request', async () => {
    let runs = 0;
    const counting = new Hono().get('/', requireMacaroon(verifier, { action: 'invoices:read' }), (c) => {
      runs++;
      return c.text('');
    });
    expect((await counting.request('/')).status).toBe(401);
    expect(runs).toBe(0);
  });
});

describe('requireMacaroon for Hono below a mount', () => {
  it('tells the path that came over the wire, not what the outer router left of it', async () => {
    const inner = getRequestListener(
      new Hono().all('/invoices/*', requireMacaroon(verifier, { action: 'invoices:read' }), (c) => c.text('passed')).fetch,
    );
    // What Express does to a request for `app.use('/internal', listener)`.
    const server = createServer((request, response) => {
      const originalUrl = request.url ?? '';
      Object.assign(request, { originalUrl, url: originalUrl.replace('/internal', '') });
      void inner(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const statusFor = async (condition: string) => {
        const headers = { authorization: `Macaroon ${tokenOf({ conditions: [condition] })}` };
        return (await fetch(`http://127.0.0.1:${port}/internal/invoices/1`, { headers })).status;
      };
      expect(await statusFor('path /invoices')).toBe(403);
      expect(await statusFor('path /internal/invoices')).toBe(200);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe('requireMacaroon for Hono on a socket', () => {
  async function statusOf(requestLine: string, ...headers: readonly string[]): Promise<number> {
    const server = await new Promise<ReturnType<typeof serve>>((resolve) => {
      const started = serve({ fetch: all.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(started));
    });
    try {
      const address = server.address();
      if (typeof address !== 'object' || address === null) throw new Error('no port');
      const socket = connect(address.port, '127.0.0.1');
      socket.end(`${[requestLine, ...headers, 'Connection: close'].join('\r\n')}\r\n\r\n`);
      let text = '';
      for await (const chunk of socket.setEncoding('utf8')) text += chunk;
      return Number(text.split(' ')[1]);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  }

  const all = new Hono().all('*', requireMacaroon(verifier, { action: 'invoices:read' }), (c) => c.text('passed'));
  const host = 'Host: localhost';
  const authorization = `Authorization: Macaroon ${tokenOf({ conditions: ['ip 127.0.0.1', 'path /invoices'] })}`;

  it.each<[number, string, string, readonly string[]]>([
    [200, 'a plain request', '/invoices/1?a=b', [host, authorization]],
    [403, 'a path that goes up into what the caveat allows', '/x/../invoices/1', [host, authorization]],
    [403, 'a path that goes up in disguise', '/x/%2e%2e/invoices/1', [host, authorization]],
    [400, 'an absolute target', 'http://localhost/invoices/1', [host, authorization]],
    [400, 'a repeated Authorization header', '/invoices/1', [host, authorization, authorization]],
    [400, '65 headers', '/invoices/1', [host, authorization, ...Array.from({ length: 62 }, (_, i) => `X-${i}: 1`)]],
    [200, 'an address that it claims to forward', '/invoices/1', [host, authorization, 'X-Forwarded-For: 192.0.2.9']],
  ])('answers %d to %s', async (status, _, target, headers) => {
    expect(await statusOf(`GET ${target} HTTP/1.1`, ...headers)).toBe(status);
  });

  it('answers 400 to a repeated Host header', async () => {
    expect(await statusOf('GET /invoices/1 HTTP/1.1', host, 'Host: evil.example', authorization)).toBe(400);
  });
});
