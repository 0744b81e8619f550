/**
 * Every answer to a request that proves its client by a method with signed answers is signed, wherever the request goes: public routes, routes of
 * administrators, unknown paths and methods. What our own client checks is the measure.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeBase64url, encodeUtf8 } from '../../../../src/core/index.js';
import type { CredentialProof } from '../../../../src/transport/credential.js';
import { proverOf } from '../../../../src/transport/proofs/prover-of.js';
import { type AppAtHand, appAtHand } from '../../../support/server-at-hand.js';
import { enrolled } from '../auth/mac-client.js';

const issuerUrl = 'https://issuer.test';
const limits = { perClientAndAddress: 1000, perAddress: 1000, windowSeconds: 60, maxKeys: 100 };

interface Identity {
  readonly client: string;
  readonly credentialId: string;
  readonly proof: CredentialProof;
}

let at: AppAtHand;
const identities: Record<string, Identity> = {};

beforeAll(async () => {
  at = await appAtHand({ failureLimits: limits });
  await at.issuer.createAudience(at.admin(), 'invoice');
  const { name, key } = await enrolled(at, at, 'enrolled');
  identities['shared_key_hmac'] = {
    client: name,
    credentialId: 'crd_enrolled',
    proof: { kind: 'shared_key_hmac', key: encodeBase64url(key) },
  };
  await at.issuer.createClient(at.admin(), { client: 'signing', auth: [['http_sig']] });
  const request = { auth_method: 'http_sig', algorithm: 'hmac-sha256' } as const;
  const { credential_id: credentialId, secret = '' } = await at.issuer.addCredential(at.admin(), 'signing', request);
  identities['http_sig'] = { client: 'signing', credentialId, proof: { kind: 'http_sig', algorithm: 'hmac-sha256', secret } };
});
afterAll(() => at.close());

const wrong: Readonly<Record<string, CredentialProof>> = {
  http_sig: { kind: 'http_sig', algorithm: 'hmac-sha256', secret: `mcs_${'w'.repeat(43)}` },
  shared_key_hmac: { kind: 'shared_key_hmac', key: encodeBase64url(new Uint8Array(32)) },
};

/** Sends a request as our client does; gives the answer, a check that throws as our client does, and a way to send it again. */
async function sent(method: string, target: string, identity: Identity, body: string) {
  const ask = async (_: string, path: string) => (await at.send('GET', path)).json;
  const prover = proverOf({ issuer: issuerUrl, ...identity }, { clock: at.deps.clock, randomBytes, ask });
  const content = encodeUtf8(body);
  const message = { method, target, targetUri: issuerUrl + target, headers: {}, body: content } as const;
  const { headers, checkAnswer } = await prover.prove(message);
  const send = () => at.send(method, target, headers, content);
  const answer = await send();
  const check = async () => {
    if (checkAnswer === undefined) throw new Error('nothing would be checked');
    return await checkAnswer(answer);
  };
  return { answer, check, send };
}

const identityOf = (method: string): Identity => {
  const identity = identities[method];
  if (identity === undefined) throw new Error('is not there');
  return identity;
};

const places = [
  ['a public route', 'GET', '/livez', '', 200],
  ['discovery', 'GET', '/.well-known/macaroond', '', 200],
  ['a public route that is asked wrongly', 'GET', '/v1/ca/crl?format=xml', '', 400],
  ['a route for administrators', 'GET', '/v1/clients', '', 401],
  ['an unknown path', 'GET', '/v1/nothing', '', 404],
  ['an unknown path, with a body', 'POST', '/', '{}', 404],
  ['an unknown method', 'PUT', '/v1/tokens', '{"audience":"invoice"}', 405],
] as const;

describe.each(['http_sig', 'shared_key_hmac'])('%s', (scheme) => {
  it.each(places)('gets a signed answer from %s', async (_, method, target, body, status) => {
    const { answer, check } = await sent(method, target, identityOf(scheme), body);
    expect(answer.status).toBe(status);
    // It is good for this request alone, so nobody may keep it for another.
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(await check()).toBe('final');
  });

  it.each(places)('gets a refusal, signed too, where its proof does not hold, from %s', async (_, method, target, body) => {
    const proof = wrong[scheme];
    if (proof === undefined) throw new Error('is not there');
    const { answer, check } = await sent(method, target, { ...identityOf(scheme), proof }, body);
    expect(answer).toMatchObject({ status: 401, json: { code: 'invalid_client' } });
    // Under the key of the client that the request names, or under the issuer's own: one without the key sees that it is signed, and no more.
    if (scheme === 'http_sig') expect(await check()).toBe('final');
    else await expect(check()).rejects.toMatchObject({ code: 'ERR_INTERFERENCE', kind: 'wrong' });
    const { entries } = await at.issuer.audit({ event: 'login.failed', limit: 1 });
    expect(entries[0]?.details['reason']).toBe('signature_wrong');
  });

  it('is good once, on public routes too', async () => {
    const { answer, send } = await sent('GET', '/.well-known/macaroond', identityOf(scheme), '');
    expect([answer.status, (await send()).status]).toEqual([200, 401]);
  });
});

it('asks nothing of others: no proof, or one without signed answers, changes no public answer', async () => {
  const basic = `Basic ${Buffer.from('signing:wrong').toString('base64')}`;
  for (const headers of [{}, { authorization: basic }]) {
    expect((await at.send('GET', '/.well-known/macaroond', headers)).status).toBe(200);
    expect((await at.send('GET', '/v1/nothing', headers)).status).toBe(404);
  }
});
