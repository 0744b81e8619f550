import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { MacaroonError } from '../../../src/core/index.js';
import { IssuerHttp, type IssuerHttpOptions } from '../../../src/transport/issuer-http.js';
import { type BasicProof, basicAuthorization } from '../../../src/transport/proofs/basic.js';
import { readRequestBody, sendJson, startServer, type TestServer } from './servers.js';

const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function httpTo(
  listener: Parameters<typeof startServer>[0],
  options: IssuerHttpOptions = {},
): Promise<[IssuerHttp, TestServer]> {
  const server = await startServer(listener);
  const http = new IssuerHttp({ issuer: server.url }, options);
  open.push(http, server);
  return [http, server];
}

describe('requests', () => {
  it('sends method, path, query, body and authorization', async () => {
    const seen: unknown[] = [];
    const [http] = await httpTo(async (request, response) => {
      const { method, url, headers } = request;
      seen.push([method, url, headers['content-type'], headers.authorization, await readRequestBody(request)]);
      sendJson(response, 201, { made: 1 });
    });
    const answer = await http.request('POST', '/v1/x', {
      body: { a: 'ä' },
      query: { after: 3, b: undefined },
      authorization: 'Macaroon m',
    });
    expect(answer).toEqual({ made: 1 });
    expect(seen).toEqual([['POST', '/v1/x?after=3', 'application/json', 'Macaroon m', '{"a":"ä"}']]);
  });

  it('keeps the path of an issuer URL', async () => {
    const server = await startServer((_, response) => sendJson(response, 200, {}));
    const http = new IssuerHttp({ issuer: `${server.url}/issuer/` });
    open.push(http, server);
    await http.request('GET', '/v1/clients');
    expect(server.requests).toEqual(['GET /issuer/v1/clients']);
  });

  it('resolves to undefined when there is no body', async () => {
    const [http] = await httpTo((_, response) => response.writeHead(204).end());
    expect(await http.request('DELETE', '/')).toBeUndefined();
  });

  it('encodes name and secret before they are joined', () => {
    const header = basicAuthorization({ client: 'a:b c', secret: 'p%ä+' });
    expect(Buffer.from(header.replace('Basic ', ''), 'base64').toString()).toBe('a%3Ab+c:p%25%C3%A4%2B');
  });
});

describe('a proof', () => {
  it.each<[string, unknown]>([
    ['client', { client: undefined, secret: 's' }],
    ['client', { client: '', secret: 's' }],
    ['secret', { client: 'mail' }],
    ['secret', { client: 'mail', secret: null }],
    ['secret', { client: 'mail', secret: '' }],
    ['credential', undefined],
  ])('without its %s is not sent', (argument, proof) => {
    const refusal = expect.objectContaining({ code: 'ERR_ARGUMENT', argument });
    expect(() => basicAuthorization(proof as BasicProof)).toThrow(refusal);
  });
});

describe('issuer URLs', () => {
  it.each([
    'http://issuer.example',
    'http://127.0.0.1.example',
    'ftp://localhost',
    'https://user:pass@localhost',
    'https://localhost/?a',
    'https://localhost/#a',
    'nonsense',
  ])('refuses %s', (issuer) => {
    expect(() => new IssuerHttp({ issuer })).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT', argument: 'issuer' }));
  });

  it.each(['http://localhost:1', 'http://127.8.0.1', 'http://[::1]:8080', 'https://issuer.example/base'])(
    'accepts %s',
    (issuer) => {
      expect(new IssuerHttp({ issuer })).toBeInstanceOf(IssuerHttp);
    },
  );
});

