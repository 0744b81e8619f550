import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { basic } from './fake-issuer.js';
import { openRaw, parseAnswers, requestText, sendRaw } from './raw-client.js';
import { type RunningServer, startTestServer } from './running-server.js';

let server: RunningServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const mintBody = JSON.stringify({ audience: 'invoice' });
const authorization = `Authorization: ${basic('mail')}`;
const json = 'Content-Type: application/json';

async function only(bytes: string) {
  const answers = await sendRaw(server.port, bytes);
  expect(answers).toHaveLength(1);
  const [answer] = answers;
  if (answer === undefined) throw new Error('no answer');
  return { ...answer, problem: answer.headers['content-type'] === 'application/problem+json' ? JSON.parse(answer.body) : {} };
}

const fillers = (count: number): string[] => Array.from({ length: count }, (_, i) => `X-Filler-${i}: y`);

describe('what is let through', () => {
  it('a plain request', async () => {
    expect((await only(requestText('GET /livez'))).status).toBe(200);
  });

  it('a request by HTTP/1.0 that names its host', async () => {
    expect((await only('GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n')).status).toBe(200);
  });

  it.each(['localhost', 'localhost:8443', 'issuer:80', '127.0.0.1', '[::1]:8443', '[::1]', 'Issuer.Example.COM', 'a_b-c:65535'])(
    'Host: %s',
    async (host) => {
      expect((await only(`GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).status).toBe(200);
    },
  );

  it('64 headers, with the authorization behind them', async () => {
    const headers = [...fillers(59), json, `Content-Length: ${mintBody.length}`, authorization];
    expect((await only(requestText('POST /v1/tokens', headers, mintBody))).status).toBe(201);
  });

  it('a chunked body', async () => {
    const body = `${mintBody.length.toString(16)}\r\n${mintBody}\r\n0\r\n\r\n`;
    const headers = ['Transfer-Encoding: chunked', json, authorization];
    expect((await only(requestText('POST /v1/tokens', headers, body))).status).toBe(201);
  });

  it('a body length of zero with GET, and an encoded query', async () => {
    expect((await only(requestText('GET /v1/audit?actor=%28local%29', ['Content-Length: 0']))).status).toBe(401);
  });

  it('an Upgrade header, which is not followed', async () => {
    expect((await only(requestText('GET /livez', ['Upgrade: h2c']))).status).toBe(200);
  });
});

describe('what is refused, with a problem and the end of the connection', () => {
  const host = 'Host: localhost';
  it.each<[string, string, number, string]>([
    ['65 headers', requestText('GET /livez', fillers(63)), 431, 'headers_too_large'],
    ['1,100 headers', requestText('GET /livez', [...fillers(1097), authorization]), 431, 'headers_too_large'],
    ['headers past 16 KiB', requestText('GET /livez', [`X-Long: ${'a'.repeat(17_000)}`]), 431, 'headers_too_large'],
    ['a repeated Authorization', requestText('GET /livez', [authorization, authorization]), 400, 'invalid_request'],
    ['a repeated Host', requestText('GET /livez', [host]), 400, 'invalid_request'],
    ['a repeated Host in another case', requestText('GET /livez', ['hOST: other']), 400, 'invalid_request'],
    ['a repeated Content-Type', requestText('POST /v1/tokens', [json, json]), 400, 'invalid_request'],
    [
      'a repeated Content-Length',
      requestText('POST /v1/tokens', ['Content-Length: 0', 'Content-Length: 0']),
      400,
      'invalid_request',
    ],
    ['no Host', 'GET /livez HTTP/1.1\r\n\r\n', 400, 'invalid_request'],
    ['an empty Host', 'GET /livez HTTP/1.1\r\nHost:\r\n\r\n', 400, 'invalid_request'],
    ...['[1:2]', '[0:0::1]:8443', 'localhost:70000', '0x7f.1', '999.1.1.1', 'XN--ZZZZZZ'].map(
      (odd): [string, string, number, string] => [
        `Host: ${odd}`,
        `GET /livez HTTP/1.1\r\nHost: ${odd}\r\n\r\n`,
        400,
        'invalid_request',
      ],
    ),
    ['a Host that is none', 'GET /livez HTTP/1.1\r\nHost: a b/c\r\n\r\n', 400, 'invalid_request'],
    ['an absolute-form target', requestText('GET http://evil.test/livez'), 400, 'invalid_request'],
    ['an asterisk target', requestText('OPTIONS *'), 400, 'invalid_request'],
    ['a path with an empty segment', requestText('GET //livez'), 400, 'invalid_request'],
    ['a path with a dot segment', requestText('GET /v1/../livez'), 400, 'invalid_request'],
    ['a path with encoded dots', requestText('GET /v1/%2e%2e/livez'), 400, 'invalid_request'],
    ['a path with an encoded letter', requestText('GET /live%7A'), 400, 'invalid_request'],
    ['a path with Latin-1 bytes', requestText('GET /live\xe9'), 400, 'invalid_request'],
    ['a path with a backslash', requestText('GET /v1\\livez'), 400, 'invalid_request'],
    ['a fragment', requestText('GET /livez#x'), 400, 'invalid_request'],
    ['a query with Latin-1 bytes', requestText('GET /livez?a=\xe9'), 400, 'invalid_request'],
    ['a query with a broken escape', requestText('GET /livez?a=%zz'), 400, 'invalid_request'],
    ['TRACE', requestText('TRACE /livez'), 405, 'method_not_allowed'],
    ['CONNECT', 'CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test\r\n\r\n', 405, 'method_not_allowed'],
    ['a body with GET', requestText('GET /livez', ['Content-Length: 1'], 'x'), 400, 'invalid_request'],
    [
      'a chunked body with DELETE',
      requestText('DELETE /livez', ['Transfer-Encoding: chunked'], '0\r\n\r\n'),
      400,
      'invalid_request',
    ],
    ['HTTP/2.0', 'GET /livez HTTP/2.0\r\nHost: localhost\r\n\r\n', 400, 'invalid_request'],
    ['HTTP/0.9', 'GET /livez HTTP/0.9\r\nHost: localhost\r\n\r\n', 400, 'invalid_request'],
    [
      'two encodings',
      requestText('POST /v1/tokens', ['Transfer-Encoding: identity, chunked'], '0\r\n\r\n'),
      400,
      'invalid_request',
    ],
    [
      'Content-Length with Transfer-Encoding',
      requestText('POST /v1/tokens', ['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
      400,
      'invalid_request',
    ],
    ['an unknown expectation', requestText('POST /v1/tokens', ['Expect: magic', 'Content-Length: 0']), 400, 'invalid_request'],
    ['a declared body past the limit', requestText('POST /v1/tokens', ['Content-Length: 65537', json]), 413, 'payload_too_large'],
    ['bytes that are no request', 'nonsense\r\n\r\n', 400, 'invalid_request'],
    ['a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00', 400, 'invalid_request'],
    ['a space before the colon', requestText('GET /livez', ['X-A : b']), 400, 'invalid_request'],
    ['a folded header', requestText('GET /livez', ['X-A: b\r\n c']), 400, 'invalid_request'],
  ])('%s', async (_, bytes, status, code) => {
    const answer = await only(bytes);
    expect([answer.status, answer.problem.code]).toEqual([status, code]);
    expect(answer.problem.status).toBe(status);
    expect(answer.headers['connection']).toBe('close');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.problem.instance).toBe(`urn:request:${answer.headers['x-request-id']}`);
  });

  it('answers HEAD without a body', async () => {
    const text = await sendRaw(server.port, requestText('HEAD //livez'));
    expect(text[0]?.status).toBe(400);
    expect(text[0]?.body).toBe('');
  });

  it('does not go on to a request that was smuggled behind the refused one', async () => {
    const smuggled = 'POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\n';
    const bytes = `${requestText('GET /livez', ['Content-Length: 60'])}${smuggled}`;
    const callsBefore = server.issuer.calls.length;
    expect(await sendRaw(server.port, bytes)).toHaveLength(1);
    expect(server.issuer.calls.length).toBe(callsBefore);
  });

  it('refuses a chunked body that grows past the limit, without holding it', async () => {
    const { socket, received } = openRaw(server.port);
    socket.write(requestText('POST /v1/tokens', ['Transfer-Encoding: chunked', json, authorization]));
    const chunk = `4000\r\n${' '.repeat(0x4000)}\r\n`;
    for (let i = 0; i < 5; i++) socket.write(chunk);
    const [answer] = parseAnswers(await received);
    expect(answer?.status).toBe(413);
    expect(answer?.headers['connection']).toBe('close');
  });

  it('writes a line of the log for each, without path or headers', async () => {
    server.serverLines.length = 0;
    await sendRaw(server.port, requestText('GET /secret//path', [authorization]));
    expect(server.serverLines).toHaveLength(1);
    expect(JSON.parse(server.serverLines[0] ?? '')).toMatchObject({
      method: 'GET',
      route: '(refused)',
      status: 400,
      address: '127.0.0.1',
    });
    expect(server.serverLines.join('')).not.toMatch(/secret|Basic/);
  });
});
