/** The servers that are measured, with a client each, and the requests that they are asked. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import * as core from '../../../dist/core/index.js';
import { context } from '../library/conditions.mjs';
import { newHolder, newMacaroon, textOf } from '../library/tokens.mjs';
import { basic, form, json } from './requests.mjs';
import { runCli, startIssuer, startPeer } from './server-process.mjs';

/** More than the issuer has an eye for: as they go round, each is verified anew. */
const unseenTokens = 24_000;
/** Tokens that are shown again and again, as clients show theirs. */
const hotTokens = 500;
const verifiedCaveats = 5;
/** What a new token is asked to hold. */
const mintedConditions = ['ip 10.0.0.0/8', 'method GET'];

/**
 * Starts every server, with data below `folder`; with TLS where there is a `certificate` (`cert` and `key`, paths). Gives the `contenders`, each
 * `{ path, contender, caveats, server, requests, status }`, and `stop()`.
 */
export async function startContenders(folder, certificate) {
  mkdirSync(folder, { recursive: true });
  const clientSecret = randomBytes(32).toString('base64url');
  const tls = certificate === undefined ? {} : { BENCH_TLS_CERT: certificate.cert, BENCH_TLS_KEY: certificate.key };
  const data = join(folder, 'data');
  const args = certificate === undefined ? ['--plain-http'] : ['--tls-cert', certificate.cert, '--tls-key', certificate.key];
  const issuer = await startIssuer(data, args);
  const echo = await startPeer('echo-server.mjs', tls);
  const oidc = await startPeer('oidc-server.mjs', { ...tls, BENCH_CLIENT_SECRET: clientSecret });
  const ca = certificate === undefined ? undefined : readFileSync(certificate.cert, 'utf8');

  const mail = await addClient(data, 'mail', ['--grant', 'invoice=invoices:read']);
  const verifier = await addClient(data, 'invoice-server', ['--verifier-of', 'invoice']);
  const tokens = await tokensOf(issuer.port, ca, verifier);
  const oidcClient = { name: 'mail', secret: clientSecret };
  const oidcTokens = [];
  while (oidcTokens.length < hotTokens) oidcTokens.push(await newOidcToken(oidc.port, ca, oidcClient));
  const mintBody = JSON.stringify({
    audience: 'invoice',
    actions: ['invoices:read'],
    expires_in: 600,
    caveats: mintedConditions,
  });
  const caveats = mintedConditions.length;

  const verifications = tokens.map((token) =>
    json('/v1/verify', verifier, JSON.stringify({ token, audience: 'invoice', context })),
  );
  const verifying = { contender: 'macaroond', caveats: verifiedCaveats, server: issuer, status: 200 };
  const contenders = [
    { path: 'echo', contender: 'hono', caveats: 0, server: echo, status: 200, requests: [json('/echo', mail, mintBody)] },
    {
      path: 'mint',
      contender: 'macaroond',
      caveats,
      server: issuer,
      status: 201,
      requests: [json('/v1/tokens', mail, mintBody)],
    },
    {
      path: 'mint',
      contender: 'oidc-provider',
      caveats: 0,
      server: oidc,
      status: 200,
      requests: [form('/token', oidcClient, mintForm)],
    },
    { ...verifying, path: 'verify', requests: verifications.slice(0, hotTokens) },
    { ...verifying, path: 'verify-unseen', requests: verifications.slice(hotTokens) },
    {
      path: 'verify',
      contender: 'oidc-provider',
      caveats: 0,
      server: oidc,
      status: 200,
      requests: oidcTokens.map((token) => form('/token/introspection', oidcClient, `token=${token}`)),
    },
  ];
  return { ca, contenders, stop: () => Promise.all([issuer.stop(), echo.stop(), oidc.stop()]) };
}

const mintForm = 'grant_type=client_credentials&scope=invoices%3Aread';

function addClient(data, name, args) {
  if (name === 'mail') runCli(data, ['audience', 'add', 'invoice']);
  const { credentials } = runCli(data, ['client', 'add', name, ...args]);
  return { name, secret: credentials[0].secret };
}

/** Tokens of `mail` made with the audience's key, as the issuer would make them. */
async function tokensOf(port, ca, verifier) {
  const { keys } = await ask(port, ca, { method: 'GET', path: '/v1/audiences/invoice/keys', client: verifier });
  const { client, root_key_id: rootKeyId, generation, key } = keys.find((one) => one.client === 'mail');
  const holder = newHolder(client, core.decodeBase64url(rootKeyId), core.decodeBase64url(key), generation);
  return Array.from({ length: hotTokens + unseenTokens }, () => textOf(newMacaroon(verifiedCaveats, holder)));
}

async function newOidcToken(port, ca, client) {
  const type = 'application/x-www-form-urlencoded';
  const { access_token: token } = await ask(port, ca, { method: 'POST', path: '/token', client, type, body: mintForm });
  return token;
}

async function ask(port, ca, { method, path, client, type, body }) {
  const dispatcher = new Agent({ connect: { ca } });
  const headers = { authorization: basic(client), ...(type === undefined ? {} : { 'content-type': type }) };
  const scheme = ca === undefined ? 'http' : 'https';
  const response = await request(`${scheme}://localhost:${port}${path}`, { method, headers, body, dispatcher });
  const text = await response.body.text();
  await dispatcher.close();
  if (response.statusCode !== 200) throw new Error(`${path} answered ${response.statusCode}: ${text}`);
  return JSON.parse(text);
}
