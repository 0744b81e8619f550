/** Refusals over HTTP, whole: status, headers and body are the same for a stranger, a wrong proof and a retired credential, but for ids and nonces. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../../src/core/index.js';
import type { NewCredentialRequest } from '../../../../src/protocol/wire.js';
import type { CredentialProof } from '../../../../src/transport/credential.js';
import { proverOf } from '../../../../src/transport/proofs/prover-of.js';
import { type AppAnswer, type AppAtHand, appAtHand } from '../../../support/server-at-hand.js';

const issuerUrl = 'https://issuer.test';
const body = encodeUtf8('{"audience":"invoice"}');
const limits = { perClientAndAddress: 1000, perAddress: 1000, windowSeconds: 60, maxKeys: 100 };
const pem = ({ publicKey }: { publicKey: KeyObject }) => publicKey.export({ type: 'spki', format: 'pem' }).toString();
const privatePem = ({ privateKey }: { privateKey: KeyObject }) => privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

let at: AppAtHand;
beforeAll(async () => {
  at = await appAtHand({ failureLimits: limits });
  await at.issuer.createAudience(at.admin(), 'invoice');
});
afterAll(async () => await at.close());

/** How a method proves: what is registered, what proves it, and what does not. */
interface Scheme {
  readonly registered: NewCredentialRequest;
  readonly right: (secret: string) => CredentialProof;
  readonly wrong: CredentialProof;
}

const [key, otherKey] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const wrongSecret = `mcs_${'w'.repeat(43)}`;
const schemes: Readonly<Record<string, Scheme>> = {
  client_secret_basic: {
    registered: { auth_method: 'client_secret_basic' },
    right: (secret) => ({ kind: 'client_secret_basic', secret }),
    wrong: { kind: 'client_secret_basic', secret: wrongSecret },
  },
  'http_sig with a secret': {
    registered: { auth_method: 'http_sig', algorithm: 'hmac-sha256' },
    right: (secret) => ({ kind: 'http_sig', algorithm: 'hmac-sha256', secret }),
    wrong: { kind: 'http_sig', algorithm: 'hmac-sha256', secret: wrongSecret },
  },
  'http_sig with a key pair': {
    registered: { auth_method: 'http_sig', public_key: pem(key) },
    right: () => ({ kind: 'http_sig', algorithm: 'ed25519', privateKey: privatePem(key) }),
    wrong: { kind: 'http_sig', algorithm: 'ed25519', privateKey: privatePem(otherKey) },
  },
  challenge_response: {
    registered: { auth_method: 'challenge_response', mode: 'sign', public_key: pem(ec) },
    right: () => ({ kind: 'challenge_response', algorithm: 'sign-ecdsa-p256-sha256', privateKey: privatePem(ec) }),
    wrong: { kind: 'challenge_response', algorithm: 'sign-ed25519', privateKey: privatePem(otherKey) },
  },
  encrypted_time: {
    registered: { auth_method: 'encrypted_time' },
    right: (secret) => ({ kind: 'encrypted_time', secret }),
    wrong: { kind: 'encrypted_time', secret: wrongSecret },
  },
};

/** `POST /v1/tokens` by `client` with a proof, as our client makes it. */
async function mint(client: string, credentialId: string, proof: CredentialProof): Promise<AppAnswer> {
  const { clock, randomBytes } = at.deps;
  const ask = async (method: string, path: string, asked?: unknown) =>
    (await at.send(method, path, {}, asked === undefined ? undefined : encodeUtf8(JSON.stringify(asked)))).json;
  const prover = proverOf({ issuer: issuerUrl, client, credentialId, proof }, { clock, randomBytes, ask });
  const target = '/v1/tokens';
  const { headers } = await prover.prove({ method: 'POST', target, targetUri: issuerUrl + target, headers: {}, body });
  return await at.send('POST', target, headers, body);
}

/** What is left of a refusal when ids and nonces, which differ each time, are taken for what they are long. */
function shapeOf({ status, headers, json }: AppAnswer) {
  const varying = ['x-request-id', 'content-digest', 'signature', 'signature-input'];
  const signer = /keyid="([^"]*)"/.exec(headers['signature-input'] ?? '')?.[1];
  const shown = Object.entries(headers).map(([name, value]) => [name, varying.includes(name) ? value.length : value]);
  return { status, headers: shown.sort(), signer, body: { ...json, instance: String(json['instance']).length } };
}

describe.each(Object.entries(schemes))('%s', (name, { registered, right, wrong }) => {
  it('refuses a wrong proof, an unknown client and a retired credential with one answer', async () => {
    const client = `mail-${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;
    const method = registered.auth_method ?? 'client_secret_basic';
    const grants = [{ audience: 'invoice', actions: ['invoices:read'] }];
    await at.issuer.createClient(at.admin(), { client, auth: [[method]], grants });
    for (const { credential_id: made } of await at.issuer.credentials(client))
      await at.issuer.retireCredential(at.admin(), made, client);
    const { credential_id: id, secret = '' } = await at.issuer.addCredential(at.admin(), client, registered);
    const proof = right(secret);
    expect((await mint(client, id, proof)).status).toBe(201);
    const refusals = [
      await mint(client, id, wrong),
      await mint(`nobody${client.slice(6)}`, `${id.slice(0, -1)}${id.endsWith('A') ? 'B' : 'A'}`, proof),
    ];
    await at.issuer.retireCredential(at.admin(), id, client);
    refusals.push(await mint(client, id, proof));
    const [first, ...others] = refusals.map(shapeOf);
    expect(first).toMatchObject({ status: 401, body: { code: 'invalid_client' } });
    expect(first?.signer !== undefined).toBe(name.startsWith('http_sig'));
    for (const other of others) expect(other).toEqual(first);
  });
});
