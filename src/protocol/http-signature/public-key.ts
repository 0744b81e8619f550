/** Keys as files hold them: PEM (RFC 7468) around a SubjectPublicKeyInfo (RFC 5280 §4.1) or a PKCS#8 private key (RFC 5958). */
import { encodeBase64url, encodeHex } from '../../core/index.js';
import { decodeBase64 } from './base64.js';
import { DerReader, derTags } from './der.js';
import { keyFault, type PublicJwk, readPublicJwk } from './public-jwk.js';
import { type AsymmetricAlgorithm, algorithmsOf } from './signature-algorithm.js';

/** Object identifiers, hex of their DER content. */
const oids = {
  ed25519: '2b6570',
  ecPublicKey: '2a8648ce3d0201',
  p256: '2a8648ce3d030107',
  rsaEncryption: '2a864886f70d010101',
} as const;

const maxPemCharacters = 16_384;

export interface PublicKey {
  /** DER of the SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly jwk: PublicJwk;
  /** What the key verifies. */
  readonly algorithms: readonly AsymmetricAlgorithm[];
}

/** The one "PUBLIC KEY" of a PEM text. Throws `ERR_ARGUMENT` for anything else, and for a key that we do not take. */
export function publicKeyOf(pem: string): PublicKey {
  const spki = pemDer(pem, 'PUBLIC KEY', 'make one with: openssl pkey -in key.pem -pubout');
  const jwk = spkiPublicJwk(spki);
  return { spki, jwk, algorithms: algorithmsOf(jwk) };
}

/** DER of the one "PRIVATE KEY" (PKCS#8, not encrypted) of a PEM text. Throws `ERR_ARGUMENT` for anything else. */
export function privateKeyDer(pem: string): Uint8Array {
  return pemDer(pem, 'PRIVATE KEY', 'make one with: openssl pkcs8 -topk8 -nocrypt -in key.pem');
}

function pemDer(pem: string, label: string, remedy: string): Uint8Array {
  const fault = keyFault(`the text is not one PEM "${label}" and nothing else; ${remedy}`);
  const lines = pem
    .slice(0, maxPemCharacters + 1)
    .trim()
    .split(/\r?\n/);
  const base64 = lines.slice(1, -1);
  const isFramed = lines[0] === `-----BEGIN ${label}-----` && lines.at(-1) === `-----END ${label}-----`;
  if (pem.length > maxPemCharacters || !isFramed || base64.includes('')) throw fault;
  const der = decodeBase64(base64.join(''));
  if (der === undefined || der.length === 0) throw fault;
  return der;
}

/** The key of a SubjectPublicKeyInfo. Throws `ERR_ARGUMENT` when it is malformed or none of Ed25519, P-256 (uncompressed) and RSA. */
export function spkiPublicJwk(spki: Uint8Array): PublicJwk {
  const whole = new DerReader(spki);
  const info = new DerReader(whole.next(derTags.sequence));
  whole.end();
  const algorithm = new DerReader(info.next(derTags.sequence));
  const bits = info.next(derTags.bitString);
  info.end();
  // The first byte counts unused bits, of which a key has none.
  if (bits[0] !== 0) throw otherKind();
  return keyOf(algorithm, bits.subarray(1));
}

function keyOf(algorithm: DerReader, key: Uint8Array): PublicJwk {
  switch (encodeHex(algorithm.next(derTags.objectIdentifier))) {
    case oids.ed25519:
      algorithm.end();
      return readPublicJwk({ kty: 'OKP', crv: 'Ed25519', x: encodeBase64url(key) });
    case oids.ecPublicKey:
      return p256Key(algorithm, key);
    case oids.rsaEncryption:
      return rsaKey(algorithm, key);
    default:
      throw otherKind();
  }
}

function p256Key(algorithm: DerReader, point: Uint8Array): PublicJwk {
  const isP256 = encodeHex(algorithm.next(derTags.objectIdentifier)) === oids.p256;
  algorithm.end();
  if (!isP256 || point.length !== 65 || point[0] !== 4) throw otherKind();
  const [x, y] = [point.subarray(1, 33), point.subarray(33)];
  return readPublicJwk({ kty: 'EC', crv: 'P-256', x: encodeBase64url(x), y: encodeBase64url(y) });
}

function rsaKey(algorithm: DerReader, key: Uint8Array): PublicJwk {
  if (algorithm.next(derTags.null).length !== 0) throw otherKind();
  algorithm.end();
  const whole = new DerReader(key);
  const numbers = new DerReader(whole.next(derTags.sequence));
  whole.end();
  const [n, e] = [positive(numbers), positive(numbers)];
  numbers.end();
  return readPublicJwk({ kty: 'RSA', n, e });
}

/** A positive INTEGER in its shortest form, base64url. */
function positive(numbers: DerReader): string {
  const bytes = numbers.next(derTags.integer);
  const [first = 0x80, second = 0] = bytes;
  if (first >= 0x80 || (first === 0 && second < 0x80)) throw otherKind();
  return encodeBase64url(first === 0 ? bytes.subarray(1) : bytes);
}

function otherKind() {
  return keyFault('the key is none of Ed25519, ECDSA P-256 (uncompressed point) and RSA (rsaEncryption)');
}
