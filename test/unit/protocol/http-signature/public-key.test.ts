import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MacaroonError } from '../../../../src/core/index.js';
import {
  jwkThumbprint,
  privateKeyDer,
  publicJwkOfPrivateKey,
  publicKeyOf,
  readPublicJwk,
  spkiPublicJwk,
} from '../../../../src/protocol/http-signature/index.js';
import { errorOf } from '../../core/samples.js';
import { keyText } from './vectors.js';

const runs = process.env['MACAROOND_TEST_LONG'] === undefined ? 2_000 : 100_000;
const names = ['test-key-rsa-pss', 'test-key-ecc-p256', 'test-key-ed25519'];
const ed25519 = keyText('test-key-ed25519', 'publicKey');
const rsa = publicKeyOf(keyText('test-key-rsa-pss', 'publicKey')).jwk;
const { privateKey } = generateKeyPairSync('ed25519');

describe('publicKeyOf', () => {
  it('reads the three kinds, with LF and with CRLF', () => {
    const kinds = names.map((name) => {
      const pem = keyText(name, 'publicKey');
      const key = publicKeyOf(pem);
      expect(publicKeyOf(pem.replaceAll('\n', '\r\n'))).toEqual(key);
      expect(spkiPublicJwk(key.spki)).toEqual(key.jwk);
      return [key.jwk.kty, key.algorithms];
    });
    expect(kinds).toEqual([
      ['RSA', ['rsa-pss-sha512']],
      ['EC', ['ecdsa-p256-sha256']],
      ['OKP', ['ed25519']],
    ]);
  });

  it.each([
    ['nothing', ''],
    ['two keys', ed25519 + ed25519],
    ['text before', `key:\n${ed25519}`],
    ['text after', `${ed25519}x`],
    ['another label', ed25519.replaceAll('PUBLIC', 'RSA PUBLIC')],
    ['a private key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
    ['another end', ed25519.replace('END PUBLIC', 'END PRIVATE')],
    ['no content', ed25519.split('\n').toSpliced(1, 1).join('\n')],
    ['an empty line', ed25519.replace('\n', '\n\n')],
    ['a header', ed25519.replace('\n', '\nComment: x\n')],
    ['a cut content', ed25519.replace('0bs=', '')],
    ['no padding', ed25519.replace('0bs=', '0bs')],
    ['base64url', ed25519.replaceAll('/', '_')],
    ['bytes after the key', ed25519.replace('0bs=', '0bsA')],
    ['too much text', `${ed25519}${' '.repeat(16_384)}`],
    ['a compressed point', compressedPoint()],
    [
      'RSASSA-PSS as the key type',
      generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' }),
    ],
    ['RSA of 1024 bits', generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'pem' })],
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ type: 'spki', format: 'pem' })],
  ])('refuses %s', (_, pem) => {
    expect(errorOf(() => publicKeyOf(pem.toString())).code).toBe('ERR_ARGUMENT');
  });

  it('gives no key two spellings: whatever is changed in the DER, it is refused or is another key', () => {
    const keys = names.map((name) => publicKeyOf(keyText(name, 'publicKey')));
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.nat(), fc.integer({ min: 1, max: 255 }), ({ spki, jwk }, at, bits) => {
        const changed = spki.map((byte, index) => (index === at % spki.length ? byte ^ bits : byte));
        try {
          expect(jwkThumbprint(spkiPublicJwk(changed))).not.toBe(jwkThumbprint(jwk));
        } catch (error) {
          if (!(error instanceof MacaroonError)) throw error;
          expect(error.code).toBe('ERR_ARGUMENT');
        }
      }),
      { numRuns: runs },
    );
  });
});

function compressedPoint(): string {
  const { jwk } = publicKeyOf(keyText('test-key-ecc-p256', 'publicKey'));
  const head = Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex');
  const der = Buffer.concat([head, Buffer.from([2]), Buffer.from(jwk.kty === 'EC' ? jwk.x : '', 'base64url')]);
  return `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`;
}

describe('privateKeyDer', () => {
  it('reads PKCS#8', async () => {
    const der = privateKeyDer(keyText('test-key-ed25519', 'privateKey'));
    expect(await publicJwkOfPrivateKey(der, 'ed25519')).toEqual(publicKeyOf(ed25519).jwk);
  });

  it('refuses SEC1, encrypted and public keys, and says how to make the right one', () => {
    const encrypted = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString();
    for (const pem of [keyText('test-key-ecc-p256', 'privateKeySec1'), encrypted, ed25519]) {
      const error = errorOf(() => privateKeyDer(pem));
      expect(error.code).toBe('ERR_ARGUMENT');
      expect(error.message).toContain('openssl pkcs8 -topk8 -nocrypt');
    }
  });
});

describe('jwkThumbprint', () => {
  it('gives the published thumbprints', () => {
    const n =
      '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W' +
      '-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt' +
      '-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw';
    // RFC 7638 §3.1; the keys of RFC 9421 as draft-meunier-web-bot-auth-architecture names them.
    expect(jwkThumbprint({ kty: 'RSA', n, e: 'AQAB' })).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs');
    expect(jwkThumbprint(rsa)).toBe('oD0HwocPBSfpNy5W3bpJeyFGY_IQ_YpqxSjQ3Yd-CLA');
    expect(jwkThumbprint(publicKeyOf(ed25519).jwk)).toBe('poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U');
  });
});

describe('readPublicJwk', () => {
  const okp = { kty: 'OKP', crv: 'Ed25519', x: 'JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs' };

  it('leaves out what does not make the key', () => {
    expect(readPublicJwk({ ...okp, kid: 'k', use: 'sig', alg: 'EdDSA' })).toEqual(okp);
  });

  it.each([
    ['nothing', {}],
    ['a private key', { ...okp, d: okp.x }],
    ['a secret', { kty: 'oct', k: 'AAAA' }],
    ['another curve', { ...okp, crv: 'Ed448' }],
    ['a curve of another kind', { ...okp, crv: 'P-256' }],
    ['31 bytes', { ...okp, x: okp.x.slice(0, 42) }],
    ['stray bits', { ...okp, x: `${okp.x.slice(0, 42)}t` }],
    ['padding', { ...okp, x: `${okp.x}=` }],
    ['a number', { ...okp, x: 1 }],
    ['no y', { kty: 'EC', crv: 'P-256', x: okp.x }],
    ['RSA of 2047 bits', { ...rsa, n: Buffer.alloc(256, 0x7f).toString('base64url') }],
    ['RSA of 8200 bits', { ...rsa, n: Buffer.alloc(1025, 0xff).toString('base64url') }],
    ['RSA with a leading zero', { ...rsa, n: Buffer.from([0, ...Buffer.alloc(256, 0xff)]).toString('base64url') }],
    ['an even exponent', { ...rsa, e: 'Ag' }],
    ['the exponent 1', { ...rsa, e: 'AQ' }],
    ['an exponent of 5 bytes', { ...rsa, e: Buffer.alloc(5, 1).toString('base64url') }],
    ['an exponent with a leading zero', { ...rsa, e: 'AAEAAQ' }],
    ['no exponent', { ...rsa, e: '' }],
  ])('refuses %s', (_, members) => {
    expect(errorOf(() => readPublicJwk(members)).code).toBe('ERR_ARGUMENT');
  });
});
