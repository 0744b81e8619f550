import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeBase64url, encodeUtf8, MacaroonError, sha256 } from '../../../src/core/index.js';
import { createVerifier, type RefusalCause, type ReplayStore, staticKeys } from '../../../src/verifier/index.js';
import { type MacaroonRequest, type RequireMacaroonOptions, requireMacaroon } from '../../../src/verifier/node.js';
import { audience, nowMs, staticKey, tokenOf } from './samples.js';
import { call, proofOf, send } from './sealed-call.js';
import { authority, eternalStore, seal } from './sealed-samples.js';

const servers: Server[] = [];
const refused: RefusalCause[] = [];

afterEach(async () => {
  refused.length = 0;
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A service behind the middleware, called by `next` as Express does. */
async function serve(
  handler: Handler,
  options: Partial<RequireMacaroonOptions<MacaroonRequest>> = {},
  replayStore: ReplayStore = eternalStore(),
): Promise<number> {
  const verifier = createVerifier({
    audience,
    keys: staticKeys([staticKey]),
    clock: () => nowMs,
    origins: [`http://${authority}`],
    replayStore,
  });
  const guard = requireMacaroon(verifier, { action: 'invoices:read', onRefused: (cause) => refused.push(cause), ...options });
  const server = createServer((request, response) => void guard(request, response, () => void handler(request, response)));
  servers.push(server.listen(0, '127.0.0.1'));
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

/** Reads a body as body parsers do. */
function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => resolve(text));
    request.on('error', reject);
  });
}

const echo: Handler = async (request, response) => {
  // What body parsers ask before they read.
  if (!request.readable) throw new Error('the request is read already');
  const text = await readBody(request);
  response.setHeader('content-type', 'text/plain');
  response.end(`got ${text}`);
};

