/** Signing requests made by openssl, and what is done to them on the way. */
import { ECDH, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../../src/core/index.js';
import { readCertifiedKey } from '../../../../src/server/pki/certified-key.js';
import { pemOf } from '../../../../src/server/pki/pem.js';
import { readSigningRequest } from '../../../../src/server/pki/signing-request.js';
import { derOf, opensslFolder } from '../../../support/openssl.js';

const refused = expect.objectContaining({ code: 'ERR_ARGUMENT' });
const isLong = process.env['MACAROOND_TEST_LONG'] !== undefined;
const p256 = '-newkey ec -pkeyopt ec_paramgen_curve:P-256';
const evil = "-subj '/O=Admins/CN=evil-admin' -addext subjectAltName=URI:spiffe://corp/root,DNS:admin.example";

function request(key: string, rest = '-subj /CN=mail'): { readonly pem: string; readonly spki: Uint8Array } {
  const openssl = opensslFolder();
  openssl.run(`req -new ${key} -nodes -keyout key.pem -out csr.pem ${rest}`);
  openssl.run('pkey -in key.pem -pubout -out pub.pem');
  return { pem: openssl.text('csr.pem'), spki: openssl.der('pub.pem') };
}

function requestPem(der: Uint8Array): string {
  return pemOf(der, 'CERTIFICATE REQUEST');
}

describe('readSigningRequest', () => {
  it.each([
    ['P-256', p256],
    ['P-256', `${p256} -sha512`],
    ['Ed25519', '-newkey ed25519'],
    ['RSA', '-newkey rsa:2048'],
    ['RSA', '-newkey rsa:2048 -sha384'],
  ])('gives the %s key of a request by openssl (%s)', (keyKind, key) => {
    const { pem, spki } = request(key);
    expect(readSigningRequest(pem)).toEqual({ spki, keyKind });
  });

  it('takes nothing but the key, whatever names are asked for', () => {
    const { pem, spki } = request(p256, evil);
    expect(readSigningRequest(pem)).toEqual({ spki, keyKind: 'P-256' });
  });

  it('knows the other label, and line ends of Windows', () => {
    const { pem, spki } = request(p256);
    const other = pem.replaceAll('CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST').replaceAll('\n', '\r\n');
    expect(readSigningRequest(other).spki).toEqual(spki);
  });

  it.each([
    ['P-384', '-newkey ec -pkeyopt ec_paramgen_curve:P-384'],
    ['secp256k1', '-newkey ec -pkeyopt ec_paramgen_curve:secp256k1'],
    ['Ed448', '-newkey ed448'],
    ['RSA of 1024 bits', '-newkey rsa:1024'],
    ['RSA with exponent 3', '-newkey rsa:2048 -pkeyopt rsa_keygen_pubexp:3'],
    ['a curve by its parameters', `${p256} -pkeyopt ec_param_enc:explicit`],
    ['a signature with SHA-1', `${p256} -sha1`],
    ['RSA-PSS', '-newkey rsa-pss'],
  ])('refuses %s', (_what, key) => {
    const { pem } = request(key);
    expect(() => readSigningRequest(pem)).toThrow(refused);
  });

  it('refuses what is not exactly one request', () => {
    const { pem } = request(p256);
    const der = derOf(pem);
    const certificate = pem.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE');
    const mixed = pem.replace('BEGIN CERTIFICATE', 'BEGIN NEW CERTIFICATE');
    const long = pem.replace('\n', `\n${'\n'.repeat(16_384)}`);
    const bytesMore = requestPem(concatBytes(der, Uint8Array.of(0)));
    for (const text of [
      '',
      'x',
      pem + pem,
      `x\n${pem}`,
      `${pem}x`,
      certificate,
      mixed,
      long,
      bytesMore,
      requestPem(der.subarray(0, -1)),
    ]) {
      expect(() => readSigningRequest(text)).toThrow(refused);
    }
  });

  describe('of a request made by hand, whose signature holds', () => {
    const element = (tag: number, ...contents: readonly Uint8Array[]) => {
      const content = concatBytes(...contents);
      const length = content.length < 128 ? [content.length] : [0x81, content.length];
      return concatBytes(Uint8Array.of(tag, ...length), content);
    };
    const sequence = (...contents: readonly Uint8Array[]) => element(0x30, ...contents);
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
    const ed25519 = sequence(Uint8Array.of(6, 3, 0x2b, 0x65, 0x70));
    const [version, subject, attributes] = [element(2, Uint8Array.of(0)), sequence(), element(0xa0)];
    const more = element(5);

    function read(parts: readonly Uint8Array[], after: readonly Uint8Array[] = []) {
      const information = sequence(...parts);
      const signature = element(3, Uint8Array.of(0), sign(null, information, privateKey));
      return readSigningRequest(requestPem(sequence(information, ed25519, signature, ...after)));
    }
    const whole = [version, subject, spki, attributes];

    it('gives the key where nothing is amiss', () => {
      expect(read(whole)).toEqual({ spki, keyKind: 'Ed25519' });
    });

    it.each<[string, readonly Uint8Array[], (readonly Uint8Array[])?]>([
      ['one element more under the signature', [...whole, more]],
      ['attributes twice', [...whole, attributes]],
      ['no attributes', whole.slice(0, -1)],
      ['another version', [element(2, Uint8Array.of(1)), subject, spki, attributes]],
      ['an element after the signature', whole, [more]],
      ['a second signature', whole, [element(3, Uint8Array.of(0), new Uint8Array(64))]],
    ])('refuses %s', (_what, parts, after) => {
      expect(() => read(parts, after)).toThrow(refused);
    });
  });

  it('refuses the key of somebody else', () => {
    const own = derOf(request('-newkey ed25519').pem);
    const { spki } = request('-newkey ed25519');
    const hex = Buffer.from(own).toString('hex');
    const at = hex.indexOf('302a300506032b6570032100');
    const stolen = Buffer.from(hex.slice(0, at) + Buffer.from(spki).toString('hex') + hex.slice(at + 88), 'hex');
    expect(at).toBeGreaterThan(0);
    expect(() => readSigningRequest(requestPem(stolen))).toThrow(refused);
  });

  it.each([p256, '-newkey ed25519', '-newkey rsa:2048'])('accepts no request with a flipped bit for another key (%s)', (key) => {
    const { pem, spki } = request(key, evil);
    const der = derOf(pem);
    let accepted = 0;
    for (let bit = 0; bit < der.length * 8; bit += isLong ? 1 : 5) {
      const flipped = der.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        expect(readSigningRequest(requestPem(flipped)).spki).toEqual(spki);
        accepted++;
      } catch (error) {
        expect(error).toEqual(refused);
      }
    }
    expect(accepted).toBe(0);
  });
});

describe('readCertifiedKey', () => {
  it.each(['compressed', 'hybrid'] as const)('refuses a point in %s form', (form) => {
    const { spki } = request(p256);
    expect(readCertifiedKey(spki).keyKind).toBe('P-256');
    const point = Uint8Array.from(ECDH.convertKey(spki.slice(-65), 'prime256v1', undefined, undefined, form) as Buffer);
    const header = Buffer.from('301306072a8648ce3d020106082a8648ce3d030107', 'hex');
    const body = concatBytes(header, Uint8Array.of(3, point.length + 1, 0), point);
    expect(() => readCertifiedKey(concatBytes(Uint8Array.of(0x30, body.length), body))).toThrow(refused);
  });
});
