import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { encodeUtf8, MacaroonError } from '../../../../src/core/index.js';
import {
  type AsymmetricAlgorithm,
  hmacSignatureKey,
  importSigningKey,
  importVerifyingKey,
  publicJwkOfPrivateKey,
  publicKeyOf,
} from '../../../../src/protocol/http-signature/index.js';
import { errorOf } from '../../core/samples.js';

const base = encodeUtf8('"@signature-params": ()');
const pairs = {
  ed25519: generateKeyPairSync('ed25519'),
  'ecdsa-p256-sha256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'rsa-pss-sha512': generateKeyPairSync('rsa', { modulusLength: 2048 }),
};
const algorithms: readonly AsymmetricAlgorithm[] = ['ed25519', 'ecdsa-p256-sha256', 'rsa-pss-sha512'];

function pkcs8(key: KeyObject): Uint8Array {
  return key.export({ type: 'pkcs8', format: 'der' });
}

function spki(key: KeyObject): Uint8Array {
  return key.export({ type: 'spki', format: 'der' });
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof MacaroonError) return error.code;
    throw error;
  }
  return 'nothing was thrown';
}

describe.each(algorithms)('%s', (algorithm) => {
  const { privateKey, publicKey } = pairs[algorithm];

  it('verifies what it signed, by SPKI, by JWK and by the public half of the private key', async () => {
    const signature = await (await importSigningKey(pkcs8(privateKey), algorithm)).sign(base);
    expect(signature).toHaveLength(algorithm === 'rsa-pss-sha512' ? 256 : 64);
    const { jwk } = publicKeyOf(publicKey.export({ type: 'spki', format: 'pem' }).toString());
    expect(await publicJwkOfPrivateKey(pkcs8(privateKey), algorithm)).toEqual(jwk);
    for (const key of [{ spki: spki(publicKey) }, jwk]) {
      expect(await (await importVerifyingKey(key, algorithm)).verify(base, signature)).toBe(true);
    }
  });

  it('answers no to another base and to bytes of any length', async () => {
    const key = await importVerifyingKey({ spki: spki(publicKey) }, algorithm);
    const signature = await (await importSigningKey(pkcs8(privateKey), algorithm)).sign(base);
    expect(await key.verify(encodeUtf8('another'), signature)).toBe(false);
    for (const length of [0, 1, 63, 65, 128, 255, 257, 1024]) {
      expect(await key.verify(base, new Uint8Array(length))).toBe(false);
    }
    expect(await key.verify(base, signature.subarray(0, -1))).toBe(false);
    expect(await key.verify(base, Uint8Array.from([...signature, 0]))).toBe(false);
  });

  it('refuses keys of another kind, public and private', async () => {
    for (const other of algorithms.filter((each) => each !== algorithm)) {
      expect(await codeOf(importVerifyingKey({ spki: spki(pairs[other].publicKey) }, algorithm))).toBe('ERR_ARGUMENT');
      expect(await codeOf(importSigningKey(pkcs8(pairs[other].privateKey), algorithm))).toBe('ERR_ARGUMENT');
    }
  });

  it('refuses bytes that are no key', async () => {
    for (const bytes of [
      new Uint8Array(),
      new Uint8Array(44),
      spki(publicKey).subarray(1),
      Uint8Array.from([...spki(publicKey), 0]),
    ]) {
      expect(await codeOf(importVerifyingKey({ spki: bytes }, algorithm))).toBe('ERR_ARGUMENT');
      expect(await codeOf(importSigningKey(bytes, algorithm))).toBe('ERR_ARGUMENT');
    }
  });
});

describe('weak and foreign keys', () => {
  it.each([
    ['RSA of 1024 bits', 'rsa-pss-sha512', generateKeyPairSync('rsa', { modulusLength: 1024 })],
    ['P-384', 'ecdsa-p256-sha256', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
    ['secp256k1', 'ecdsa-p256-sha256', generateKeyPairSync('ec', { namedCurve: 'secp256k1' })],
    ['Ed448', 'ed25519', generateKeyPairSync('ed448')],
    ['X25519', 'ed25519', generateKeyPairSync('x25519')],
  ] as const)('refuses %s', async (_, algorithm, { publicKey, privateKey }) => {
    expect(await codeOf(importVerifyingKey({ spki: spki(publicKey) }, algorithm))).toBe('ERR_ARGUMENT');
    expect(await codeOf(importSigningKey(pkcs8(privateKey), algorithm))).toBe('ERR_ARGUMENT');
    expect(await codeOf(publicJwkOfPrivateKey(pkcs8(privateKey), algorithm))).toBe('ERR_ARGUMENT');
  });

  it('refuses a P-256 point that is not on the curve', async () => {
    const one = Buffer.alloc(32, 1).toString('base64url');
    expect(await codeOf(importVerifyingKey({ kty: 'EC', crv: 'P-256', x: one, y: one }, 'ecdsa-p256-sha256'))).toBe(
      'ERR_ARGUMENT',
    );
  });

  it('never takes a key pair for HMAC: a public key is not a secret', async () => {
    expect(await codeOf(importVerifyingKey({ spki: spki(pairs.ed25519.publicKey) }, 'hmac-sha256'))).toBe('ERR_ARGUMENT');
    expect(await codeOf(importSigningKey(pkcs8(pairs.ed25519.privateKey), 'hmac-sha256'))).toBe('ERR_ARGUMENT');
  });
});

describe('hmac-sha256', () => {
  const secret = encodeUtf8('a secret of 32 bytes, as made up');

  it('refuses a secret of fewer than 16 bytes', () => {
    expect(errorOf(() => hmacSignatureKey(secret.subarray(0, 15))).code).toBe('ERR_ARGUMENT');
  });

  it('keeps a copy of the secret and shows none of it', async () => {
    const given = Uint8Array.from(secret);
    const key = hmacSignatureKey(given);
    const signature = await key.sign(base);
    given.fill(0);
    expect(await key.sign(base)).toEqual(signature);
    expect(await key.verify(base, signature)).toBe(true);
    expect(await key.verify(base, signature.subarray(0, 31))).toBe(false);
    expect(JSON.stringify(key) + inspect(key, { showHidden: true, depth: 9 })).not.toMatch(/97, ?32|secret of/);
  });
});
