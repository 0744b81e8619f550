/** Names of the signature algorithms of RFC 9421 §3.3 that are used here, and which of them a public key is for. */
import type { PublicJwk } from './public-jwk.js';

export const signatureAlgorithms = ['hmac-sha256', 'ed25519', 'ecdsa-p256-sha256', 'rsa-pss-sha512'] as const;

export type SignatureAlgorithm = (typeof signatureAlgorithms)[number];

export type AsymmetricAlgorithm = Exclude<SignatureAlgorithm, 'hmac-sha256'>;

const algorithmsOfKind: Readonly<Record<PublicJwk['kty'], readonly AsymmetricAlgorithm[]>> = {
  OKP: ['ed25519'],
  EC: ['ecdsa-p256-sha256'],
  RSA: ['rsa-pss-sha512'],
};

/** Algorithms whose signatures `jwk` verifies. */
export function algorithmsOf(jwk: PublicJwk): readonly AsymmetricAlgorithm[] {
  return algorithmsOfKind[jwk.kty];
}
