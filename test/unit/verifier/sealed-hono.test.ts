import type { AddressInfo } from 'node:net';
import { type ServerType, serve as serveNode } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../src/core/index.js';
import { type MacaroonEnv, type RequireMacaroonOptions, requireMacaroon } from '../../../src/verifier/hono.js';
import { createVerifier, staticKeys } from '../../../src/verifier/index.js';
import { audience, nowMs, staticKey, tokenOf } from './samples.js';
import { call, proofOf, send } from './sealed-call.js';
import { authority, eternalStore, posted, seal } from './sealed-samples.js';

const servers: ServerType[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

type Handler = (c: Context<MacaroonEnv>) => Response | Promise<Response>;

function appWith(handler: Handler, options: Partial<RequireMacaroonOptions<Context>> = {}): Hono<MacaroonEnv> {
  const verifier = createVerifier({
    audience,
    keys: staticKeys([staticKey]),
    clock: () => nowMs,
    origins: [`http://${authority}`],
    replayStore: eternalStore(),
  });
  const app = new Hono<MacaroonEnv>();
  app.use('*', requireMacaroon(verifier, { action: 'invoices:read', ...options }));
  app.all('/invoices', handler);
  app.onError((error, c) => (error instanceof HTTPException ? error.getResponse() : c.text('Internal Server Error', 500)));
  return app;
}

async function serve(handler: Handler, options: Partial<RequireMacaroonOptions<Context>> = {}): Promise<number> {
  const server = serveNode({ fetch: appWith(handler, options).fetch, port: 0, hostname: '127.0.0.1' });
  servers.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

const readers: readonly [string, (c: Context<MacaroonEnv>) => Promise<unknown>][] = [
  ['json()', (c) => c.req.json()],
  ['text()', (c) => c.req.text()],
  ['arrayBuffer()', async (c) => new TextDecoder().decode(await c.req.arrayBuffer())],
  ['raw.json()', (c) => c.req.raw.json() as Promise<unknown>],
  ['the stream', async (c) => new Response(c.req.raw.body).text()],
];

describe('a sealed request behind requireMacaroon for Hono', () => {
  it.each(readers)('reaches the handler, who reads its body by %s', async (_, read) => {
    const port = await serve(async (c) => {
      const found = await read(c);
      return c.text(typeof found === 'string' ? found : JSON.stringify(found));
    });
    const sealed = seal();
    expect(await call(port, {}, { sealed })).toMatchObject({ status: 200, text: '{"sum":42}', proof: 'proved' });
    expect(await call(port, {}, { sealed, chunked: true })).toMatchObject({ status: 401, proof: 'proved' });
    expect(await call(port, {}, { chunked: true })).toMatchObject({ status: 200, text: '{"sum":42}', proof: 'proved' });
  });

  it.each<[string, Parameters<typeof call>[2]]>([
    ['another body', { wire: { body: encodeUtf8('{"sum":43}') } }],
    ['another path', { wire: { target: '/invoices/?draft=1' } }],
    ['another query', { wire: { target: '/invoices?draft=0' } }],
    ['another content type', { wire: { contentType: 'text/plain' } }],
    ['a header that overrides the method', { headers: { 'X-Method-Override': 'DELETE' } }],
  ])('is refused with %s', async (_, changes) => {
    const port = await serve((c) => c.text('handled'));
    const answer = await call(port, {}, changes);
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([403, { code: 'caveat_denied' }]);
    expect(answer.proof).toBe('proved');
  });

  it('is not read past the limit, and the refusal is signed', async () => {
    const port = await serve((c) => c.text('handled'), { maxBodyBytes: 10 });
    expect(await call(port, { body: new Uint8Array(10) })).toMatchObject({ status: 200 });
    for (const chunked of [false, true]) {
      expect(await call(port, { body: new Uint8Array(11) }, { chunked })).toMatchObject({ status: 413, proof: 'proved' });
    }
  });

  it('leaves bearer requests alone', async () => {
    const port = await serve(async (c) => c.text(await c.req.text()));
    const headers = { host: authority, authorization: `Bearer ${tokenOf()}` };
    const answer = await send(port, 'POST', '/invoices', encodeUtf8('plain'), headers);
    expect([answer.status, new TextDecoder().decode(answer.body)]).toEqual([200, 'plain']);
    expect(answer.headers['signature']).toBeUndefined();
  });

  it('passes one guard after another, as one request', async () => {
    const verifier = createVerifier({
      audience,
      keys: staticKeys([staticKey]),
      clock: () => nowMs,
      origins: [`http://${authority}`],
      replayStore: eternalStore(),
    });
    const app = new Hono<MacaroonEnv>();
    app.use('*', requireMacaroon(verifier, { action: 'invoices:list' }));
    app.post('/invoices', requireMacaroon(verifier, { action: 'invoices:read' }), async (c) => c.text(await c.req.text()));
    app.post('/secret', requireMacaroon(verifier, { action: 'invoices:delete' }), (c) => c.text('handled'));
    const server = serveNode({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
    servers.push(server);
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const sealed = seal();
    expect(await call(port, {}, { sealed })).toMatchObject({ status: 200, text: '{"sum":42}', proof: 'proved' });
    expect(await call(port, {}, { sealed })).toMatchObject({ status: 401, proof: 'proved' });
    expect(await call(port, { target: '/secret' })).toMatchObject({ status: 403, proof: 'proved' });
  });

  const bodiless = { contentType: undefined, body: new Uint8Array(0) };
  const earlyReaders: readonly [string, (c: Context) => unknown][] = [
    ['json()', (c) => c.req.json()],
    ['text()', (c) => c.req.text()],
    ['text(), not waited for', (c) => void c.req.text()],
    ['raw.text()', (c) => c.req.raw.text()],
    ['a reader of the stream', (c) => new Response(c.req.raw.body).text()],
    [
      'text(), with another request in its place',
      async (c) => {
        await c.req.text();
        c.req.raw = new Request(c.req.raw.url, { method: 'POST', headers: c.req.raw.headers });
      },
    ],
    [
      'the stream of Node',
      async (c) => {
        for await (const _ of c.env.incoming);
      },
    ],
  ];
  it.each(earlyReaders)('is an internal error where its body was read already by %s', async (_, read) => {
    let handled = 0;
    const app = new Hono();
    app.use('*', async (c, next) => {
      await read(c);
      await next();
    });
    app.route(
      '/',
      appWith((c) => {
        handled++;
        return c.text('handled');
      }),
    );
    const server = serveNode({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
    servers.push(server);
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    for (const chunked of [false, true]) {
      const wire = { body: encodeUtf8('{"to":"mallory"}') };
      expect(await call(port, bodiless, { wire, chunked })).toMatchObject({ status: 500, proof: 'proved' });
    }
    expect(handled).toBe(0);
  });

  it.each(['GET', 'HEAD'])('with %s is refused with a body', async (method) => {
    const port = await serve((c) => c.text('handled'));
    const changes = { wire: { body: encodeUtf8('{"to":"mallory"}') } };
    expect(await call(port, { ...bodiless, method }, changes)).toMatchObject({ status: 400, proof: 'proved' });
    expect(await call(port, { ...bodiless, method })).toMatchObject({ status: 200, proof: 'proved' });
  });

  it('works without Node, too', async () => {
    const sealed = seal({ target: '/invoices' });
    const request = new Request(`http://${authority}/invoices`, {
      method: 'POST',
      headers: { authorization: `Macaroon ${sealed.text}`, 'content-type': 'application/json', host: authority },
      body: new Uint8Array(posted.body),
    });
    const response = await appWith(async (c) => c.json(await c.req.json())).request(request);
    const answer = {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: new Uint8Array(await response.arrayBuffer()),
    };
    expect(answer.status).toBe(200);
    expect(await proofOf(sealed, 'POST', answer)).toBe('proved');
  });
});

describe('the answer to a sealed request', () => {
  const answers: readonly [string, Handler, number, string][] = [
    ['text', (c) => c.text('hi'), 200, 'hi'],
    ['a body without a type', () => new Response(encodeUtf8('hi') as Uint8Array<ArrayBuffer>), 200, 'hi'],
    ['no body', () => new Response(null, { status: 202 }), 202, ''],
    ['an empty body', (c) => c.body(''), 200, ''],
    ['204', (c) => c.body(null, 204), 204, ''],
    ['304', (c) => c.body(null, 304, { etag: '"a"' }), 304, ''],
    ['a redirect', (c) => c.redirect('/elsewhere'), 302, ''],
    [
      'a stream',
      () =>
        new Response(
          new ReadableStream({
            start(controller) {
              for (const part of ['x', 'y', 'z']) controller.enqueue(encodeUtf8(part));
              controller.close();
            },
          }),
        ),
      200,
      'xyz',
    ],
    [
      'an error that is thrown',
      () => {
        throw new Error('secret');
      },
      500,
      'Internal Server Error',
    ],
    [
      'something else that is thrown',
      () => {
        throw 'secret';
      },
      500,
      '{"type":"urn:macaroond:problem:internal_error","title":"Internal error","status":500,"code":"internal_error"}',
    ],
    [
      'an HTTP exception',
      () => {
        throw new HTTPException(409, { message: 'there already' });
      },
      409,
      'there already',
    ],
  ];

  it.each(answers)('proves itself when it is %s', async (_, handler, status, text) => {
    expect(await call(await serve(handler))).toMatchObject({ status, text, proof: 'proved' });
  });

  it.each(answers)('proves itself to HEAD when it is %s', async (_, handler, status) => {
    const answer = await call(await serve(handler), { method: 'HEAD', body: new Uint8Array(0) });
    expect(answer).toMatchObject({ status, text: '', proof: 'proved' });
  });

  it('proves itself where nothing handles the request', async () => {
    const answer = await call(await serve((c) => c.text('handled')), { target: '/nothing' });
    expect(answer).toMatchObject({ status: 404, proof: 'proved' });
  });

  it('keeps every cookie', async () => {
    const answer = await call(
      await serve((c) => {
        c.header('set-cookie', 'a=1', { append: true });
        c.header('set-cookie', 'b=2', { append: true });
        return c.text('hi');
      }),
    );
    expect(answer).toMatchObject({ headers: { 'set-cookie': 'a=1, b=2' }, proof: 'proved' });
  });
});
