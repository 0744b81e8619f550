/** What is refused as a credential or a host, member by member; nothing of it is kept, so all of it is asked of one issuer. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NewCredentialRequest } from '../../../../src/protocol/wire.js';
import { type IssuerAtHand, issuerAtHand, refusal } from '../../../support/issuer-at-hand.js';

let at: IssuerAtHand;
beforeAll(async () => {
  at = await issuerAtHand();
  await at.issuer.createClient(at.admin(), { client: 'mail', auth: [['http_sig']] });
});
afterAll(async () => {
  expect(await at.issuer.credentials('mail')).toEqual([]);
  await at.close();
});

const add = (request: NewCredentialRequest) => at.issuer.addCredential(at.admin(), 'mail', request);
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
const keys = {
  ed25519: pem(generateKeyPairSync('ed25519').publicKey),
  p256: pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey),
  rsa: rsaOf(2048),
};

/** A public key that looks like RSA: an odd number of `bits` bits, whose factors nobody knows. */
function rsaOf(bits: number): string {
  const modulus = new Uint8Array(bits / 8).fill(0xa5);
  const key = { kty: 'RSA', n: Buffer.from(modulus).toString('base64url'), e: 'AQAB' };
  return pem(createPublicKey({ format: 'jwk', key }));
}
const privatePem = () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

describe('a public key', () => {
  const point = 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE';
  const offCurve = `-----BEGIN PUBLIC KEY-----\n${Buffer.concat([Buffer.from(point, 'base64'), Buffer.alloc(64, 1)]).toString('base64')}\n-----END PUBLIC KEY-----\n`;

  it.each<[string, () => NewCredentialRequest]>([
    ['neither key nor hmac', () => ({ auth_method: 'http_sig' })],
    ['an algorithm without key', () => ({ auth_method: 'http_sig', algorithm: 'ed25519' })],
    ['hmac with a key', () => ({ auth_method: 'http_sig', algorithm: 'hmac-sha256', public_key: keys.ed25519 })],
    ['an algorithm of another key', () => ({ auth_method: 'http_sig', algorithm: 'ed25519', public_key: keys.p256 })],
    ['no PEM', () => ({ auth_method: 'http_sig', public_key: 'ssh-ed25519 AAAA' })],
    ['a private key', () => ({ auth_method: 'http_sig', public_key: privatePem() })],
    ['a point that is not on the curve', () => ({ auth_method: 'http_sig', public_key: offCurve })],
    [
      'another curve',
      () => ({ auth_method: 'http_sig', public_key: pem(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey) }),
    ],
    ['X25519', () => ({ auth_method: 'http_sig', public_key: pem(generateKeyPairSync('x25519').publicKey) })],
    ['a short RSA key', () => ({ auth_method: 'http_sig', public_key: rsaOf(1024) })],
    [
      'decryption by a key that only signs',
      () => ({ auth_method: 'challenge_response', mode: 'decrypt', public_key: keys.ed25519 }),
    ],
  ])('is not %s', async (_, request) => {
    expect(await refusal(add(request()))).toBe('invalid_request');
  });

  it('of more than 4096 bits is refused: it would cost the issuer with every request', async () => {
    expect(await refusal(add({ auth_method: 'http_sig', public_key: rsaOf(4104) }))).toBe('invalid_request');
  });
});

describe('a certificate', () => {
  it.each([
    { san: 'mail.example.com' },
    { san: 'dns:Mail.example.com' },
    { san: 'dns:*.example.com' },
    { san: 'dns:mail_1.example.com' },
    { san: 'dns:mail.example.com.' },
    { san: 'dns:10.0.0.1' },
    { san: 'dns:' },
    { san: `dns:${'a.'.repeat(130)}b` },
    { san: 'uri:' },
    { san: 'uri:no scheme' },
    { san: 'uri:spiffe://example.com/a b' },
    { san: 'uri:spiffe://Example.com/a' },
    { san: 'uri:spiffe://example.com/a/' },
    { san: 'uri:spiffe://example.com/a//b' },
    { san: 'uri:spiffe://example.com/a/../b' },
    { san: 'uri:spiffe://example.com/%61' },
    { san: 'email:a@example.com' },
    { subject: 'mail' },
    { subject: '' },
    { san: 'dns:mail.example.com', subject: 'CN=mail' },
  ])('is not registered by %j', async (name) => {
    expect(await refusal(add({ auth_method: 'tls_client_auth', ...name }))).toBe('invalid_request');
  });
});

describe('hosts', () => {
  it.each([
    'Mail.example.com',
    '*.example.com',
    'mail..com',
    '-mail',
    '010.0.0.1',
    '10.0.0.0/8',
    '1.2.3',
    'x'.repeat(64),
    '',
    '::0001',
  ])('are not %j', async (host) => {
    expect(await refusal(at.issuer.createClient(at.admin(), { client: 'server', hosts: [host] }))).toBe('invalid_request');
  });
});