describe('a sealed request behind requireMacaroon for node:http', () => {
  it.each([{ chunked: false }, { chunked: true }])('reaches the handler with its body (%o), once', async (changes) => {
    const port = await serve(echo);
    const sealed = seal();
    expect(await call(port, {}, { sealed, ...changes })).toMatchObject({ status: 200, text: 'got {"sum":42}', proof: 'proved' });
    const again = await call(port, {}, { sealed, ...changes });
    expect([again.status, JSON.parse(again.text)]).toMatchObject([401, { code: 'request_repeated', caveat_index: 0 }]);
    expect(again.proof).toBe('proved');
  });

  it('is read by an asynchronous iterator, too, and as late as the handler likes', async () => {
    const port = await serve(async (request, response) => {
      await new Promise((resolve) => setImmediate(resolve));
      let length = 0;
      for await (const chunk of request as AsyncIterable<Uint8Array>) length += chunk.length;
      response.end(String(length));
    });
    const body = new Uint8Array(200_000).fill(7);
    expect(await call(port, { body }, {})).toMatchObject({ status: 200, text: '200000', proof: 'proved' });
    expect(await call(port, { body: new Uint8Array(0) }, { chunked: true })).toMatchObject({ status: 200, text: '0' });
    expect(await call(port, { method: 'GET', body: new Uint8Array(0) })).toMatchObject({ status: 200, text: '0' });
  });

  it.each<[string, Parameters<typeof call>[2]]>([
    ['another body', { wire: { body: encodeUtf8('{"sum":43}') } }],
    ['another method', { wire: { method: 'PUT' } }],
    ['another path', { wire: { target: '/invoices/7?draft=1' } }],
    ['another query', { wire: { target: '/invoices?draft=0' } }],
    ['another content type', { wire: { contentType: 'text/plain' } }],
    ['a content encoding', { wire: { contentEncoding: 'gzip' } }],
    ['a header that overrides the method', { headers: { 'X-HTTP-Method-Override': 'DELETE' } }],
  ])('is refused with %s', async (_, changes) => {
    let handled = 0;
    const port = await serve((_request, response) => {
      handled++;
      response.end();
    });
    const answer = await call(port, {}, changes);
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([403, { code: 'caveat_denied' }]);
    expect(answer.proof).toBe(changes?.wire?.method === undefined ? 'proved' : 'wrong');
    expect(handled).toBe(0);
  });

  it('is not read past the limit, and the refusal is signed', async () => {
    const port = await serve(echo, { maxBodyBytes: 10 });
    expect(await call(port, { body: new Uint8Array(10) })).toMatchObject({ status: 200 });
    for (const chunked of [false, true]) {
      const answer = await call(port, { body: new Uint8Array(11) }, { chunked });
      expect(answer).toMatchObject({ status: 413, proof: 'proved', headers: { connection: 'close' } });
    }
    expect(refused).toMatchObject([
      { kind: 'request', fault: 'body-too-large' },
      { kind: 'request', fault: 'body-too-large' },
    ]);
  });

  it('is refused when its body breaks off', async () => {
    let arrived = false;
    const action = () => {
      arrived = true;
      return 'invoices:read';
    };
    const port = await serve(echo, { action });
    const { text } = seal();
    const socket = connect(port, '127.0.0.1');
    const head = `POST /invoices?draft=1 HTTP/1.1\r\nHost: ${authority}\r\nAuthorization: Macaroon ${text}\r\nContent-Length: 10\r\n\r\n`;
    await new Promise<void>((resolve) => socket.write(`${head}{"sum`, () => resolve()));
    await expect.poll(() => arrived).toBe(true);
    socket.destroy();
    await expect.poll(() => refused).toMatchObject([{ kind: 'request', fault: 'body-incomplete' }]);
  });

  it('is an internal error where its body was read already', async () => {
    const verifier = createVerifier({
      audience,
      keys: staticKeys([staticKey]),
      clock: () => nowMs,
      origins: [`http://${authority}`],
      replayStore: eternalStore(),
    });
    const guard = requireMacaroon(verifier, { action: 'invoices:read' });
    const server = createServer(async (request, response) => {
      await readBody(request);
      await guard(request, response);
    });
    servers.push(server.listen(0, '127.0.0.1'));
    await new Promise((resolve) => server.once('listening', resolve));
    const answer = await call((server.address() as AddressInfo).port);
    expect(answer).toMatchObject({ status: 500, proof: 'proved' });
  });

  it('passes one guard after another, as one request', async () => {
    const verifier = createVerifier({
      audience,
      keys: staticKeys([staticKey]),
      clock: () => nowMs,
      origins: [`http://${authority}`],
      replayStore: eternalStore(),
    });
    const outer = requireMacaroon(verifier, { action: 'invoices:list' });
    const inner = requireMacaroon(verifier, {
      action: (request) => (request.url === '/secret' ? 'secrets:read' : 'invoices:read'),
    });
    const server = createServer((request, response) => {
      void outer(request, response, () => void inner(request, response, () => void echo(request, response)));
    });
    servers.push(server.listen(0, '127.0.0.1'));
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const sealed = seal();
    expect(await call(port, {}, { sealed })).toMatchObject({ status: 200, text: 'got {"sum":42}', proof: 'proved' });
    expect(await call(port, {}, { sealed })).toMatchObject({ status: 401, proof: 'proved' });
    expect(await call(port, { target: '/secret' })).toMatchObject({ status: 403, proof: 'proved' });
  });

  it('is judged by each guard on its way by the limits and the certificate of that guard', async () => {
    const text = tokenOf({ conditions: [`cnf x5t#S256:${encodeBase64url(sha256(new Uint8Array(3)))}`] });
    const verifier = createVerifier({
      audience,
      keys: staticKeys([staticKey]),
      clock: () => nowMs,
      origins: [`http://${authority}`],
      replayStore: eternalStore(),
    });
    const outer = requireMacaroon(verifier, { action: 'invoices:read', certificate: () => new Uint8Array(3) });
    const options = { '/limit': { certificate: () => new Uint8Array(3), maxBodyBytes: 8 }, '/certificate': {} };
    const server = createServer((request, response) => {
      const inner = requireMacaroon(verifier, {
        action: 'invoices:read',
        ...options[request.url === '/limit' ? '/limit' : '/certificate'],
      });
      void outer(request, response, () => void inner(request, response, () => void echo(request, response)));
    });
    servers.push(server.listen(0, '127.0.0.1'));
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const ask = (target: string, body: Uint8Array) => call(port, { target, body }, { sealed: seal({ target, body }, text) });
    expect(await ask('/limit', new Uint8Array(8))).toMatchObject({ status: 200, proof: 'proved' });
    expect(await ask('/limit', new Uint8Array(9))).toMatchObject({ status: 413, proof: 'proved' });
    expect(await ask('/certificate', new Uint8Array(8))).toMatchObject({ status: 403, proof: 'proved' });
  });

  it('leaves bearer requests alone', async () => {
    const port = await serve(echo);
    const body = encodeUtf8('plain');
    const headers = { host: authority, authorization: `Bearer ${tokenOf()}`, 'content-length': '5' };
    const answer = await send(port, 'POST', '/invoices', body, headers);
    expect([answer.status, new TextDecoder().decode(answer.body)]).toEqual([200, 'got plain']);
    expect(answer.headers['signature']).toBeUndefined();
  });

  it('is a signed 503 when nobody can tell whether it is new', async () => {
    const broken: ReplayStore = {
      bornAtMs: 0,
      claim: () => {
        throw new MacaroonError('ERR_STORE_UNAVAILABLE', 'gone');
      },
      close: () => undefined,
    };
    expect(await call(await serve(echo, {}, broken))).toMatchObject({ status: 503, proof: 'proved' });
  });
});

