import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MacaroonError } from '../../../../src/core/index.js';
import { problems } from '../../../../src/protocol/problem.js';
import { IssuerError } from '../../../../src/server/domain/issuer-error.js';
import { routes } from '../../../../src/server/http/route-table.js';
import { askApp, askByRouter, bodyOf } from '../../../support/ask-app.js';
import { basic, nowMs, secretOf, tokenOf } from './fake-issuer.js';
import { createTestApp } from './test-app.js';

const admin = `Macaroon ${tokenOf()}`;
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('every answer', () => {
  it.each([
    ['a success', 'GET', '/livez', undefined, 200],
    ['a refusal', 'GET', '/v1/clients', undefined, 401],
    ['nothing there', 'GET', '/nowhere', undefined, 404],
    ['no content', 'DELETE', '/v1/clients/mail/grants/invoice', admin, 204],
  ])('carries the common headers and a request id of ours: %s', async (_, method, path, authorization, status) => {
    const { call } = createTestApp();
    const answer = await call(method, path, { authorization, headers: { 'x-request-id': 'mine' } });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(answer.headers.get('x-request-id')).toMatch(uuidPattern);
  });

  it('is a problem wherever it is an error, with the id of the request', async () => {
    const { call } = createTestApp();
    const answer = await call('GET', '/nowhere');
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.json).toEqual({
      type: 'urn:macaroond:problem:not_found',
      title: problems.not_found.title,
      status: 404,
      code: 'not_found',
      detail: expect.any(String),
      instance: `urn:request:${answer.headers.get('x-request-id')}`,
    });
  });

  it('hands the address and the request id to the use case', async () => {
    const { call, issuer } = createTestApp();
    const answer = await call('POST', '/v1/tokens', { authorization: basic('mail'), body: { audience: 'invoice' } });
    expect(answer.status).toBe(201);
    expect(issuer.calls[0]).toMatchObject({
      name: 'mint',
      args: [
        { kind: 'client', client: 'mail', address: '192.0.2.7', requestId: answer.headers.get('x-request-id') },
        { audience: 'invoice' },
      ],
    });
  });

  it.each(routes.filter(({ path }) => !path.includes('{')).map(({ method, path }) => [method.toUpperCase(), path]))(
    'is the same by the router and without it: %s %s',
    async (method, path) => {
      const headers = { authorization: admin, 'content-type': 'application/json' };
      const sent = method === 'GET' ? { headers } : { headers, body: '{"a":1}' };
      const [exact, routed] = [createTestApp(), createTestApp()];
      const answers = [await askApp(exact.app, method, path, sent), await askByRouter(routed.app, method, path, sent)];
      const [one, other] = answers.map(({ status, headers: made, body }) => {
        const id = made['X-Request-Id'] ?? '';
        return {
          status,
          names: Object.keys(made),
          text: new TextDecoder().decode(bodyOf({ status, headers: made, body })).replace(id, ''),
        };
      });
      expect(one).toEqual(other);
      expect(exact.lines.length).toBe(routed.lines.length);
    },
  );

  it('comes without the router for the path of a route alone, word for word', () => {
    const { app } = createTestApp();
    const isExact = (method: string, url: string) => {
      const incoming = Object.assign(new IncomingMessage(new Socket()), { method, url, complete: true });
      return app.serveExact({ incoming, send: () => {} });
    };
    expect(isExact('GET', '/livez')).toBe(true);
    for (const url of [
      '/livez/',
      '/livez?',
      '/livez?a=1',
      '/LIVEZ',
      '//livez',
      '/%6civez',
      'http://issuer.test/livez',
      '/v1/clients/mail',
      '',
      '*',
    ]) {
      expect([url, isExact('GET', url)]).toEqual([url, false]);
    }
    for (const method of ['HEAD', 'POST', 'get', 'OPTIONS', ''])
      expect([method, isExact(method, '/livez')]).toEqual([method, false]);
  });

  it('answers HEAD like GET, without a body', async () => {
    const { call } = createTestApp();
    const answer = await call('HEAD', '/livez');
    expect(answer.status).toBe(200);
    expect(answer.text).toBe('');
  });
});

