import { createHash, createPrivateKey, createPublicKey, privateDecrypt, publicEncrypt, sign, verify } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureIssuerKeys, type IssuerKeys } from '../../../../src/server/pki/issuer-keys.js';
import { memoryVault } from './memory-vault.js';

const vault = memoryVault();
let keys: IssuerKeys;
beforeAll(async () => {
  keys = await ensureIssuerKeys(vault, () => 5);
});

describe('issuer keys', () => {
  it('are made once and found again', async () => {
    const { answerKey, timeKey } = await ensureIssuerKeys(vault, () => 6);
    expect(answerKey).toEqual(keys.answerKey);
    expect(timeKey.kid).toBe(keys.timeKey.kid);
    expect([...vault.entries.keys()]).toEqual(['answer-key', 'time-key']);
    expect((await ensureIssuerKeys(memoryVault(), () => 7)).answerKey.kid).not.toBe(answerKey.kid);
  });

  it('are what their public halves say, and nothing secret is in those', () => {
    const { answerKey, timeKey } = keys;
    expect(Object.keys(answerKey.jwk)).toEqual(['kty', 'crv', 'x']);
    expect(Object.keys(timeKey.jwk)).toEqual(['kty', 'n', 'e']);
    const data = Buffer.from('answer');
    const signingKey = createPrivateKey({ key: Buffer.from(answerKey.pkcs8), format: 'der', type: 'pkcs8' });
    const signature = sign(null, data, signingKey);
    expect(verify(null, data, createPublicKey({ key: { ...answerKey.jwk }, format: 'jwk' }), signature)).toBe(true);
    const encryptionKey = createPublicKey({ key: { ...timeKey.jwk }, format: 'jwk' });
    expect(encryptionKey.asymmetricKeyDetails?.modulusLength).toBe(3072);
    const ciphertext = publicEncrypt({ key: encryptionKey, oaepHash: 'sha256' }, data);
    expect(privateDecrypt({ key: timeKey.decryptionKey, oaepHash: 'sha256' }, ciphertext)).toEqual(data);
  });

  it('go by the thumbprint of RFC 7638', () => {
    const { jwk, kid } = keys.answerKey;
    const members = `{"crv":"Ed25519","kty":"OKP","x":"${'x' in jwk ? jwk.x : ''}"}`;
    expect(kid).toBe(createHash('sha256').update(members).digest('base64url'));
  });

  it('keep their public keys beside the encrypted private ones', () => {
    const { certificatePem, notAfterMs } = vault.entries.get('answer-key') ?? {};
    expect(createPublicKey(certificatePem ?? '').export({ format: 'jwk' })).toEqual(keys.answerKey.jwk);
    expect(notAfterMs).toBeGreaterThan(Date.UTC(9000));
  });
});
