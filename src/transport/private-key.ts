/** Private keys of clients: PEM, PKCS #8 (RFC 5958), not encrypted. The one spelling that Node, WebCrypto and openssl all read and write. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { MacaroonError } from '../core/index.js';

/** What a key of a client is used with. */
export type KeyAlgorithm =
  | 'ed25519'
  | 'ecdsa-p256-sha256'
  | 'rsa-pss-sha512'
  | 'sign-ed25519'
  | 'sign-ecdsa-p256-sha256'
  | 'sign-rsa-pss-sha256'
  | 'decrypt-rsa-oaep-256';

const onePrivateKey = /^\s*-----BEGIN PRIVATE KEY-----[A-Za-z0-9+/=\s]+-----END PRIVATE KEY-----\s*$/;
const spelling = 'PEM, PKCS #8, not encrypted (BEGIN PRIVATE KEY), as "openssl pkcs8 -topk8 -nocrypt" writes it';
const minRsaBits = 2048;

/** The key in `pem`. Throws `ERR_ARGUMENT` (`argument`) for anything but one key; the message does not quote it. */
export function parsePrivateKey(pem: string, argument: string): KeyObject {
  if (typeof pem === 'string' && onePrivateKey.test(pem)) {
    try {
      return createPrivateKey(pem);
    } catch {
      // The reason is not kept as a cause, as nobody promises that it holds nothing of the key.
    }
  }
  throw new MacaroonError('ERR_ARGUMENT', `the private key must be ${spelling}`, { argument });
}

/** Throws `ERR_ARGUMENT` (`privateKey`) unless `pem` is a private key for `algorithm`. */
export function checkPrivateKey(pem: string, algorithm: KeyAlgorithm): void {
  const key = parsePrivateKey(pem, 'privateKey');
  if (isKeyFor(algorithm, key)) return;
  throw new MacaroonError('ERR_ARGUMENT', `the private key is of another kind than ${algorithm} needs`, {
    argument: 'privateKey',
  });
}

function isKeyFor(algorithm: KeyAlgorithm, { asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  switch (algorithm) {
    case 'ed25519':
    case 'sign-ed25519':
      return asymmetricKeyType === 'ed25519';
    case 'ecdsa-p256-sha256':
    case 'sign-ecdsa-p256-sha256':
      return asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1';
    case 'rsa-pss-sha512':
    case 'sign-rsa-pss-sha256':
    case 'decrypt-rsa-oaep-256':
      return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= minRsaBits;
  }
}
