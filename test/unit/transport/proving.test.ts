/** Requests that prove their client, and answers that are checked before they are read: with a server that speaks shared_key_hmac. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeBase64url, encodeUtf8 } from '../../../src/core/index.js';
import { answerMac, formatMacFields, macHeader, readMacFields, requestMac } from '../../../src/protocol/shared-key-hmac.js';
import type { CredentialParts, CredentialProof } from '../../../src/transport/credential.js';
import { type HttpMethod, IssuerHttp, type IssuerRequest } from '../../../src/transport/issuer-http.js';
import { readRequestBody, sendJson, startServer, type TestServer } from './servers.js';

const key = new Uint8Array(32).fill(7);
const proof: CredentialProof = { kind: 'shared_key_hmac', key: encodeBase64url(key) };
const nowMs = 1_800_000_000_000;
const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

interface Told {
  readonly status?: number;
  readonly body?: string;
  /** How far the server's clock is ahead. */
  readonly aheadMs?: number;
  /** Called with the answer's bytes and header before they are sent. */
  readonly tamper?: (body: string, header: string) => readonly [body: string, header: string | readonly string[] | undefined];
}

interface Seen {
  readonly action: string;
  readonly nonce: Uint8Array;
  readonly sentAtMs: number;
  /** Whether the MAC is of the bytes that arrived. */
  readonly holds: boolean;
}

let count = 0;

