import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { MacaroonError } from '../../../src/core/index.js';
import { createVerifier, type KeySource, type RefusalCause, staticKeys, type Verifier } from '../../../src/verifier/index.js';
import { type MacaroonRequest, type RequireMacaroonOptions, requireMacaroon } from '../../../src/verifier/node.js';
import { audience, audienceKey, forgedKey, nowMs, staticKey, tokenOf } from './samples.js';

const token = tokenOf();
const servers: Server[] = [];
const refused: RefusalCause[] = [];

afterEach(async () => {
  refused.length = 0;
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

function verifierWith(keys: KeySource = staticKeys([staticKey])) {
  return createVerifier({ audience, keys, clock: () => nowMs });
}

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

/** A server that answers with the client's name and the action, behind the middleware. */
function serve(options: Partial<RequireMacaroonOptions<MacaroonRequest>> = {}, keys?: KeySource): Promise<number> {
  const guard = requireMacaroon(verifierWith(keys), {
    action: 'invoices:read',
    onRefused: (cause) => refused.push(cause),
    ...options,
  });
  return listen(async (request, response) => {
    const macaroon = await guard(request, response);
    if (macaroon !== undefined) response.end(`hello ${macaroon.client}`);
  });
}

interface Answer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** Sends exactly these lines over a socket of its own, and reads until the server closes. */
async function send(port: number, requestLine: string, ...headers: readonly string[]): Promise<Answer> {
  const socket = connect(port, '127.0.0.1');
  socket.end(`${[requestLine, ...headers, 'Connection: close'].join('\r\n')}\r\n\r\n`);
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) text += chunk;
  const [head = '', body = ''] = text.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), headers: head.toLowerCase(), body };
}

const host = 'Host: localhost';
const authorization = `Authorization: Macaroon ${token}`;

