import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type IssuerClient, issuerClient } from '../../../src/client/index.js';
import { readRequestBody, sendJson, startServer, type TestServer } from '../transport/servers.js';

const minted = {
  token: 'mcr_x.y',
  token_id: '019abcde-0000-7000-8000-000000000000',
  root_key_id: 'AAAAAAAAAAAAAAAAAAAAAA',
  client: 'mail',
  audience: 'invoice',
  actions: ['invoices:read'],
  issued_at: '2026-11-21T22:21:00.500Z',
  expires_at: '2026-11-21T23:21:00Z',
  caveats: ['ip 10.0.0.0/8'],
};
let server: TestServer;
let client: IssuerClient;
let answer: [status: number, body: unknown];
const seen: { url: string | undefined; authorization: string | undefined; body: unknown }[] = [];

beforeEach(async () => {
  seen.length = 0;
  server = await startServer(async (request, response) => {
    const { url, headers } = request;
    seen.push({ url, authorization: headers.authorization, body: JSON.parse(await readRequestBody(request)) });
    sendJson(response, ...answer);
  });
  client = issuerClient({ issuer: server.url, client: 'mail', secret: 's:ecret' });
});

afterEach(async () => {
  await client.close();
  await server.close();
});

describe('mint', () => {
  it('proves the client and returns what the issuer minted', async () => {
    answer = [201, minted];
    const token = await client.mint({
      audience: 'invoice',
      actions: ['invoices:read'],
      expiresIn: '1h30m',
      caveats: ['ip 10.0.0.0/8'],
    });
    expect(token).toEqual({
      token: 'mcr_x.y',
      tokenId: minted.token_id,
      rootKeyId: minted.root_key_id,
      client: 'mail',
      audience: 'invoice',
      actions: ['invoices:read'],
      issuedAtMs: Date.parse(minted.issued_at),
      expiresAtMs: Date.parse(minted.expires_at),
      caveats: ['ip 10.0.0.0/8'],
    });
    expect(seen).toEqual([
      {
        url: '/v1/tokens',
        authorization: `Basic ${Buffer.from('mail:s%3Aecret').toString('base64')}`,
        body: { audience: 'invoice', actions: ['invoices:read'], expires_in: 5400, caveats: ['ip 10.0.0.0/8'] },
      },
    ]);
  });

  it('asks for no more than the audience when nothing else is told', async () => {
    answer = [201, minted];
    await client.mint({ audience: 'invoice' });
    expect(seen[0]?.body).toEqual({ audience: 'invoice' });
  });

  it.each<[string, Parameters<IssuerClient['mint']>[0]]>([
    ['a wrong audience', { audience: 'In voice' }],
    ['an empty list of actions', { audience: 'invoice', actions: [] }],
    ['a wrong action', { audience: 'invoice', actions: ['a*'] }],
    ['a wrong duration', { audience: 'invoice', expiresIn: '10 minutes' }],
    ['half a second', { audience: 'invoice', expiresIn: 0.5 }],
    ['no time at all', { audience: 'invoice', expiresIn: 0 }],
  ])('refuses %s without asking', async (_, options) => {
    await expect(client.mint(options)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    expect(seen).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ...Object.keys(minted).map((name): [string, unknown] => [`an answer without ${name}`, { ...minted, [name]: undefined }]),
    ['a time that is none', { ...minted, expires_at: 'soon' }],
    ['a token of another client', { ...minted, client: 'other' }],
    ['a token for another audience', { ...minted, audience: 'other' }],
  ])('calls %s ERR_ISSUER_ANSWER', async (_, body) => {
    answer = [201, body];
    await expect(client.mint({ audience: 'invoice' })).rejects.toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
  });
});

describe('revoke', () => {
  beforeEach(() => {
    answer = [201, {}];
  });

  it('revokes one token', async () => {
    await client.revoke({ tokenId: minted.token_id });
    expect(seen[0]).toMatchObject({ url: '/v1/revocations', body: { kind: 'token', token_id: minted.token_id } });
  });

  it('revokes all of the client before a time', async () => {
    await client.revoke({ allBefore: 'now' });
    for (const time of ['2026-11-21T22:21:00Z', new Date('2026-11-21T22:21:00Z'), Date.parse('2026-11-21T22:21:00Z')]) {
      await client.revoke({ allBefore: time });
    }
    const dated = { kind: 'client', client: 'mail', before: '2026-11-21T22:21:00Z' };
    expect(seen.map(({ body }) => body)).toEqual([{ kind: 'client', client: 'mail' }, dated, dated, dated]);
  });

  it.each<[string, object]>([
    ['nothing', {}],
    ['a token id that is undefined', { tokenId: undefined }],
    ['a token id that is none', { tokenId: 'x' }],
    ['a time that is undefined', { allBefore: undefined }],
    ['a time that is none', { allBefore: 'yesterday' }],
    ['both', { tokenId: minted.token_id, allBefore: 'now' }],
  ])('refuses %s without asking', async (_, target) => {
    await expect(client.revoke(target as Parameters<IssuerClient['revoke']>[0])).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    expect(seen).toEqual([]);
  });
});

it('refuses a client that is no name and a plain far issuer', () => {
  const refusal = expect.objectContaining({ code: 'ERR_ARGUMENT' });
  expect(() => issuerClient({ issuer: 'https://localhost', client: 'A B', secret: 's' })).toThrow(refusal);
  expect(() => issuerClient({ issuer: 'http://far.example', client: 'mail', secret: 's' })).toThrow(refusal);
});