describe('what is not there', () => {
  it.each([
    ['DELETE', '/v1/tokens', 'POST'],
    ['PUT', '/v1/clients/mail', 'GET, HEAD'],
    ['OPTIONS', '/v1/clients', 'GET, POST, HEAD'],
    ['PATCH', '/v1/clients/mail/grants/invoice', 'PUT, DELETE'],
  ])('answers 405 and the methods that are: %s %s', async (method, path, allow) => {
    const { call, issuer } = createTestApp();
    const answer = await call(method, path, { authorization: admin });
    expect(answer.status).toBe(405);
    expect(answer.json['code']).toBe('method_not_allowed');
    expect(answer.headers.get('allow')).toBe(allow);
    expect(issuer.calls).toEqual([]);
  });

  it.each(['/', '/v1', '/v1/clients/', '/v1/clients/mail/', '/v2/clients', '/v1/clients/mail/secrets', '/v1/Clients'])(
    'answers 404: %s',
    async (path) => {
      const { call } = createTestApp();
      expect((await call('GET', path, { authorization: admin })).json['code']).toBe('not_found');
    },
  );
});

describe('bodies', () => {
  const mint = (body: unknown, headers: Readonly<Record<string, string>> = {}) =>
    createTestApp().call('POST', '/v1/tokens', { authorization: basic('mail'), body, headers });

  it('names every unknown member with a pointer', async () => {
    const answer = await mint({ audience: 'invoice', action: ['x'], 'a/b~c': 1 });
    expect(answer.status).toBe(400);
    expect(answer.json['errors']).toEqual([
      { pointer: '/action', detail: 'unknown member' },
      { pointer: '/a~1b~0c', detail: 'unknown member' },
    ]);
  });

  it.each([
    ['a missing member', {}, '/audience'],
    ['a wrong type', { audience: 7 }, '/audience'],
    ['a name that is none', { audience: 'Invoice' }, '/audience'],
    ['a wrong element', { audience: 'invoice', actions: ['ok:read', 'not ok'] }, '/actions/1'],
    ['no time at all', { audience: 'invoice', expires_in: 0 }, '/expires_in'],
    ['a fraction of a second', { audience: 'invoice', expires_in: 1.5 }, '/expires_in'],
    ['a number as text', { audience: 'invoice', expires_in: '3600' }, '/expires_in'],
    ['an own __proto__', '{"audience":"invoice","__proto__":{"expires_in":1}}', '/__proto__'],
    ['an array', [], ''],
    ['null', 'null', ''],
    ['too many caveats', { audience: 'invoice', caveats: Array.from({ length: 65 }, () => 'a b') }, '/caveats'],
  ])('points to %s', async (_, body, pointer) => {
    const answer = await mint(body);
    expect(answer.status).toBe(400);
    expect(answer.json['code']).toBe('invalid_request');
    expect(answer.json['errors']).toEqual([{ pointer, detail: expect.any(String) }]);
  });

  it('does not answer with what a stranger wrote at length', async () => {
    const answer = await mint({ audience: 'invoice', ['x'.repeat(5000)]: 1 });
    expect(answer.status).toBe(400);
    expect(answer.text.length).toBeLessThan(1000);
  });

  it.each(['{', '', 'not json', '{"audience":"invoice"', '\uFEFF{"audience":"invoice"}'])(
    'refuses what is not JSON: %j',
    async (body) => {
      const answer = await mint(body);
      expect(answer.status).toBe(400);
      expect(answer.json['code']).toBe('invalid_request');
    },
  );

  it('refuses JSON that is not UTF-8', async () => {
    const answer = await mint(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]));
    expect(answer.status).toBe(400);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1', 'application/jsonp'])(
    'takes application/json only, not %s',
    async (contentType) => {
      const answer = await mint({ audience: 'invoice' }, { 'content-type': contentType });
      expect(answer.status).toBe(415);
      expect(answer.json['code']).toBe('unsupported_media_type');
    },
  );

  it.each(['application/json', 'Application/JSON; charset=UTF-8'])('takes %s', async (contentType) => {
    expect((await mint({ audience: 'invoice' }, { 'content-type': contentType })).status).toBe(201);
  });

  it.each(['gzip', 'br', 'identity, gzip', ''])('refuses a body with the content encoding %j', async (encoding) => {
    const answer = await mint({ audience: 'invoice' }, { 'content-encoding': encoding });
    expect(answer.status).toBe(415);
    expect(answer.json['code']).toBe('unsupported_media_type');
    expect(answer.headers.get('accept-encoding')).toBe('identity');
  });

  it('takes a body with the content encoding identity', async () => {
    expect((await mint({ audience: 'invoice' }, { 'content-encoding': 'Identity' })).status).toBe(201);
  });

  it('takes a body of 64 KiB and refuses one byte more', async () => {
    const sized = (bytes: number) => JSON.stringify({ audience: 'invoice' }).padEnd(bytes, ' ');
    expect((await mint(sized(64 * 1024))).status).toBe(201);
    const answer = await mint(sized(64 * 1024 + 1));
    expect(answer.status).toBe(413);
    expect(answer.json['code']).toBe('payload_too_large');
  });

  it('takes an empty body where every member may be absent', async () => {
    const { call, issuer } = createTestApp();
    expect((await call('POST', '/v1/audiences/invoice/rotate', { authorization: admin })).status).toBe(200);
    expect(issuer.calls[0]).toMatchObject({ name: 'rotateAudience', args: [{ kind: 'admin' }, 'invoice', false] });
    const answer = await call('POST', '/v1/clients/mail/root-keys', { authorization: admin, body: { surprise: 1 } });
    expect(answer.json['errors']).toEqual([{ pointer: '/surprise', detail: 'unknown member' }]);
  });

  it('authenticates before it looks at anything', async () => {
    const { call } = createTestApp();
    expect((await call('POST', '/v1/clients', { body: '{' })).status).toBe(401);
    expect((await call('GET', '/v1/clients/NO_NAME')).status).toBe(401);
  });
});

