/**
 * What strangers can tell from answers over real TLS: nothing. An unknown client, a wrong proof, a retired credential and a disabled client get one
 * answer, to the length of each header and of the body; so do enrolments. The audit log tells them apart.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8 } from '../../src/core/index.js';
import { enrolmentMac } from '../../src/protocol/shared-key-hmac.js';
import type { CredentialParts } from '../../src/transport/credential.js';
import { IssuerHttp } from '../../src/transport/issuer-http.js';
import { type IssuerProcess, startIssuer } from '../support/issuer-process.js';
import { headerOf, type Intercepted, withHeader } from '../support/man-in-the-middle.js';
import {
  type Administrator,
  type Ask,
  addClient,
  administratorOf,
  attackedEnvironment,
  audience,
  auditOf,
  failuresOf,
  mintBody,
  otherAudience,
  provedRequest,
  schemes,
} from './attacked-issuer.js';

let issuer: IssuerProcess;
let administrator: Administrator;
let agent: Agent;
let ask: Ask;
let keys: Parameters<typeof addClient>[4];
let http: IssuerHttp;

beforeAll(async () => {
  issuer = await startIssuer({ env: attackedEnvironment });
  administrator = await administratorOf(issuer);
  for (const name of [audience, otherAudience]) await administrator('POST', '/v1/audiences', { audience: name });
  const ca = readFileSync(join(issuer.data, 'ca.crt'), 'utf8');
  agent = new Agent({ ca });
  http = new IssuerHttp({ issuer: issuer.url, ca });
  ask = (method, path, body) => http.request(method, path, body === undefined ? {} : { body });
  keys = (await administrator('GET', '/.well-known/macaroond')).jwks.keys;
});
afterAll(async () => {
  agent?.destroy();
  await http?.close();
  await issuer?.dispose();
});

/** What an answer looks like to somebody who cannot see into ids, dates, nonces and MACs: each is replaced by its length. */
interface Look {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
}

