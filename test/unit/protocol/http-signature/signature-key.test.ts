import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MacaroonError } from '../../../../src/core/index.js';
import { formatSignatureKey, parseSignatureKey, publicKeyOf } from '../../../../src/protocol/http-signature/index.js';
import { errorOf } from '../../core/samples.js';
import { keyText } from './vectors.js';

const x = 'JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs';
const okp = `hwk;kty="OKP";crv="Ed25519";x="${x}"`;

describe('Signature-Key', () => {
  it('is written as documented', () => {
    expect(formatSignatureKey('sig', { kty: 'OKP', crv: 'Ed25519', x })).toBe(`sig=${okp}`);
  });

  it.each(['test-key-rsa-pss', 'test-key-ecc-p256', 'test-key-ed25519'])('is read back: %s', (name) => {
    const { jwk } = publicKeyOf(keyText(name, 'publicKey'));
    expect(parseSignatureKey(formatSignatureKey('sig', jwk), 'sig')).toEqual(jwk);
  });

  it('finds the key of its label among others', () => {
    expect(parseSignatureKey(`other=jwks_uri;a="b", sig=${okp}`, 'sig')).toEqual({ kty: 'OKP', crv: 'Ed25519', x });
  });

  it.each([
    ['nothing', ''],
    ['another label', `a=${okp}`],
    ['one label twice', `sig=${okp}, sig=${okp}`],
    ['another scheme', `sig=${okp.replace('hwk', 'jwt')}`],
    ['a string as scheme', `sig=${okp.replace('hwk', '"hwk"')}`],
    ['a list', `sig=(${okp})`],
    ['no key', 'sig=hwk'],
    ['a private key', `sig=${okp};d="${x}"`],
    ['one more member', `sig=${okp};kid="a"`],
    ['a token as kty', `sig=${okp.replace('"OKP"', 'OKP')}`],
    ['bytes as x', `sig=${okp.replace(`"${x}"`, ':AAAA:')}`],
    ['a member twice', `sig=${okp};x="${x}"`],
    ['another curve', `sig=${okp.replace('Ed25519', 'X25519')}`],
    ['RSA with a short modulus', 'sig=hwk;kty="RSA";n="AQAB";e="AQAB"'],
  ])('is refused with %s', (_, text) => {
    expect(errorOf(() => parseSignatureKey(text, 'sig')).code).toBe('ERR_MESSAGE_SIGNATURE');
  });

  it('throws nothing but ERR_MESSAGE_SIGNATURE', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const field of [text, `sig=hwk;${text}`, `sig=hwk;kty="${text}"`]) {
          try {
            parseSignatureKey(field, 'sig');
          } catch (error) {
            if (!(error instanceof MacaroonError)) throw error;
            expect(error.code).toBe('ERR_MESSAGE_SIGNATURE');
          }
        }
      }),
    );
  });
});
