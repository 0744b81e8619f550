import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Credential } from '../../../../src/transport/credential.js';
import { createVerifier, issuerKeys, remoteVerification } from '../../../../src/verifier/index.js';
import { httpIssuerApi, type IssuerApi } from '../../../../src/verifier/key-sources/issuer-api.js';
import { readRequestBody, sendJson, startServer, type TestServer } from '../../transport/servers.js';
import { audience, client, nowMs, rootKeyId, tokenOf } from '../samples.js';
import { firstKey } from './fake-issuer.js';

let server: TestServer;
let api: IssuerApi;
let credential: Credential;
let answer: (url: string) => readonly [status: number, body: unknown];
const seen: { method: string | undefined; url: string; authorization: string | undefined; body: string }[] = [];

beforeEach(async () => {
  seen.length = 0;
  server = await startServer(async (request, response) => {
    const { method, url = '', headers } = request;
    seen.push({ method, url, authorization: headers.authorization, body: await readRequestBody(request) });
    const [status, body] = answer(url);
    sendJson(response, status, body, status < 400 ? 'application/json' : 'application/problem+json');
  });
  credential = new Credential({
    issuer: server.url,
    client: 'invoice-server',
    credentialId: 'c1',
    proof: { kind: 'client_secret_basic', secret: 's' },
  });
  api = httpIssuerApi(credential);
});

afterEach(async () => {
  await api.close();
  await server.close();
});

describe("the issuer's API over HTTP", () => {
  it('is asked by the paths and with the proof that it expects', async () => {
    answer = () => [200, { fine: true }];
    const request = { token: 't', audience, context: { action: 'a' } };
    const answers = [
      await api.audienceKeys(audience, 7),
      await api.audienceKey(audience, rootKeyId, 3),
      await api.revocations(0),
      await api.verify(request),
    ];
    expect(answers).toEqual(Array(4).fill({ fine: true }));
    expect(seen.map(({ method, url, body }) => `${method} ${url} ${body}`.trim())).toEqual([
      'GET /v1/audiences/invoice/keys?after=7',
      `GET /v1/audiences/invoice/keys/${rootKeyId}?generation=3`,
      'GET /v1/revocations?after=0',
      `POST /v1/verify ${JSON.stringify(request)}`,
    ]);
    expect(new Set(seen.map(({ authorization }) => authorization))).toEqual(new Set([`Basic ${btoa('invoice-server:s')}`]));
  });

  it('has no key where the issuer says so, and fails for every other refusal', async () => {
    answer = () => [404, { code: 'not_found', title: 'Not found', status: 404 }];
    expect(await api.audienceKey(audience, rootKeyId, 3)).toBeUndefined();
    await expect(api.revocations(0)).rejects.toMatchObject({ code: 'ERR_ISSUER_REFUSED', problem: 'not_found' });
    answer = () => [403, { code: 'forbidden', title: 'no', status: 403 }];
    await expect(api.audienceKey(audience, rootKeyId, 3)).rejects.toMatchObject({ code: 'ERR_ISSUER_REFUSED' });
  });
});

describe('the lists of an issuer with ten thousand clients', () => {
  it('are read', async () => {
    const keys = Array(10_000).fill(firstKey);
    answer = () => [200, { keys, revocations: keys, cursor: 1, more: false }];
    expect(JSON.stringify(answer('')).length).toBeGreaterThan(2 * 1024 * 1024);
    expect(await api.audienceKeys(audience, 0)).toMatchObject({ keys: { length: 10_000 } });
    expect(await api.revocations(0)).toMatchObject({ revocations: { length: 10_000 } });
  });
});

describe('a source made of a credential', () => {
  it('follows the issuer', async () => {
    answer = (url) => [
      200,
      url.includes('/keys') ? { keys: [firstKey], cursor: 1, more: false } : { revocations: [], cursor: 0, more: false },
    ];
    const verifier = createVerifier({ audience, keys: issuerKeys(credential), clock: () => nowMs });
    expect(await verifier.verify(tokenOf(), { action: 'invoices:read' })).toMatchObject({ ok: true, client });
    await verifier.close();
  });

  it('asks the issuer', async () => {
    answer = () => [200, { authorized: false, code: 'ERR_TOKEN_EXPIRED', message: 'expired' }];
    const verifier = createVerifier({ audience, keys: remoteVerification(credential) });
    expect(await verifier.verify(tokenOf(), { action: 'invoices:read' })).toMatchObject({ code: 'ERR_TOKEN_EXPIRED' });
    await verifier.close();
  });
});