describe('queries and paths', () => {
  it.each([
    ['/v1/audit?limit=0', '/limit'],
    ['/v1/audit?limit=1001', '/limit'],
    ['/v1/audit?limit=0x10', '/limit'],
    ['/v1/audit?limit=%201', '/limit'],
    ['/v1/audit?after=-1', '/after'],
    ['/v1/audit?after=1&after=2', '/after'],
    ['/v1/audit?since=yesterday', '/since'],
    ['/v1/audit?colour=red', '/colour'],
    ['/v1/audit?__proto__=red', '/__proto__'],
    ['/v1/clients?x=', '/x'],
    ['/v1/clients/MAIL', '/client'],
    ['/v1/clients/m%20l', '/client'],
  ])('points to what is wrong: %s', async (path, pointer) => {
    const { call } = createTestApp();
    const answer = await call('GET', path, { authorization: admin });
    expect(answer.status).toBe(400);
    expect(answer.json['errors']).toEqual([{ pointer, detail: expect.any(String) }]);
  });

  it('hands a filter of the audit log on as times and numbers', async () => {
    const { call, issuer } = createTestApp();
    await call('GET', '/v1/audit?client=mail&actor=(local)&since=2026-11-21T12:00:00Z&after=5&limit=7', { authorization: admin });
    expect(issuer.calls[0]).toMatchObject({
      name: 'audit',
      args: [{ client: 'mail', actor: '(local)', sinceMs: nowMs, untilMs: undefined, after: 5, limit: 7 }],
    });
  });

  it('hands a cursor and a generation on as numbers', async () => {
    const { call, issuer } = createTestApp();
    const authorization = basic('invoice-server');
    await call('GET', '/v1/audiences/invoice/keys?after=12', { authorization });
    await call('GET', '/v1/audiences/invoice/keys/AZ8MfjwqfxuPADpfbB0uSw?generation=4294967295', { authorization });
    await call('GET', '/v1/revocations', { authorization });
    expect(issuer.calls.map(({ name, args }) => [name, ...args])).toEqual([
      ['audienceKeys', 'invoice', 12],
      ['audienceKey', 'invoice', 'AZ8MfjwqfxuPADpfbB0uSw', 4294967295],
      ['revocations', ['invoice'], 0],
    ]);
    const beyond = await call('GET', '/v1/audiences/invoice/keys/AZ8MfjwqfxuPADpfbB0uSw?generation=4294967296', {
      authorization,
    });
    expect(beyond.status).toBe(400);
  });

  it('takes a grant whose audience is repeated in the body, and no other', async () => {
    const { call, issuer } = createTestApp();
    const path = '/v1/clients/mail/grants/invoice';
    const terms = { actions: ['invoices:read'] };
    expect((await call('PUT', path, { authorization: admin, body: { ...terms, audience: 'invoice' } })).status).toBe(200);
    expect((await call('PUT', path, { authorization: admin, body: terms })).status).toBe(200);
    expect(issuer.calls.map(({ args }) => args[2])).toEqual([
      { ...terms, audience: 'invoice' },
      { ...terms, audience: 'invoice' },
    ]);
    const answer = await call('PUT', path, { authorization: admin, body: { ...terms, audience: 'payments' } });
    expect(answer.json['errors']).toMatchObject([{ pointer: '/audience' }]);
  });
});

