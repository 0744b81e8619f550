import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type IssuerClient, issuerClient, type MintOptions, type SecretCredential } from '../../../src/client/index.js';
import { encode, encodeUtf8, MacaroonKey, mint } from '../../../src/core/index.js';
import { Credential } from '../../../src/transport/credential.js';
import { readRequestBody, sendJson, startServer, type TestServer } from '../transport/servers.js';
import { type MintedParts, mintedAnswer } from './minted-answer.js';

const minted = mintedAnswer({ caveats: ['ip 10.0.0.0/8'] });
const foreignToken = encode({ root: mint(new MacaroonKey(encodeUtf8('key')), encodeUtf8('foreign')), discharges: [] });
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
      token: minted.token,
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

  it.each<[string, unknown]>([
    ['no options', undefined],
    ['a text for the options', 'invoice'],
    ['no audience', {}],
    ['a wrong audience', { audience: 'In voice' }],
    ['a number for the audience', { audience: 7 }],
    ['a text for the actions', { audience: 'invoice', actions: 'invoices:read' }],
    ['null for the actions', { audience: 'invoice', actions: null }],
    ['actions with a hole', { audience: 'invoice', actions: Object.assign(new Array(2), { 1: 'invoices:read' }) }],
    ['an action that is null', { audience: 'invoice', actions: [null] }],
    ['a list for the life', { audience: 'invoice', expiresIn: ['10m'] }],
    ['null for the life', { audience: 'invoice', expiresIn: null }],
    ['a text for the caveats', { audience: 'invoice', caveats: 'ip 10.0.0.0/8' }],
    ['a caveat that is a number', { audience: 'invoice', caveats: [7] }],
    ['an empty list of actions', { audience: 'invoice', actions: [] }],
    ['a wrong action', { audience: 'invoice', actions: ['a*'] }],
    ['a wrong duration', { audience: 'invoice', expiresIn: '10 minutes' }],
    ['half a second', { audience: 'invoice', expiresIn: 0.5 }],
    ['no time at all', { audience: 'invoice', expiresIn: 0 }],
  ])('refuses %s without asking', async (_, options) => {
    await expect(client.mint(options as MintOptions)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    expect(seen).toEqual([]);
  });

  it.each([
    ['action', ['invoices:read'], 'actions'],
    ['expires', '10m', 'expiresIn'],
    ['caveat', ['ip 10.0.0.0/8'], 'caveats'],
    ['conditions', ['ip 10.0.0.0/8'], 'caveats'],
  ])('does not take a misspelt %s for none', async (argument, value, meant) => {
    const options = { audience: 'invoice', [argument]: value };
    await expect(client.mint(options)).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
      argument,
      message: expect.stringContaining(meant),
    });
    expect(seen).toEqual([]);
  });

  it.each(['actions', 'expiresIn', 'caveats'])('does not take %s that is undefined for none', async (argument) => {
    const options = { audience: 'invoice', [argument]: undefined };
    await expect(client.mint(options)).rejects.toMatchObject({ code: 'ERR_ARGUMENT', argument });
    expect(seen).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ...Object.keys(minted).map((name): [string, unknown] => [`an answer without ${name}`, { ...minted, [name]: undefined }]),
    ['a time that is none', { ...minted, expires_at: 'soon' }],
    ['a token of another client', mintedAnswer({ client: 'other' })],
    ['a token for another audience', mintedAnswer({ audience: 'other' })],
    ['a token of another client than told', { ...minted, token: mintedAnswer({ client: 'other' }).token }],
    ['a token for another audience than told', { ...minted, token: mintedAnswer({ audience: 'other' }).token }],
    ['another client than the token has', { ...minted, client: 'other' }],
    ['another token id than the token has', { ...minted, token_id: '019abcde-0000-7000-8000-000000000000' }],
    ['another expiry than the token has', { ...minted, expires_at: '2027-11-21T23:21:00Z' }],
    ['fewer actions than the token has', { ...minted, token: mintedAnswer({ actions: ['invoices:*'] }).token }],
    ['a caveat that the token lacks', { ...minted, token: mintedAnswer().token }],
    ['a text that is no token', { ...minted, token: 'mcr_x.y' }],
    ['a macaroon without our identifier', { ...minted, token: foreignToken }],
  ])('calls %s ERR_ISSUER_ANSWER', async (_, body) => {
    answer = [201, body];
    await expect(client.mint({ audience: 'invoice' })).rejects.toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
  });
});