describe('requireMacaroon for node:http', () => {
  it('lets a request pass with the verified token', async () => {
    const answer = await send(await serve(), 'GET /invoices/1?x=%2F HTTP/1.1', host, authorization);
    expect([answer.status, answer.body]).toEqual([200, 'hello mail']);
  });

  it('tells method, path and address as they came', async () => {
    const port = await serve();
    const conditions = ['method GET', 'path /invoices', 'ip 127.0.0.1'];
    const value = `Authorization: Bearer ${tokenOf({ conditions })}`;
    expect((await send(port, 'GET /invoices/1?a=/../b HTTP/1.1', host, value)).status).toBe(200);
    expect((await send(port, 'GET /invoicesX HTTP/1.1', host, value)).status).toBe(403);
    const post = await send(port, 'POST /invoices HTTP/1.1', host, value, 'Content-Length: 0');
    expect([post.status, JSON.parse(post.body)]).toMatchObject([403, { code: 'caveat_denied', status: 403, caveat_index: 0 }]);
  });

  it('answers a request without token with a challenge and no error', async () => {
    const answer = await send(await serve(), 'GET / HTTP/1.1', host);
    expect(answer.status).toBe(401);
    expect(answer.headers).toContain('content-type: application/problem+json');
    expect(answer.headers).toContain('www-authenticate: macaroon realm="invoice"\r\n');
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'invalid_token', status: 401 });
  });

  it('tells nothing of a token that is no good but that it is none, and everything to onRefused', async () => {
    const port = await serve();
    const answers = [tokenOf({ key: forgedKey }), tokenOf({ generation: 2 }), tokenOf({ expiresAtMs: 1 }), 'mcr_x'].map((text) =>
      send(port, 'GET / HTTP/1.1', host, `Authorization: Macaroon ${text}`),
    );
    const bodies = new Set((await Promise.all(answers)).map(({ status, body }) => `${status} ${body}`));
    expect([...bodies]).toHaveLength(1);
    expect([...bodies][0]).toMatch(/^401 .*"invalid_token"/);
    const codes = refused.map((cause) => (cause.kind === 'denial' ? cause.denial.code : cause.kind));
    expect(codes.sort()).toEqual(['ERR_FORMAT_CHECKSUM', 'ERR_KEY_UNKNOWN', 'ERR_SIGNATURE_MISMATCH', 'ERR_TOKEN_EXPIRED']);
  });

  it('answers 403 for an action that was not granted, by the action of the request', async () => {
    const port = await serve({ action: (request) => (request.method === 'DELETE' ? 'invoices:delete' : 'invoices:read') });
    expect((await send(port, 'GET / HTTP/1.1', host, authorization)).status).toBe(200);
    const answer = await send(port, 'DELETE / HTTP/1.1', host, authorization);
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([403, { code: 'insufficient_scope' }]);
    expect(answer.headers).toContain('error="insufficient_scope"');
  });

  it.each<[string, string, readonly string[]]>([
    ['a repeated Authorization header', 'GET / HTTP/1.1', [host, authorization, authorization]],
    ['another scheme beside it', 'GET / HTTP/1.1', [host, authorization, 'Authorization: Basic eDp5']],
    ['two tokens joined by a comma', 'GET / HTTP/1.1', [host, `${authorization}, Macaroon ${token}`]],
    ['a token after two spaces', 'GET / HTTP/1.1', [host, `Authorization: Macaroon  ${token}`]],
    ['a repeated Host header', 'GET / HTTP/1.1', [host, 'Host: evil.example', authorization]],
    ['65 headers', 'GET / HTTP/1.1', [host, authorization, ...Array.from({ length: 62 }, (_, i) => `X-${i}: 1`)]],
    ['1,100 headers', 'GET / HTTP/1.1', [host, ...Array.from({ length: 1100 }, (_, i) => `X-${i}: 1`), authorization]],
    ['an absolute target', 'GET http://evil.example/invoices HTTP/1.1', [host, authorization]],
    ['a Bearer token that is bound', 'GET / HTTP/1.1', [host, `Authorization: Bearer ${tokenOf({ conditions: ['cnf jkt:A'] })}`]],
  ])('refuses %s with 400', async (_, requestLine, headers) => {
    const answer = await send(await serve(), requestLine, ...headers);
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([400, { code: 'invalid_request' }]);
    expect(refused).toMatchObject([{ kind: 'request' }]);
  });

  it('takes 64 headers', async () => {
    const fillers = Array.from({ length: 61 }, (_, i) => `X-${i}: 1`);
    expect((await send(await serve(), 'GET / HTTP/1.1', host, authorization, ...fillers)).status).toBe(200);
  });

  it.each(['/a/../b', '/./b', '//b', '/a/%2e%2e/b', '/a%2Fb', '/a;/..;x/b', '/%61', '/%c3%a9', '/a\\b', '/a#b'])(
    'denies the path %s, though the token asks for none',
    async (path) => {
      const answer = await send(await serve(), `GET ${path} HTTP/1.1`, host, authorization);
      expect([answer.status, JSON.parse(answer.body)]).toMatchObject([403, { code: 'caveat_denied' }]);
      expect(refused).toMatchObject([{ denial: { code: 'ERR_REQUEST_PATH' } }]);
    },
  );

  it('takes the address from the socket, and from listed proxies alone', async () => {
    const value = `Authorization: Macaroon ${tokenOf({ conditions: ['ip 192.0.2.1'] })}`;
    const forwarded = 'X-Forwarded-For: 192.0.2.1';
    const direct = await serve();
    expect((await send(direct, 'GET / HTTP/1.1', host, value, forwarded)).status).toBe(403);
    const behind = await serve({ trustedProxies: ['127.0.0.1'] });
    expect((await send(behind, 'GET / HTTP/1.1', host, value, forwarded)).status).toBe(200);
    expect((await send(behind, 'GET / HTTP/1.1', host, value, forwarded, 'X-Forwarded-For: 198.51.100.7')).status).toBe(403);
    expect((await send(behind, 'GET / HTTP/1.1', host, value, 'X-Forwarded-For: 192.0.2.1, junk')).status).toBe(403);
    const asked = await serve({ address: () => '::ffff:192.0.2.1' });
    expect((await send(asked, 'GET / HTTP/1.1', host, value)).status).toBe(200);
  });

  it('answers 503 for machinery, and a constant 500 for anything else', async () => {
    for (const [error, status, code] of [
      [new MacaroonError('ERR_SOURCE_STALE', 'secret details'), 503, 'unavailable'],
      [new MacaroonError('ERR_STORE_UNAVAILABLE', 'secret details'), 503, 'unavailable'],
      [new MacaroonError('ERR_ISSUER_REFUSED', 'secret details', { problem: 'invalid_client' }), 503, 'unavailable'],
      [new MacaroonError('ERR_ARGUMENT', 'secret details'), 500, 'internal_error'],
      [new TypeError('secret details'), 500, 'internal_error'],
    ] as const) {
      const port = await serve({}, { ...staticKeys([staticKey]), revocationOf: () => Promise.reject(error) });
      const answer = await send(port, 'GET / HTTP/1.1', host, authorization);
      expect([answer.status, JSON.parse(answer.body).code]).toEqual([status, code]);
      expect(answer.headers.includes('retry-after: 1')).toBe(status === 503);
      expect(answer.body + answer.headers).not.toContain('secret details');
      expect(refused.at(-1)).toEqual({ kind: 'error', error });
    }
  });

  it('still refuses when action or onRefused throws', async () => {
    const fail = (): never => {
      throw new Error('broken');
    };
    const withAction = await serve({ action: fail });
    expect((await send(withAction, 'GET / HTTP/1.1', host, authorization)).status).toBe(500);
    const withHook = await serve({ onRefused: fail });
    expect((await send(withHook, 'GET / HTTP/1.1', host)).status).toBe(500);
  });

  it('still refuses, and ends no process, when an async action, address or onRefused rejects', async () => {
    const fail = async () => Promise.reject(new Error('late'));
    for (const options of [{ action: fail }, { address: fail }]) {
      const port = await serve(options as object);
      expect((await send(port, 'GET / HTTP/1.1', host, authorization)).status).toBe(500);
    }
    // A rejection that nobody caught would make the test run fail.
    const withHook = await serve({ onRefused: fail });
    expect((await send(withHook, 'GET / HTTP/1.1', host)).status).toBe(401);
  });

  const brokenSources: readonly (readonly [string, object])[] = [
    ['revokes with null', { revocationOf: () => null }],
    ['revokes with true', { revocationOf: async () => true }],
    ['revokes with an unknown code', { revocationOf: () => 'ERR_REVOKED_PLANET' }],
    ['revokes with the code of something else', { revocationOf: () => 'ERR_TOKEN_EXPIRED' }],
    ['finds null', { find: () => null }],
    ['finds nothing at all', { find: async () => undefined }],
    ['finds no entry', { find: () => ({ found: true }) }],
    ['finds a key that is text', { find: () => ({ found: true, entry: { ...staticKey, key: 'AAAA' } }) }],
    ['finds a key that is bytes', { find: () => ({ found: true, entry: { ...staticKey, key: new Uint8Array(32) } }) }],
    ['finds a key of nobody', { find: () => ({ found: true, entry: { ...staticKey, client: 7, key: audienceKey() } }) }],
    ['finds truthfully', { find: () => ({ found: 1, entry: { ...staticKey, key: audienceKey() } }) }],
    ['does not find, for an unknown reason', { find: () => ({ found: false, code: 'constructor' }) }],
  ];

  it.each(brokenSources)('answers 500 when a key source %s', async (_, parts) => {
    const port = await serve({}, { ...staticKeys([staticKey]), ...parts });
    const answer = await send(port, 'GET / HTTP/1.1', host, authorization);
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([500, 'internal_error']);
    expect(refused).toEqual([{ kind: 'error', error: expect.objectContaining({ code: 'ERR_ARGUMENT', argument: 'keys' }) }]);
  });

  it.each([null, 'constructor', { toString: null }])('answers 500 when a verifier denies with the code %j', async (code) => {
    const verifier: unknown = { ...verifierWith(), verify: async () => ({ ok: false, code, message: '' }) };
    const guard = requireMacaroon(verifier as Verifier, { action: 'invoices:read' });
    const port = await listen((request, response) => void guard(request, response));
    expect((await send(port, 'GET / HTTP/1.1', host, authorization)).status).toBe(500);
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('handler');
      },
    ],
    ['rejects', async () => Promise.reject(new Error('handler'))],
  ])('answers 500, and resolves to nothing, when next %s', async (_, next) => {
    const guard = requireMacaroon(verifierWith(), { action: 'invoices:read', onRefused: (cause) => refused.push(cause) });
    const outcomes: unknown[] = [];
    const port = await listen(async (request, response) => {
      outcomes.push(await guard(request, response, next));
    });
    expect((await send(port, 'GET / HTTP/1.1', host, authorization)).status).toBe(500);
    expect(outcomes).toEqual([undefined]);
    expect(refused).toEqual([{ kind: 'error', error: new Error('handler') }]);
  });

  it('leaves an answer alone that was sent meanwhile', async () => {
    const outcomes: unknown[] = [];
    const guard = requireMacaroon(verifierWith(), { action: 'invoices:read' });
    const port = await listen(async (request, response) => {
      const guarded = guard(request, response);
      response.writeHead(503).end('too slow');
      outcomes.push(await guarded);
    });
    expect(await send(port, 'GET / HTTP/1.1', host)).toMatchObject({ status: 503, body: expect.stringContaining('too slow') });
    expect(outcomes).toEqual([undefined]);
  });

  it('cuts off an answer that next had begun when it threw', async () => {
    const guard = requireMacaroon(verifierWith(), { action: 'invoices:read' });
    const port = await listen((request, response) => {
      void guard(request, response, () => {
        response.write('half');
        throw new Error('handler');
      });
    });
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`GET / HTTP/1.1\r\n${host}\r\n${authorization}\r\n\r\n`);
    // The client does not hang up, so without the cut this would wait for ever.
    await new Promise((resolve) => socket.once('close', resolve));
  });

  it('serves as connect-style middleware, also below a mount that rewrites the url', async () => {
    const guard = requireMacaroon(verifierWith(), { action: 'invoices:read' });
    const port = await listen((request: MacaroonRequest, response) => {
      const originalUrl = request.url ?? '';
      Object.assign(request, { originalUrl, url: originalUrl.replace('/mounted', '') });
      void guard(request, response, () => response.end(`${request.macaroon?.client} ${request.url}`));
    });
    const value = `Authorization: Macaroon ${tokenOf({ conditions: ['path /mounted'] })}`;
    expect((await send(port, 'GET /mounted/x HTTP/1.1', host, value)).body).toBe('mail /x');
    const other = `Authorization: Macaroon ${tokenOf({ conditions: ['path /x'] })}`;
    expect((await send(port, 'GET /mounted/x HTTP/1.1', host, other)).status).toBe(403);
  });

  it.each<[string, object]>([
    ['action', { action: 'invoices:*' }],
    ['action', {}],
    ['trustedProxies', { action: 'a', trustedProxies: ['x'] }],
    ['realm', { action: 'a', realm: 'a"b' }],
    ['trustedProxy', { action: 'a', trustedProxy: [] }],
  ])('throws ERR_ARGUMENT that names %s', (argument, options) => {
    expect(() => requireMacaroon(verifierWith(), options as RequireMacaroonOptions<MacaroonRequest>)).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT', argument }),
    );
  });
});