describe('errors that are thrown', () => {
  it.each([
    ['conflict', 409],
    ['grant_exceeded', 403],
    ['not_found', 404],
  ] as const)('a use case refuses with %s', async (code, status) => {
    const { call, issuer } = createTestApp();
    issuer.replace('createClient', () => Promise.reject(new IssuerError(code, 'because', '/client')));
    const answer = await call('POST', '/v1/clients', { authorization: admin, body: { client: 'new' } });
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ code, detail: 'because', errors: [{ pointer: '/client', detail: 'because' }] });
  });

  it.each([
    ['ERR_STORE_FULL', 503, 'storage_full'],
    ['ERR_STORE_UNAVAILABLE', 503, 'unavailable'],
    ['ERR_STORE_CORRUPT', 503, 'unavailable'],
    ['ERR_ARGUMENT', 500, 'internal_error'],
    ['ERR_LIMIT_IDENTIFIER', 500, 'internal_error'],
  ] as const)('broken machinery: %s', async (thrown, status, code) => {
    const { call, issuer } = createTestApp();
    issuer.replace('mint', () => Promise.reject(new MacaroonError(thrown, 'inner matters')));
    const answer = await call('POST', '/v1/tokens', { authorization: basic('mail'), body: { audience: 'invoice' } });
    expect(answer.status).toBe(status);
    expect(answer.json['code']).toBe(code);
    expect(answer.text).not.toContain('inner matters');
  });

  it.each([new Error('SELECT secret FROM row'), 'a string', undefined, new TypeError('x is not a function')])(
    'anything else is a constant 500 with the id of the request: %s',
    async (thrown) => {
      const { call, issuer, lines } = createTestApp();
      issuer.replace('clients', () => Promise.reject(thrown));
      const answer = await call('GET', '/v1/clients', { authorization: admin });
      const requestId = answer.headers.get('x-request-id');
      expect(answer.status).toBe(500);
      expect(answer.json).toEqual({
        type: 'urn:macaroond:problem:internal_error',
        title: problems.internal_error.title,
        status: 500,
        code: 'internal_error',
        instance: `urn:request:${requestId}`,
      });
      const fault = lines.map((line) => JSON.parse(line)).find((line) => line.msg === 'fault');
      expect(fault).toMatchObject({ request_id: requestId, causes: [{ name: expect.any(String) }] });
      expect(lines.join('')).not.toContain('SELECT secret');
    },
  );

  it('is 503, never 401 and never allowed, when logins or keys cannot be read', async () => {
    const { call, issuer } = createTestApp();
    const broken = () => Promise.reject(new MacaroonError('ERR_STORE_UNAVAILABLE', 'gone'));
    issuer.replace('credentialsForLogin', broken);
    issuer.replace('findKey', broken);
    expect((await call('POST', '/v1/tokens', { authorization: basic('mail'), body: { audience: 'invoice' } })).status).toBe(503);
    expect((await call('GET', '/v1/clients', { authorization: admin })).status).toBe(503);
    const brokenAtOnce = () => {
      throw new MacaroonError('ERR_STORE_UNAVAILABLE', 'gone');
    };
    issuer.replace('credentialsForLogin', brokenAtOnce);
    issuer.replace('findKey', brokenAtOnce);
    expect((await call('POST', '/v1/tokens', { authorization: basic('mail'), body: { audience: 'invoice' } })).status).toBe(503);
    expect((await call('GET', '/v1/clients', { authorization: admin })).status).toBe(503);
  });

  it('tells readiness', async () => {
    expect((await createTestApp().call('GET', '/readyz')).json).toEqual({ status: 'ok' });
    const { call } = createTestApp({ checkReady: () => Promise.reject(new Error('no store')) });
    expect((await call('GET', '/readyz')).json['code']).toBe('unavailable');
    expect((await call('GET', '/livez')).status).toBe(200);
  });
});

