/**
 * The signature algorithms of RFC 9421 §3.3 that are used here. A key has one algorithm, and whoever verifies takes it from the registered key,
 * never from the message. Asymmetric ones run on WebCrypto, so that this runs in browsers too; no error of it gets out.
 */
import { copyBytes, equalBytes, hmacSha256, MacaroonError } from '../../core/index.js';
import { keyFault, type PublicJwk, readPublicJwk } from './public-jwk.js';
import { spkiPublicJwk } from './public-key.js';
import { type AsymmetricAlgorithm, algorithmsOf, type SignatureAlgorithm } from './signature-algorithm.js';

export interface SigningKey {
  readonly algorithm: SignatureAlgorithm;
  /** Signature of `base`: 32 bytes (HMAC), 64 (Ed25519; ECDSA as r ‖ s), or as long as the modulus (RSA). */
  sign(base: Uint8Array): Promise<Uint8Array>;
}

export interface VerifyingKey {
  readonly algorithm: SignatureAlgorithm;
  /** Whether `signature` is one of `base`; bytes of any length are an answer, not an error. */
  verify(base: Uint8Array, signature: Uint8Array): Promise<boolean>;
}

type CryptoKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** What WebCrypto calls them. */
const webCrypto = {
  ed25519: { key: { name: 'Ed25519' }, use: { name: 'Ed25519' } },
  'ecdsa-p256-sha256': { key: { name: 'ECDSA', namedCurve: 'P-256' }, use: { name: 'ECDSA', hash: 'SHA-256' } },
  'rsa-pss-sha512': { key: { name: 'RSA-PSS', hash: 'SHA-512' }, use: { name: 'RSA-PSS', saltLength: 64 } },
} as const satisfies Readonly<Record<AsymmetricAlgorithm, unknown>>;

const minSecretBytes = 16;

/** HMAC-SHA-256 under `secret` (16 bytes or more). Throws `ERR_ARGUMENT` for a shorter one. */
export function hmacSignatureKey(secret: Uint8Array): SigningKey & VerifyingKey {
  if (secret.length < minSecretBytes)
    throw new MacaroonError('ERR_ARGUMENT', 'the secret has fewer than 16 bytes', { argument: 'secret' });
  const key = copyBytes(secret);
  return {
    algorithm: 'hmac-sha256',
    sign: async (base) => hmacSha256(key, base),
    verify: async (base, signature) => equalBytes(hmacSha256(key, base), signature),
  };
}

/**
 * A public key, as JWK or as DER of its SubjectPublicKeyInfo. Throws `ERR_ARGUMENT` for `hmac-sha256`, a key of another kind or curve, a weak
 * one (RSA below 2048 bits), and one that is malformed.
 */
export async function importVerifyingKey(
  key: PublicJwk | { readonly spki: Uint8Array },
  algorithm: SignatureAlgorithm,
): Promise<VerifyingKey> {
  const { key: importAs, use } = asymmetric(algorithm);
  const jwk = 'spki' in key ? spkiPublicJwk(key.spki) : readPublicJwk({ ...key });
  if (!algorithmsOf(jwk).some((known) => known === algorithm))
    throw keyFault(`the key is of another kind than ${algorithm} takes`);
  const imported = await ours(() => crypto.subtle.importKey('jwk', jwk, importAs, false, ['verify']));
  return {
    algorithm,
    verify: (base, signature) => crypto.subtle.verify(use, imported, new Uint8Array(signature), new Uint8Array(base)),
  };
}

/** A private key as DER of its PKCS#8. Throws `ERR_ARGUMENT` like `importVerifyingKey`. */
export async function importSigningKey(pkcs8: Uint8Array, algorithm: SignatureAlgorithm): Promise<SigningKey> {
  const { use } = asymmetric(algorithm);
  const { key } = await importPrivate(pkcs8, algorithm);
  return { algorithm, sign: async (base) => new Uint8Array(await crypto.subtle.sign(use, key, new Uint8Array(base))) };
}

/** The public half of a private key. Throws `ERR_ARGUMENT` like `importSigningKey`. */
export async function publicJwkOfPrivateKey(pkcs8: Uint8Array, algorithm: SignatureAlgorithm): Promise<PublicJwk> {
  return (await importPrivate(pkcs8, algorithm)).publicJwk;
}

async function importPrivate(
  pkcs8: Uint8Array,
  algorithm: SignatureAlgorithm,
): Promise<{ key: CryptoKey; publicJwk: PublicJwk }> {
  const { key: importAs } = asymmetric(algorithm);
  // Extractable for its public half alone, which also tells whether it is strong enough.
  const key = await ours(() => crypto.subtle.importKey('pkcs8', new Uint8Array(pkcs8), importAs, true, ['sign']));
  const { d: _secret, ...members } = await ours(() => crypto.subtle.exportKey('jwk', key));
  return { key, publicJwk: readPublicJwk(members) };
}

function asymmetric(algorithm: SignatureAlgorithm) {
  if (algorithm === 'hmac-sha256') throw keyFault('hmac-sha256 takes a shared secret, not a key pair');
  return webCrypto[algorithm];
}

/** What `work` of WebCrypto gives. What it throws says nothing that helps, and may differ between platforms. */
async function ours<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch {
    throw keyFault('the key cannot be read, or is of another kind or curve than its algorithm');
  }
}