async function lookOf({ method, target, headers, body }: Intercepted): Promise<Look> {
  return await new Promise((resolve, reject) => {
    const outgoing = httpsRequest(issuer.url + target, { method, agent, headers: [...headers] }, (incoming) => {
      const chunks: Uint8Array[] = [];
      incoming.on('data', (chunk: Uint8Array) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.rawHeaders.map((text, i) => (i % 2 === 0 ? text : masked(text))),
          body: masked(decodeUtf8(Buffer.concat(chunks))),
        }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const bytes = /:[A-Za-z0-9+/]{20,}=*:/g;
const nonce = /nonce="[^"]*"/g;
const time = /(?<=created=|sent=)\d+/g;
const date = /\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/g;

function masked(text: string): string {
  const length = (found: string) => `<${found.length}>`;
  return [uuid, bytes, nonce, time, date].reduce((kept, pattern) => kept.replace(pattern, length), text);
}

/** Names of one length, so that nothing depends on them. */
const nameOf = (scheme: string, kind: 'live' | 'gone' | 'off' | 'none') => `${scheme}-${kind.padEnd(4, 'x')}`;
const proofHeaders = ['authorization', 'signature', 'macaroond-mac', 'macaroond-challenge', 'macaroond-encrypted-time'];

/** What is posted as JSON, by a client that sends nothing else. */
function posted(target: string, body: Uint8Array, headers: Readonly<Record<string, string>> = {}): Intercepted {
  const common = { host: new URL(issuer.url).host, 'content-type': 'application/json', 'content-length': String(body.length) };
  return { method: 'POST', target, headers: Object.entries({ ...common, ...headers }).flat(), body };
}

/** `request` with one character of its proof changed. */
function damaged(request: Intercepted): Intercepted {
  const name = proofHeaders.find((one) => headerOf(request.headers, one) !== '') ?? '';
  const value = headerOf(request.headers, name);
  const at = Math.max(value.lastIndexOf(':'), value.length - 1) - 8;
  const changed = value.slice(0, at) + (value[at] === 'A' ? 'B' : 'A') + value.slice(at + 1);
  return { ...request, headers: withHeader(request.headers, name, changed) };
}

/** `request` as if somebody else had made it. */
function renamed(request: Intercepted, from: CredentialParts, client: string): Intercepted {
  const id = `crd_${'A'.repeat(from.credentialId.length - 4)}`;
  const swap = (text: string) => text.replace(`"${from.client}"`, `"${client}"`).replace(from.credentialId, id);
  return { ...request, headers: request.headers.map(swap) };
}

/** The reasons that the audit log knows of. */
const reasonsOf = async (client: string) => Object.keys(await failuresOf(issuer.data, client));

describe.each(schemes)('%s: strangers', (scheme) => {
  const prove = (credential: CredentialParts) => provedRequest(credential, ask);

  it('see the same answer to every proof that does not hold', async () => {
    const [live, gone, off] = await Promise.all(
      (['live', 'gone', 'off'] as const).map((kind) => addClient(issuer, administrator, scheme, nameOf(scheme, kind), keys)),
    );
    if (live === undefined || gone === undefined || off === undefined) throw new Error('there are no clients');
    const valid = await prove(live);
    expect((await lookOf(valid)).status).toBe(201);
    // Proofs first: nobody can decrypt a challenge for a credential that was retired.
    const [ofGone, ofOff] = [await prove(gone), await prove(off)];
    await administrator('POST', `/v1/credentials/${gone.credentialId}/retire`, {});
    await administrator('POST', `/v1/clients/${off.client}/disable`, {});
    const looks = {
      retired: await lookOf(ofGone),
      disabled: await lookOf(ofOff),
      wrong: await lookOf(damaged(await prove(live))),
      unknown: await lookOf(renamed(await prove(live), live, nameOf(scheme, 'none'))),
      replayed: await lookOf(valid),
    };
    expect(looks.wrong.status).toBe(401);
    const seen = scheme === 'sig-hmac' ? { ...looks, disabled: looks.wrong, replayed: looks.wrong } : looks;
    for (const [name, look] of Object.entries(seen)) expect({ name, ...look }).toEqual({ name, ...looks.wrong });
    // Who has the secret gets every answer under a key of its own, also when the client was disabled; nobody else can tell.
    for (const { status, body } of [looks.disabled, looks.replayed]) expect([status, body]).toEqual([401, looks.wrong.body]);
    const expected = expectedReasons[scheme];
    expect(await reasonsOf(gone.client)).toEqual([expected.retired]);
    expect(await reasonsOf(off.client)).toEqual(['client_disabled']);
    expect(await reasonsOf(live.client)).toEqual([expected.wrong, 'replayed']);
    if (scheme.startsWith('sig-')) return;
    expect(await reasonsOf(nameOf(scheme, 'none'))).toEqual(['client_unknown']);
  });
});

const signature = { wrong: 'signature_wrong', retired: 'signature_wrong' };
const expectedReasons = {
  'sig-hmac': { wrong: 'signature_wrong', retired: 'credential_retired' },
  'sig-ed25519': { wrong: 'signature_wrong', retired: 'credential_retired' },
  'challenge-sign': signature,
  // The challenge was made for the credential that is there no more.
  'challenge-decrypt': { wrong: 'signature_wrong', retired: 'challenge_wrong' },
  'encrypted-time': { wrong: 'ciphertext_wrong', retired: 'signature_wrong' },
  'shared-key': signature,
} as const;

describe('client_secret_basic: strangers', () => {
  it('see the same answer to every secret that is wrong', async () => {
    const add = async (kind: Parameters<typeof nameOf>[1]) => {
      const { client, credentials } = await administrator('POST', '/v1/clients', { client: nameOf('basic', kind) });
      return { client, ...credentials[0] };
    };
    const [live, gone, off] = [await add('live'), await add('gone'), await add('off')];
    await administrator('POST', `/v1/credentials/${gone.credential_id}/retire`, {});
    await administrator('POST', `/v1/clients/${off.client}/disable`, {});
    const look = (client: string, secret: string) => {
      const authorization = `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}`;
      return lookOf(posted('/v1/tokens', mintBody, { authorization }));
    };
    const wrong = await look(live.client, gone.secret);
    expect(wrong.status).toBe(401);
    expect(await look(gone.client, gone.secret)).toEqual(wrong);
    expect(await look(off.client, off.secret)).toEqual(wrong);
    expect(await look(nameOf('basic', 'none'), live.secret)).toEqual(wrong);
    expect(await reasonsOf(live.client)).toEqual(['secret_wrong']);
    expect(await reasonsOf(off.client)).toEqual(['client_disabled']);
    expect(await reasonsOf(nameOf('basic', 'none'))).toEqual(['client_unknown']);
  });
});

describe('challenges', () => {
  it.each(['sign', 'decrypt'])('look alike for clients that are there and that are not: %s', async (mode) => {
    const scheme = mode === 'sign' ? 'challenge-sign' : 'challenge-decrypt';
    const clients = (['live', 'gone', 'off', 'none'] as const).map((kind) => nameOf(scheme, kind));
    const looks = await Promise.all(
      clients.map(async (client) => {
        const body = encodeUtf8(JSON.stringify({ client, mode, purpose: 'POST /v1/tokens' }));
        const look = await lookOf(posted('/v1/challenges', body));
        const members = Object.entries(JSON.parse(look.body)).map(([name, value]) => [name, String(value).length]);
        return { status: look.status, headers: look.headers, members };
      }),
    );
    for (const look of looks) expect(look).toEqual({ ...looks[0], status: 201 });
  });
});

describe('enrolment: strangers', () => {
  it('see the same answer to every invitation and MAC that does not hold', async () => {
    const invite = () => administrator('POST', '/v1/invitations', { name: 'guest' });
    const invited = await invite();
    const enrolment = (invitation: string, sharedKey: string, name = 'guest') => {
      const once = new Uint8Array(randomBytes(32));
      const mac = enrolmentMac(decodeBase64url(sharedKey), name, once);
      const body = encodeUtf8(JSON.stringify({ invitation, name, nonce: encodeBase64url(once), mac: encodeBase64url(mac) }));
      return posted('/v1/enrolments', body);
    };
    const otherKey = encodeBase64url(randomBytes(32));
    const unknown = `${invited.invitation.slice(0, -4)}AAAA`;
    const wrong = await lookOf(enrolment(invited.invitation, otherKey));
    expect(wrong.status).toBe(401);
    expect(wrong.headers).toContain('macaroond-mac');
    expect(await lookOf(enrolment(unknown, otherKey))).toEqual(wrong);
    expect(await lookOf(enrolment(unknown, invited.shared_key))).toEqual(wrong);
    expect(await lookOf(enrolment(invited.invitation, invited.shared_key, 'other'))).toEqual(wrong);
    await administrator('POST', `/v1/invitations/${invited.invitation}/revoke`, {});
    expect(await lookOf(enrolment(invited.invitation, invited.shared_key))).toEqual(wrong);
    const notes = await auditOf(issuer.data, { event: 'enrolment.failed' });
    expect(notes.map(({ details }) => details['reason'])).toEqual([
      'mac_wrong',
      'invitation_unknown',
      'name_not_invited',
      'invitation_ended',
    ]);
  });
});