describe('the log', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('has one line a request, with the pattern of the route and no secret', async () => {
    const { call, lines } = createTestApp();
    const token = tokenOf();
    await call('POST', '/v1/tokens', {
      authorization: basic('mail'),
      body: { audience: 'invoice' },
      headers: { 'x-request-id': 'job-7' },
    });
    await call('POST', '/v1/tokens', { authorization: basic('mail', 'wr0ng-secret'), headers: { 'x-request-id': 'a b' } });
    await call('GET', '/v1/clients/mail/grants?token=in-the-query', { authorization: `Macaroon ${token}` });
    await call('GET', '/secret-in-the-path');
    const entries = lines.map((line) => JSON.parse(line));
    expect(entries).toHaveLength(4);
    expect(entries[0]).toEqual({
      level: 30,
      time: expect.any(String),
      msg: 'request',
      request_id: expect.stringMatching(uuidPattern),
      client_request_id: 'job-7',
      method: 'POST',
      route: '/v1/tokens',
      status: 201,
      ms: expect.any(Number),
      client: 'mail',
      address: '192.0.2.7',
    });
    expect(entries[1]).not.toHaveProperty('client_request_id');
    expect(entries[1]).not.toHaveProperty('client');
    expect(entries[2]).toMatchObject({ route: '/v1/clients/{client}/grants', client: 'admin', status: 400 });
    expect(entries[3]).toMatchObject({ route: '(none)', status: 404 });
    const all = lines.join('');
    const secrets = [secretOf('mail'), 'wr0ng-secret', token, token.slice(4, 40), 'in-the-query', 'secret-in-the-path', 'Basic'];
    for (const secret of secrets) expect(all).not.toContain(secret);
  });

  it('has a bounded number of lines of strangers, then how many there were; and every line of who is known', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    const { call, lines, issuer } = createTestApp();
    for (let i = 0; i < 100; i++) await call('GET', '/nowhere');
    expect(lines).toHaveLength(60);
    for (let i = 0; i < 100; i++) await call('POST', '/v1/tokens', { authorization: basic('mail', 'wrong') });
    expect(lines).toHaveLength(60);
    for (let i = 0; i < 5; i++) await call('GET', '/v1/clients/mail/grants?x=1', { authorization: admin });
    expect(lines).toHaveLength(65);
    issuer.replace('clients', () => Promise.reject(new Error('broken')));
    await call('GET', '/v1/clients', { authorization: admin });
    expect(lines).toHaveLength(67);
    vi.advanceTimersByTime(60_000);
    expect(JSON.parse(lines[67] ?? '')).toMatchObject({ level: 40, suppressed: 140 });
    await call('GET', '/nowhere');
    expect(lines).toHaveLength(69);
    vi.advanceTimersByTime(60_000);
    expect(lines).toHaveLength(69);
  });

  it('has a bounded number of faults that strangers cause', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    const { call, lines, issuer } = createTestApp();
    issuer.replace('credentialsForLogin', () => Promise.reject(new MacaroonError('ERR_STORE_UNAVAILABLE', 'gone')));
    for (let i = 0; i < 100; i++) await call('POST', '/v1/tokens', { authorization: basic('mail') });
    expect(lines).toHaveLength(120);
    vi.advanceTimersByTime(60_000);
    expect(lines.slice(120).map((line) => JSON.parse(line))).toMatchObject([
      { level: 50, suppressed: 40 },
      { level: 40, suppressed: 40 },
    ]);
  });

  it('has health and discovery at level debug', async () => {
    const { call, lines } = createTestApp();
    for (const path of ['/livez', '/readyz', '/.well-known/macaroond', '/v1/openapi.json']) await call('GET', path);
    expect(lines.map((line) => JSON.parse(line).level)).toEqual([20, 20, 20, 20]);
  });
});
