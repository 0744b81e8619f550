/**
 * Public keys as JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037), of the three kinds that sign here. What is read is checked once, here: curve,
 * lengths, one spelling; so a thumbprint (RFC 7638) belongs to one key and a key has one thumbprint.
 */
import { decodeBase64url, encodeBase64url, encodeUtf8, MacaroonError, sha256 } from '../../core/index.js';

export interface Ed25519Jwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  /** 32 bytes, base64url. */
  readonly x: string;
}

export interface P256Jwk {
  readonly kty: 'EC';
  readonly crv: 'P-256';
  /** 32 bytes, base64url. */
  readonly x: string;
  /** 32 bytes, base64url. */
  readonly y: string;
}

export interface RsaJwk {
  readonly kty: 'RSA';
  /** Modulus of 2048 to 8192 bits, base64url without leading zero bytes. */
  readonly n: string;
  /** Odd exponent of at most 4 bytes, base64url without leading zero bytes. */
  readonly e: string;
}

export type PublicJwk = Ed25519Jwk | P256Jwk | RsaJwk;

const minModulusBits = 2048;
/** Larger keys only cost whoever verifies. So do large exponents. */
const maxModulusBits = 8192;
const maxExponentBytes = 4;

/**
 * The public key that `members` of a JWK name; other members (`kid`, `use` …) are left out. Throws `ERR_ARGUMENT` for another kind of key, a
 * weak one (RSA below 2048 bits), a private one, or another spelling of its numbers. Whether a P-256 point is on the curve is known on import.
 */
export function readPublicJwk(members: Readonly<Record<string, unknown>>): PublicJwk {
  const { kty, crv } = members;
  if (members['d'] !== undefined) throw keyFault('a private key where a public one is expected');
  if (kty === 'OKP' && crv === 'Ed25519') return { kty, crv, x: coordinate(members, 'x') };
  if (kty === 'EC' && crv === 'P-256') return { kty, crv, x: coordinate(members, 'x'), y: coordinate(members, 'y') };
  if (kty === 'RSA') return { kty, n: modulus(members), e: exponent(members) };
  throw keyFault('the key is none of Ed25519, ECDSA P-256 and RSA');
}

/** RFC 7638 thumbprint with SHA-256: 43 characters of base64url. */
export function jwkThumbprint(jwk: PublicJwk): string {
  return encodeBase64url(sha256(encodeUtf8(JSON.stringify(requiredMembers(jwk)))));
}

/** In the order of their names, as RFC 7638 §3 hashes them. */
function requiredMembers(jwk: PublicJwk) {
  switch (jwk.kty) {
    case 'OKP':
      return { crv: jwk.crv, kty: jwk.kty, x: jwk.x };
    case 'EC':
      return { crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y };
    case 'RSA':
      return { e: jwk.e, kty: jwk.kty, n: jwk.n };
  }
}

/** What is wrong with a key of our caller. */
export function keyFault(message: string): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', message, { argument: 'key' });
}

function coordinate(members: Readonly<Record<string, unknown>>, name: string): string {
  const { text, bytes } = binary(members, name);
  if (bytes.length !== 32) throw keyFault(`${name} of the key is not 32 bytes`);
  return text;
}

function modulus(members: Readonly<Record<string, unknown>>): string {
  const { text, bytes } = binary(members, 'n');
  const bits = bytes.length * 8 - Math.clz32(bytes[0] ?? 0) + 24;
  if (bytes[0] === 0 || bits < minModulusBits || bits > maxModulusBits) {
    throw keyFault(`the RSA key does not have ${minModulusBits} to ${maxModulusBits} bits`);
  }
  return text;
}

function exponent(members: Readonly<Record<string, unknown>>): string {
  const { text, bytes } = binary(members, 'e');
  const isOdd = ((bytes.at(-1) ?? 0) & 1) === 1;
  if (bytes[0] === 0 || bytes.length > maxExponentBytes || !isOdd || text === 'AQ') {
    throw keyFault('the RSA key has an exponent that is not a small odd number above 1');
  }
  return text;
}

function binary(members: Readonly<Record<string, unknown>>, name: string): { readonly text: string; readonly bytes: Uint8Array } {
  const text = members[name];
  if (typeof text !== 'string' || text.length > maxModulusBits / 4) throw keyFault(`${name} of the key is not base64url`);
  try {
    return { text, bytes: decodeBase64url(text) };
  } catch {
    throw keyFault(`${name} of the key is not base64url`);
  }
}