describe('the answer to a sealed request', () => {
  const answers: readonly [string, Handler, number, string][] = [
    ['end alone', (_, response) => response.end('whole'), 200, 'whole'],
    ['nothing', (_, response) => response.end(), 200, ''],
    [
      'write and end',
      (_, response) => {
        response.write('a');
        response.write(Buffer.from('b'));
        response.end('ff', 'hex');
      },
      200,
      'ab\ufffd',
    ],
    [
      'writeHead with an object',
      (_, response) => {
        response.setHeader('content-type', 'text/html');
        response.writeHead(201, { 'Content-Type': 'text/plain', Location: '/invoices/8' }).end('made');
      },
      201,
      'made',
    ],
    [
      'writeHead with a message and a list',
      (_, response) => void response.writeHead(404, 'Nothing', ['Content-Type', 'text/plain', 'X-A', '1', 'X-A', '2']).end('no'),
      404,
      'no',
    ],
    ['a length that was told', (_, response) => void response.writeHead(200, { 'content-length': 2 }).end('ok'), 200, 'ok'],
    ['a pipe', (_, response) => void pipeline(Readable.from(['x', 'y', 'z']), response), 200, 'xyz'],
    ['204', (_, response) => void response.writeHead(204).end(), 204, ''],
    ['304', (_, response) => void response.writeHead(304, { etag: '"a"' }).end(), 304, ''],
    [
      'an error that is thrown',
      () => {
        throw new Error('secret');
      },
      500,
      '{"type":"urn:macaroond:problem:internal_error","title":"Internal error","status":500,"code":"internal_error"}',
    ],
    [
      'a header that cannot be signed',
      (_, response) => void response.writeHead(200, { 'content-type': 'text/pl\u00e4in' }).end('x'),
      500,
      '{"type":"urn:macaroond:problem:internal_error","title":"Internal error","status":500,"code":"internal_error"}',
    ],
  ];

  it.each(answers)('proves itself when it is made by %s', async (_, handler, status, text) => {
    expect(await call(await serve(handler))).toMatchObject({ status, text, proof: 'proved' });
  });

  it.each(answers)('proves itself to HEAD when it is made by %s', async (_, handler, status) => {
    const answer = await call(await serve(handler), { method: 'HEAD', body: new Uint8Array(0) });
    expect(answer).toMatchObject({ status, text: '', proof: 'proved' });
  });

  it('looks to its makers like one that is under way', async () => {
    const seen: boolean[] = [];
    const port = await serve((_, response) => {
      seen.push(response.headersSent, response.writableEnded);
      response.write('a');
      seen.push(response.headersSent, response.writableEnded);
      response.end('b');
      seen.push(response.headersSent, response.writableEnded);
      response.end('c');
      response.on('finish', () => seen.push(response.headersSent, response.writableEnded));
    });
    expect(await call(port)).toMatchObject({ text: 'ab', proof: 'proved' });
    expect(seen).toEqual([false, false, true, false, true, true, true, true]);
  });

  it('calls back those who wait for its parts', async () => {
    const port = await serve(async (_, response) => {
      await new Promise<void>((resolve) => response.write('a', () => resolve()));
      await new Promise<void>((resolve) => response.end('b', resolve));
    });
    expect(await call(port)).toMatchObject({ text: 'ab', proof: 'proved' });
  });

  it.each<[string, (answer: Awaited<ReturnType<typeof call>>) => Partial<Awaited<ReturnType<typeof call>>>]>([
    ['body', () => ({ body: encodeUtf8('got something else') })],
    ['status', () => ({ status: 201 })],
    ['content type', ({ headers }) => ({ headers: { ...headers, 'content-type': 'text/html' } })],
    ['location', ({ headers }) => ({ headers: { ...headers, location: 'https://elsewhere.example' } })],
    ['content encoding', ({ headers }) => ({ headers: { ...headers, 'content-encoding': 'gzip' } })],
  ])('does not prove itself with another %s', async (_, change) => {
    const sealed = seal();
    const answer = await call(await serve(echo), {}, { sealed });
    expect(await proofOf(sealed, 'POST', { ...answer, ...change(answer) })).toBe('wrong');
  });
});