describe('answers', () => {
  it('turns a problem into ERR_ISSUER_REFUSED with its code, status and detail', async () => {
    const problem = { type: 'x', title: 'T', status: 403, code: 'grant_exceeded', detail: 'ask for less' };
    const [http] = await httpTo((_, response) => sendJson(response, 403, problem, 'application/problem+json; charset=utf-8'));
    await expect(http.request('GET', '/')).rejects.toMatchObject({
      code: 'ERR_ISSUER_REFUSED',
      problem: 'grant_exceeded',
      status: 403,
      message: 'ask for less',
    });
  });

  it('names the members that the issuer found wrong', async () => {
    const errors = [{ pointer: '/client', detail: 'not a name' }, { pointer: '/ips/0' }];
    const problem = { type: 'x', title: 'T', status: 400, code: 'invalid_request', errors };
    const [http] = await httpTo((_, response) => sendJson(response, 400, problem, 'application/problem+json'));
    await expect(http.request('GET', '/')).rejects.toMatchObject({
      code: 'ERR_ISSUER_REFUSED',
      message: 'the request is not valid: /client: not a name; /ips/0: not valid',
    });
  });

  it.each(['detail', 'title', 'errors'])('lets no %s of a problem steer a terminal or forge a line', async (member) => {
    const text = 'ok\u001b]0;x\u0007\r\nadmin: \u202egone\u2028';
    const told = member === 'errors' ? [{ pointer: text, detail: text }] : text;
    const problem = { status: 403, code: `c\n${text}`, [member]: told };
    const [http] = await httpTo((_, response) => sendJson(response, 403, problem, 'application/problem+json'));
    const error = await http.request('GET', '/').catch((thrown: unknown) => thrown as MacaroonError);
    expect(error).toMatchObject({ code: 'ERR_ISSUER_REFUSED', problem: expect.stringContaining('c\\u{a}ok\\u{1b}]0;x') });
    expect(error).toMatchObject({ message: expect.stringContaining('ok\\u{1b}]0;x\\u{7}\\u{d}\\u{a}admin: \\u{202e}gone') });
    expect(JSON.stringify(error)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
  });

  it('does not follow a redirect', async () => {
    const [http, server] = await httpTo((_, response) => response.writeHead(302, { location: '/elsewhere' }).end());
    await expect(http.request('GET', '/', { authorization: 'Basic x' })).rejects.toMatchObject({
      code: 'ERR_ISSUER_ANSWER',
      status: 302,
    });
    expect(server.requests).toEqual(['GET /']);
  });

  it.each<[string, Parameters<typeof startServer>[0]]>([
    ['an error page of a proxy', (_, response) => response.writeHead(502, { 'content-type': 'text/html' }).end('<p>bad')],
    ['a problem without a code', (_, response) => sendJson(response, 400, { title: 'x' }, 'application/problem+json')],
    ['a page instead of JSON', (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>hello')],
    ['broken JSON', (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":')],
    [
      'bytes that are not UTF-8',
      (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(Buffer.from([0x22, 0xff, 0x22])),
    ],
  ])('calls %s ERR_ISSUER_ANSWER', async (_, listener) => {
    const [http] = await httpTo(listener);
    await expect(http.request('GET', '/')).rejects.toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
  });

  it('accepts an answer of the largest size and refuses one byte more, also without a length', async () => {
    const [http] = await httpTo(
      (request, response) => {
        const body = JSON.stringify('x'.repeat(request.url === '/fits' ? 98 : 99));
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write(body.slice(0, 50));
        response.end(body.slice(50));
      },
      { maxAnswerBytes: 100 },
    );
    expect(await http.request('GET', '/fits')).toHaveLength(98);
    await expect(http.request('GET', '/large')).rejects.toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
  });
});

describe('a large answer', () => {
  const largest = 16 * 1024 * 1024;

  it('is read up to 16 MiB when no size is told', async () => {
    const [http] = await httpTo((request, response) =>
      sendJson(response, 200, 'x'.repeat(largest - 2 + (request.url === '/fits' ? 0 : 1))),
    );
    expect(await http.request('GET', '/fits')).toHaveLength(largest - 2);
    await expect(http.request('GET', '/large')).rejects.toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
  });
});

describe('reaching the issuer', () => {
  it('calls a refused connection unreachable', async () => {
    const server = await startServer(() => undefined);
    await server.close();
    const http = new IssuerHttp({ issuer: server.url });
    open.push(http);
    await expect(http.request('GET', '/')).rejects.toMatchObject({ code: 'ERR_ISSUER_UNREACHABLE' });
  });

  it('gives up on a server that never answers', async () => {
    const [http] = await httpTo(() => undefined, { timeoutMs: 100 });
    await expect(http.request('GET', '/')).rejects.toMatchObject({ code: 'ERR_ISSUER_UNREACHABLE' });
  });

  it('gives up on an answer that drips', async () => {
    const [http] = await httpTo(
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const timer = setInterval(() => response.write(' '), 20);
        response.on('close', () => clearInterval(timer));
      },
      { timeoutMs: 200 },
    );
    await expect(http.request('GET', '/')).rejects.toMatchObject({ code: 'ERR_ISSUER_UNREACHABLE' });
  });

  it('gives up on a pinned server that never finishes the handshake', async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const pinSha256 = Buffer.alloc(32).toString('base64');
    const http = new IssuerHttp({ issuer: `https://127.0.0.1:${port}`, pinSha256 }, { timeoutMs: 150 });
    open.push(http);
    await expect(http.request('GET', '/')).rejects.toMatchObject({ code: 'ERR_ISSUER_UNREACHABLE' });
    server.close();
  });

  it('ends a request under way when it is closed', async () => {
    let arrived: () => void = () => undefined;
    const isThere = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const [http] = await httpTo(() => arrived());
    const answer = expect(http.request('GET', '/')).rejects.toMatchObject({ code: 'ERR_ISSUER_UNREACHABLE' });
    await isThere;
    await http.close();
    await answer;
  });
});