describe('a restriction that was asked for', () => {
  const asked = { audience: 'invoice', actions: ['invoices:*'], expiresIn: 3600, caveats: ['method GET'] };
  const kept = { actions: ['invoices:read', 'invoices:list'], lifeMs: 3_600_000, caveats: ['ip ::1', 'method GET'] };

  it('is in the token, which may be narrower still', async () => {
    answer = [201, mintedAnswer(kept)];
    expect(await client.mint(asked)).toMatchObject({ actions: kept.actions, caveats: kept.caveats });
  });

  it.each<[string, MintedParts]>([
    ['an action beyond it', { ...kept, actions: ['invoices:read', 'payroll:read'] }],
    ['a longer life', { ...kept, lifeMs: 3_600_001 }],
    ['a caveat less', { ...kept, caveats: ['ip ::1'] }],
  ])('makes a token with %s ERR_ISSUER_ANSWER', async (_, parts) => {
    answer = [201, mintedAnswer(parts)];
    await expect(client.mint(asked)).rejects.toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
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
    const date = new Date('2026-11-21T22:21:00Z');
    for (const time of ['2026-11-21T22:21:00Z', date.toISOString(), date, date.getTime()]) {
      await client.revoke({ allBefore: time });
    }
    const dated = { kind: 'client', client: 'mail', before: '2026-11-21T22:21:00Z' };
    expect(seen.map(({ body }) => body)).toEqual([{ kind: 'client', client: 'mail' }, dated, dated, dated, dated]);
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a text', 'now'],
    ['a list', ['now']],
    ['nothing', {}],
    ['a misspelt target', { tokenID: minted.token_id }],
    ['a further member', { tokenId: minted.token_id, before: 'now' }],
    ['a token id that is null', { tokenId: null }],
    ['a token id that is undefined', { tokenId: undefined }],
    ['a token id that is none', { tokenId: 'x' }],
    ['a time that is undefined', { allBefore: undefined }],
    ['a time that is none', { allBefore: 'yesterday' }],
    ...[null, true, false, [], [1], {}, '', Number.NaN, Number.POSITIVE_INFINITY, 0.5, new Date(Number.NaN)].map(
      (allBefore): [string, unknown] => [`a time that is ${inspect(allBefore)}`, { allBefore }],
    ),
    ['both', { tokenId: minted.token_id, allBefore: 'now' }],
  ])('refuses %s without asking', async (_, target) => {
    await expect(client.revoke(target as Parameters<IssuerClient['revoke']>[0])).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    expect(seen).toEqual([]);
  });
});

describe('issuerClient', () => {
  const proof = { issuer: 'https://localhost', client: 'mail', secret: 's' };
  const credential = new Credential({
    issuer: proof.issuer,
    client: proof.client,
    credentialId: 'c1',
    proof: { kind: 'client_secret_basic', secret: 's' },
  });

  it.each<[string, unknown, unknown, string?]>([
    ['no credential', undefined, undefined, 'credential'],
    ['null for the credential', null, undefined, 'credential'],
    ['a client that is no name', { ...proof, client: 'A B' }, undefined, 'client'],
    ['no client', { ...proof, client: undefined }, undefined, 'client'],
    ['no secret', { ...proof, secret: undefined }, undefined, 'secret'],
    ['an empty secret', { ...proof, secret: '' }, undefined, 'secret'],
    ['a plain far issuer', { ...proof, issuer: 'http://far.example' }, undefined, 'issuer'],
    ['a misspelt CA file', { ...proof, cafile: 'ca.crt' }, undefined, 'cafile'],
    ['a misspelt pin', { ...proof, pin_sha256: 'x' }, undefined, 'pin_sha256'],
    ['null for the pin', { ...proof, pinSha256: null }, undefined, 'pinSha256'],
    ['null for the CA', { ...proof, ca: null }, undefined, 'ca'],
    ['a file descriptor for the CA file', { ...proof, caFile: 0 }, undefined, 'caFile'],
    ['null for the options', proof, null, 'options'],
    ['a misspelt option', proof, { timeout: 5 }, 'timeout'],
    ['a time limit that is none', proof, { timeoutMs: '5s' }, 'timeoutMs'],
    ['a time limit below zero', proof, { timeoutMs: -1 }, 'timeoutMs'],
    ['a size that is none', proof, { maxAnswerBytes: Number.NaN }, 'maxAnswerBytes'],
  ])('refuses %s', (_, endpoint, options, argument) => {
    const make = () => issuerClient(endpoint as SecretCredential, options as Parameters<typeof issuerClient>[1]);
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT', argument }));
  });

  it('says why the copy of a credential proves nothing', () => {
    const refusal = expect.objectContaining({
      code: 'ERR_ARGUMENT',
      argument: 'secret',
      message: expect.stringContaining('copies'),
    });
    const copy: object = { ...credential };
    expect(() => issuerClient(copy as SecretCredential)).toThrow(refusal);
  });

  it('takes a credential, and its copy with the secret', async () => {
    for (const endpoint of [credential, { ...credential, secret: 's' }]) await issuerClient(endpoint).close();
  });
});
