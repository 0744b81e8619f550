import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InterferenceError, type SealedFetch, type SealedFetchOptions, sealedFetch } from '../../../src/client/index.js';
import { createVerifier, staticKeys, type VerifierOptions } from '../../../src/verifier/index.js';
import { requireMacaroon } from '../../../src/verifier/node.js';
import { type Interference, type ManInTheMiddle, manInTheMiddle, withHeader } from '../../support/man-in-the-middle.js';
import { audience, nowMs, staticKey, tokenOf } from '../verifier/samples.js';
import { eternalStore } from '../verifier/sealed-samples.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let man: ManInTheMiddle;
let service: Server;
let handled: string[];
let handler: Handler;
let serviceClockMs: number;
const fetches: SealedFetch[] = [];

beforeEach(async () => {
  handled = [];
  serviceClockMs = nowMs;
  handler = (_request, response) => void response.writeHead(200, { 'content-type': 'text/plain' }).end('done');
  man = await manInTheMiddle();
  service = await serviceAt(man.origin);
  man.serverPort = (service.address() as AddressInfo).port;
});

afterEach(async () => {
  for (const fetch of fetches.splice(0)) await fetch.close();
  await man.close();
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
});

async function serviceAt(origin: string, options: Partial<VerifierOptions> = {}): Promise<Server> {
  const verifier = createVerifier({
    audience,
    keys: staticKeys([staticKey]),
    clock: () => serviceClockMs,
    origins: [origin],
    replayStore: eternalStore(),
    ...options,
  });
  const guard = requireMacaroon(verifier, { action: 'invoices:read' });
  const server = createServer(async (request, response) => {
    if ((await guard(request, response)) === undefined) return;
    handled.push(`${request.method} ${request.url}`);
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function client(options: SealedFetchOptions = {}, token = tokenOf()): SealedFetch {
  const fetch = sealedFetch(token, { clock: () => nowMs, ...options });
  fetches.push(fetch);
  return fetch;
}

const url = (path: string) => `${man.origin}${path}`;
const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"sum":42}' };

describe('sealedFetch', () => {
  it('brings a request and its answer, with what is asked for and nothing that could change it', async () => {
    const answer = await client()(url('/invoices?draft=1#part'), json);
    expect([answer.status, await answer.text(), answer.outcome]).toEqual([200, 'done', 'known']);
    expect(handled).toEqual(['POST /invoices?draft=1']);
    expect(man.requests[0]?.headers.map((text) => text.toLowerCase())).toContain('identity');
  });

  it.each(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH'])('sends %s', async (method) => {
    const answer = await client()(url('/invoices'), { method });
    expect([answer.status, await answer.text()]).toEqual([200, method === 'HEAD' ? '' : 'done']);
  });

  it.each([204, 302, 304, 404, 409])('gives an answer of %s as it is', async (status) => {
    handler = (_request, response) => void response.writeHead(status, { location: '/elsewhere' }).end();
    const answer = await client()(url('/invoices'), json);
    expect([answer.status, answer.headers.get('location'), answer.outcome]).toEqual([status, '/elsewhere', 'known']);
    expect(handled).toHaveLength(1);
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['an object', {}],
    ['a list', [1]],
    ['a buffer', new ArrayBuffer(2)],
    ['wider numbers', new Uint16Array(2)],
  ])('refuses %s for a body', async (_, body) => {
    const call = client()(url('/payments'), { method: 'POST', body: body as never });
    await expect(call).rejects.toMatchObject({ code: 'ERR_ARGUMENT', argument: 'body' });
    expect(handled).toEqual([]);
  });

  it('tells of a status that there is not, and that nobody knows what became of the request', async () => {
    handler = (_request, response) => void response.writeHead(601).end();
    const call = client()(url('/payments'), json);
    await expect(call).rejects.toMatchObject({ code: 'ERR_SERVICE_ANSWER', status: 601, outcome: 'unknown' });
  });

  it('keeps every cookie', async () => {
    handler = (_request, response) => void response.writeHead(200, { 'set-cookie': ['a=1', 'b=2'] }).end();
    expect((await client()(url('/'))).headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  });

  it.each<[string, string, Parameters<SealedFetch>[1], string]>([
    ['a URL that is none', 'invoices', {}, 'url'],
    ['a URL of another scheme', 'file:///etc/passwd', {}, 'url'],
    ['a URL with a user', 'https://a:b@invoice.example/', {}, 'url'],
    ['a path that is not canonical', 'https://invoice.example/a//b', {}, 'request'],
    ['a method in lower case', 'https://invoice.example/', { method: 'post' }, 'request'],
    ['a body of GET', 'https://invoice.example/', { body: 'x' }, 'body'],
    ['an authorization of its own', 'https://invoice.example/', { headers: { Authorization: 'x' } }, 'headers'],
    ['another method', 'https://invoice.example/', { headers: { 'X-HTTP-Method-Override': 'PUT' } }, 'headers'],
    ['a target that is too long', `https://invoice.example/${'a'.repeat(1000)}`, {}, 'ERR_LIMIT_CONDITION'],
  ])('refuses %s', async (_, to, init, argument) => {
    const expected = argument.startsWith('ERR_') ? { code: argument } : { code: 'ERR_ARGUMENT', argument };
    await expect(client()(to, init)).rejects.toMatchObject(expected);
  });

  it('refuses options that there are not, and texts that are no token', () => {
    expect(() => sealedFetch(tokenOf(), { retries: 3 } as SealedFetchOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT' }),
    );
    expect(() => sealedFetch('mcr_x')).toThrow(expect.objectContaining({ code: 'ERR_FORMAT_CHECKSUM' }));
  });

  it('tells a service that is not there', async () => {
    man.interfere = () => Promise.reject(new Error('gone'));
    await expect(client()(url('/'))).rejects.toMatchObject({ code: 'ERR_SERVICE_UNREACHABLE' });
  });
});

describe('an answer that somebody tampered with', () => {
  const changes: readonly [string, Interference, string][] = [
    ['another body', async (request, forward) => ({ ...(await forward(request)), body: Buffer.from('DONE') }), 'wrong'],
    ['another status', async (request, forward) => ({ ...(await forward(request)), status: 201 }), 'wrong'],
    [
      'another content type',
      async (request, forward) => {
        const answer = await forward(request);
        return { ...answer, headers: withHeader(answer.headers, 'content-type', 'text/html') };
      },
      'wrong',
    ],
    [
      'a location',
      async (request, forward) => {
        const answer = await forward(request);
        return { ...answer, headers: [...answer.headers, 'location', 'https://evil.example/'] };
      },
      'wrong',
    ],
    [
      'no signature',
      async (request, forward) => {
        const answer = await forward(request);
        return { ...answer, headers: withHeader(withHeader(answer.headers, 'signature'), 'signature-input') };
      },
      'missing',
    ],
    [
      'half of the signature',
      async (request, forward) => {
        const answer = await forward(request);
        return { ...answer, headers: withHeader(answer.headers, 'signature') };
      },
      'wrong',
    ],
    [
      'an invention',
      async () => ({ status: 200, headers: ['content-type', 'text/plain'], body: Buffer.from('done') }),
      'missing',
    ],
  ];

  it.each(changes)('is refused: %s', async (_, interfere, kind) => {
    man.interfere = interfere;
    const error = await client()(url('/invoices'), json).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InterferenceError);
    expect(error).toMatchObject({ code: 'ERR_INTERFERENCE', kind, outcome: 'unknown' });
  });

  it('is refused when it answered another request of the same token', async () => {
    const fetch = client();
    let kept: Awaited<ReturnType<Interference>> | undefined;
    man.interfere = async (request, forward) => {
      const answer = await forward(request);
      kept ??= answer;
      return kept;
    };
    expect((await fetch(url('/invoices'), json)).status).toBe(200);
    await expect(fetch(url('/invoices'), json)).rejects.toMatchObject({ kind: 'repeated' });
    expect(handled).toHaveLength(2);
  });

  it('is refused when it answered another client with the same token', async () => {
    let kept: Awaited<ReturnType<Interference>> | undefined;
    man.interfere = async (request, forward) => {
      const answer = await forward(request);
      kept ??= answer;
      return kept;
    };
    await client()(url('/invoices'), json);
    await expect(client()(url('/invoices'), json)).rejects.toMatchObject({ kind: 'wrong' });
  });
});

describe('a request that somebody tampered with', () => {
  const twice: Interference = async (request, forward) => {
    await forward(request);
    return forward(request);
  };

  it('is carried out once when it is brought twice, and its refusal says nothing about the first copy', async () => {
    man.interfere = twice;
    const answer = await client()(url('/invoices'), json);
    expect([answer.status, answer.outcome]).toEqual([401, 'unknown']);
    expect(handled).toEqual(['POST /invoices']);
    expect(man.requests).toHaveLength(1);
  });

  it.each(['GET', 'HEAD'])('is sent anew by itself when it is %s', async (method) => {
    man.interfere = async (request, forward) => {
      man.interfere = (next, on) => on(next);
      return twice(request, forward);
    };
    const answer = await client()(url('/invoices'), { method });
    expect([answer.status, answer.outcome]).toEqual([200, 'known']);
    expect(handled).toEqual([`${method} /invoices`, `${method} /invoices`]);
    expect(man.requests).toHaveLength(2);
  });

  it('is sent anew once and no more', async () => {
    man.interfere = twice;
    const answer = await client()(url('/invoices'));
    expect([answer.status, man.requests.length]).toEqual([401, 2]);
  });

  it.each<[string, (request: Parameters<Interference>[0]) => Parameters<Interference>[0]]>([
    ['body', (request) => ({ ...request, body: Buffer.from('{"sum":43}') })],
    ['query', (request) => ({ ...request, target: '/invoices?all' })],
    ['content type', (request) => ({ ...request, headers: withHeader(request.headers, 'content-type', 'text/plain') })],
    ['override', (request) => ({ ...request, headers: [...request.headers, 'X-Method-Override', 'DELETE'] })],
  ])('is not carried out with another %s', async (_, change) => {
    man.interfere = (request, forward) => forward(change(request));
    const answer = await client()(url('/invoices'), json);
    expect([answer.status, answer.outcome]).toEqual([403, 'unknown']);
    expect(handled).toEqual([]);
  });

  it('is not carried out with another method, and the answer to that is none to ours', async () => {
    man.interfere = (request, forward) => forward({ ...request, method: 'PUT' });
    await expect(client()(url('/invoices'), json)).rejects.toMatchObject({ kind: 'wrong' });
    expect(handled).toEqual([]);
  });

  it('is not carried out by another service of the same audience', async () => {
    const other = await serviceAt('http://other.example');
    man.serverPort = (other.address() as AddressInfo).port;
    const answer = await client()(url('/invoices'), json);
    expect([answer.status, answer.outcome]).toEqual([403, 'unknown']);
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
  });

  it('is not carried out late', async () => {
    man.interfere = (request, forward) => {
      serviceClockMs += 5_000;
      return forward(request);
    };
    const answer = await client()(url('/invoices'), json);
    expect([answer.status, await answer.json()]).toMatchObject([401, { code: 'request_stale' }]);
    expect(handled).toEqual([]);
  });
});

describe('a clock that is wrong', () => {
  it.each([-3_600_000, 90_000])('is corrected by the signed time: %i ms', async (aheadMs) => {
    serviceClockMs = nowMs + aheadMs;
    const fetch = client({}, tokenOf({ issuedAtMs: nowMs - 7_200_000 }));
    const first = await fetch(url('/invoices'), json);
    expect([first.status, first.outcome]).toEqual([401, 'unknown']);
    expect((await fetch(url('/invoices'), json)).status).toBe(200);
    expect(handled).toEqual(['POST /invoices']);
  });

  it.each(['GET', 'HEAD'])('is corrected within one %s', async (method) => {
    serviceClockMs = nowMs + 90_000;
    expect((await client()(url('/invoices'), { method })).status).toBe(200);
  });

  it('is not corrected by an answer that took too long to say much', async () => {
    let localMs = nowMs;
    serviceClockMs = nowMs + 90_000;
    man.interfere = async (request, forward) => {
      const answer = await forward(request);
      localMs += 5_000;
      return answer;
    };
    const fetch = client({ clock: () => localMs });
    await fetch(url('/invoices'), json);
    expect((await fetch(url('/invoices'), json)).status).toBe(401);
  });
});