/** An issuer that answers each request as `tell` says, and a connection to it. */
async function macIssuer(tell: (seen: Seen, index: number) => Told): Promise<[IssuerHttp, readonly Seen[], TestServer]> {
  const requests: Seen[] = [];
  const server = await startServer(async (request: IncomingMessage, response: ServerResponse) => {
    const packet = encodeUtf8(await readRequestBody(request));
    const fields = readMacFields(String(request.headers[macHeader]), 'request');
    if (fields?.name === undefined) throw new Error('no proof');
    const { name, nonce, sentAtMs, mac } = fields;
    const action = `${request.method} ${request.url}`;
    const expected = requestMac(key, { nonce, sentAtMs, action, name, packet });
    const seen = { action, nonce, sentAtMs, holds: Buffer.compare(expected, mac) === 0 };
    requests.push(seen);
    const { status = 200, body = '{}', aheadMs = 0, tamper = (text, header) => [text, header] } = tell(seen, requests.length);
    const answerNonce = createHash('sha256').update(String(count++)).digest();
    const answer = { nonce: new Uint8Array(answerNonce), sentAtMs: nowMs + aheadMs };
    const answerProof = answerMac(key, { ...answer, requestNonce: nonce, status, packet: encodeUtf8(body) });
    const [sent, header] = tamper(body, formatMacFields({ ...answer, mac: answerProof }));
    if (header !== undefined) response.setHeader(macHeader, header);
    response.writeHead(status, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json' });
    response.end(sent);
  });
  const http = new IssuerHttp(credentialOf(server, proof), { clock: () => nowMs });
  open.push(http, server);
  return [http, requests, server];
}

function credentialOf({ url: issuer }: TestServer, one: CredentialProof): CredentialParts {
  return { issuer, client: 'mail', credentialId: 'crd_1', proof: one };
}

const refusal = JSON.stringify({ type: 'x', title: 'no', status: 401, code: 'invalid_client' });

describe('a request with a proof', () => {
  it.each<[HttpMethod, string, IssuerRequest]>([
    ['GET', '/v1/audiences/a%2Fb/keys', { query: { after: 0, note: 'ä & ö/+' } }],
    ['POST', '/v1/tokens', { body: { audience: 'ä"\\u0000', list: [1, { b: undefined }] } }],
    ['DELETE', '/v1/x', {}],
  ])('%s %s proves path, query and body as they arrive', async (method, path, request) => {
    const [http, requests] = await macIssuer(() => ({ body: '{"fine":true}' }));
    expect(await http.request(method, path, request)).toEqual({ fine: true });
    expect(requests).toMatchObject([{ holds: true, sentAtMs: nowMs }]);
  });

  it('proves the path of the issuer URL too', async () => {
    const [, requests, server] = await macIssuer(() => ({}));
    const http = new IssuerHttp({ ...credentialOf(server, proof), issuer: `${server.url}/issuer/` }, { clock: () => nowMs });
    open.push(http);
    await http.request('GET', '/v1/x');
    expect(requests).toMatchObject([{ holds: true, action: 'GET /issuer/v1/x' }]);
  });

  it('has a nonce of its own each time', async () => {
    const [http, requests] = await macIssuer(() => ({}));
    await Promise.all(Array.from({ length: 20 }, () => http.request('GET', '/')));
    expect(new Set(requests.map(({ nonce }) => encodeBase64url(nonce))).size).toBe(20);
  });

  it('gives way to an authorization that the caller names', async () => {
    const seen: unknown[] = [];
    const server = await startServer(({ headers }, response) => {
      seen.push([headers.authorization, headers[macHeader]]);
      sendJson(response, 200, {});
    });
    const http = new IssuerHttp(credentialOf(server, proof));
    open.push(http, server);
    await http.request('GET', '/', { authorization: 'Macaroon m' });
    expect(seen).toEqual([['Macaroon m', undefined]]);
  });

  it('asks for answers as they are, as signatures are over their bytes', async () => {
    const seen: unknown[] = [];
    const server = await startServer((request, response) => {
      seen.push(request.headers['accept-encoding']);
      sendJson(response, 200, {});
    });
    const http = new IssuerHttp({ issuer: server.url });
    open.push(http, server);
    await http.request('GET', '/');
    expect(seen).toEqual(['identity']);
  });
});

describe('an answer with a proof', () => {
  it('that is a refusal is told as one', async () => {
    const [http] = await macIssuer(() => ({ status: 401, body: refusal }));
    await expect(http.request('GET', '/')).rejects.toMatchObject({ code: 'ERR_ISSUER_REFUSED', problem: 'invalid_client' });
  });

  it.each<[string, 'missing' | 'wrong' | 'repeated', Told]>([
    ['without its proof', 'missing', { tamper: (body) => [body, undefined] }],
    ['with another body', 'wrong', { tamper: (_, header) => ['{"a":1}', header] }],
    ['with another body that is no JSON', 'wrong', { tamper: (_, header) => ['<p>', header] }],
    ['with a byte more', 'wrong', { tamper: (body, header) => [`${body}\n`, header] }],
    ['with its proof twice', 'wrong', { tamper: (body, header) => [body, [header, header]] }],
    ['with a proof that is none', 'wrong', { tamper: (body) => [body, 'nonsense'] }],
    ['that a proxy refused', 'missing', { status: 502, tamper: () => ['<p>bad gateway', undefined] }],
    ['that sends elsewhere', 'missing', { status: 302, tamper: (body) => [body, undefined] }],
  ])('%s is interference', async (_, kind, told) => {
    const [http, requests] = await macIssuer(() => told);
    await expect(http.request('GET', '/')).rejects.toMatchObject({ code: 'ERR_INTERFERENCE', kind, outcome: 'unknown' });
    expect(requests).toHaveLength(1);
  });

  it('is no answer to another request', async () => {
    let first: readonly [string, string] | undefined;
    const [http] = await macIssuer(() => ({
      tamper: (body, header) => {
        first ??= [body, header];
        return first;
      },
    }));
    await http.request('GET', '/');
    await expect(http.request('GET', '/')).rejects.toMatchObject({ code: 'ERR_INTERFERENCE', kind: 'repeated' });
  });

  it('is not waited for when the connection breaks', async () => {
    const server = await startServer((request) => request.socket.destroy());
    const http = new IssuerHttp(credentialOf(server, proof));
    open.push(http, server);
    await expect(http.request('GET', '/')).rejects.toMatchObject({ code: 'ERR_ISSUER_UNREACHABLE' });
    expect(server.requests).toHaveLength(1);
  });
});

describe('a refusal that a new proof mends', () => {
  const stale = ({ sentAtMs }: Seen, aheadMs: number): Told =>
    sentAtMs === nowMs + aheadMs ? { aheadMs } : { aheadMs, status: 401, body: refusal };

  it('makes the request go out once more, with another nonce and the time of the issuer', async () => {
    const [http, requests] = await macIssuer((seen) => stale(seen, 90_000));
    expect(await http.request('POST', '/v1/x', { body: { a: 1 } })).toEqual({});
    expect(requests.map(({ sentAtMs, holds }) => [sentAtMs - nowMs, holds])).toEqual([
      [0, true],
      [90_000, true],
    ]);
    expect(requests[0]?.nonce).not.toEqual(requests[1]?.nonce);
    await http.request('GET', '/');
    expect(requests).toHaveLength(3);
  });

  it('does so once alone', async () => {
    const [http, requests] = await macIssuer((_, index) => ({ aheadMs: index * 90_000, status: 401, body: refusal }));
    await expect(http.request('GET', '/')).rejects.toMatchObject({ code: 'ERR_ISSUER_REFUSED', problem: 'invalid_client' });
    expect(requests).toHaveLength(2);
  });

  it('is believed of the issuer alone', async () => {
    const tamper = (body: string, header: string) => [body, header.replace(/sent=\d+/, `sent=${nowMs + 90_000}`)] as const;
    const [http, requests] = await macIssuer(() => ({ status: 401, body: refusal, tamper }));
    await expect(http.request('GET', '/')).rejects.toMatchObject({ code: 'ERR_INTERFERENCE', kind: 'wrong' });
    expect(requests).toHaveLength(1);
  });

  it('is checked in its second answer as in its first', async () => {
    const [http, requests] = await macIssuer((seen, index) => ({
      ...stale(seen, 90_000),
      tamper: (body, header) => [body, index === 1 ? header : undefined],
    }));
    await expect(http.request('GET', '/')).rejects.toMatchObject({ code: 'ERR_INTERFERENCE', kind: 'missing' });
    expect(requests).toHaveLength(2);
  });
});

describe('a credential', () => {
  it.each<[string, object, string]>([
    ['of an unknown method', { proof: { kind: 'telepathy' } }, 'proof'],
    ['of TLS without a certificate', { proof: { kind: 'tls_client_auth' } }, 'tls'],
    ['of TLS on plain http', { proof: { kind: 'tls_client_auth' }, tls: { certificate: 'c', privateKey: 'k' } }, 'issuer'],
    ['with a certificate on plain http', { tls: { certificate: 'c', privateKey: 'k' } }, 'issuer'],
    ['with a key that is none', { proof: { kind: 'shared_key_hmac', key: 'AA' } }, 'key'],
    ['with a misspelt member', { TLS: {} }, 'TLS'],
  ])('%s is refused before anything is sent', (_, members, argument) => {
    const parts: CredentialParts = { issuer: 'http://localhost:1', client: 'mail', credentialId: 'c', proof };
    expect(() => new IssuerHttp({ ...parts, ...members })).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT', argument }));
  });
});
