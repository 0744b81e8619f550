import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readSigningRequest } from '../../../src/server/pki/signing-request.js';
import { createSigningRequest } from '../../../src/transport/signing-request.js';
import { opensslFolder } from '../../support/openssl.js';

describe('a signing request', () => {
  it('is one for openssl and for our CA, signed by the key that it holds, and asks for no name', () => {
    const openssl = opensslFolder();
    // Signatures in DER have several lengths.
    for (let i = 0; i < 8; i++) {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const pem = createSigningRequest(privateKey);
      const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
      expect(Buffer.from(readSigningRequest(pem).spki).equals(spki)).toBe(true);
      if (i > 0) continue;
      openssl.write('csr.pem', pem);
      const { status, output } = openssl.attempt('req -in csr.pem -verify -noout -subject');
      expect([status, output]).toEqual([0, expect.stringMatching(/^subject=\n[\s\S]*verify OK/)]);
    }
  });

  it('is refused for other keys', () => {
    const keys = [generateKeyPairSync('ed25519'), generateKeyPairSync('ec', { namedCurve: 'P-384' })];
    for (const { privateKey } of keys) {
      expect(() => createSigningRequest(privateKey)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
    }
  });
});
