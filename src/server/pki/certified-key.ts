/** Public keys that the CA puts into certificates: which kinds, how large, and in which one encoding. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { encodeHex, equalBytes, MacaroonError } from '../../core/index.js';
import { readDer } from './der.js';

const minRsaBits = 2048;
const maxRsaBits = 4096;
const maxSpkiBytes = 1024;

export type KeyKind = 'P-256' | 'Ed25519' | 'RSA';

/** How the DER of a key begins, after its length: OpenSSL also reads curves given by their parameters, and points in other forms. */
const headers: Readonly<Record<KeyKind, string>> = {
  'P-256': '301306072a8648ce3d020106082a8648ce3d03010703420004',
  Ed25519: '300506032b6570032100',
  RSA: '300d06092a864886f70d010101050003',
};

/** A public key that may be certified. */
export interface CertifiedKey {
  readonly keyKind: KeyKind;
  readonly publicKey: KeyObject;
}

/**
 * Reads the DER of a SubjectPublicKeyInfo: P-256, Ed25519, or RSA of 2048 to 4096 bits with an odd exponent of at least 65537. Throws
 * `ERR_ARGUMENT` for other keys, and for every encoding but the one that OpenSSL writes (uncompressed points, a named curve).
 */
export function readCertifiedKey(spki: Uint8Array): CertifiedKey {
  const publicKey = importSpki(spki);
  const keyKind = kindOf(publicKey);
  if (keyKind !== undefined && encodeHex(readDer(spki).content).startsWith(headers[keyKind])) return { keyKind, publicKey };
  throw new MacaroonError('ERR_ARGUMENT', 'the key must be P-256, Ed25519, or RSA of 2048 to 4096 bits', { argument: 'key' });
}

function importSpki(spki: Uint8Array): KeyObject {
  try {
    if (spki.length <= maxSpkiBytes) {
      const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
      if (equalBytes(key.export({ format: 'der', type: 'spki' }), spki)) return key;
    }
  } catch {
    // Said below: what OpenSSL says of a stranger's bytes helps nobody.
  }
  throw new MacaroonError('ERR_ARGUMENT', 'the public key cannot be read, or is not encoded in the usual way', {
    argument: 'key',
  });
}

function kindOf({ asymmetricKeyType, asymmetricKeyDetails: details }: KeyObject): KeyKind | undefined {
  switch (asymmetricKeyType) {
    case 'ed25519':
      return 'Ed25519';
    case 'ec':
      return details?.namedCurve === 'prime256v1' ? 'P-256' : undefined;
    case 'rsa': {
      const { modulusLength = 0, publicExponent = 0n } = details ?? {};
      const isGood = modulusLength >= minRsaBits && modulusLength <= maxRsaBits;
      return isGood && publicExponent >= 65_537n && publicExponent % 2n === 1n ? 'RSA' : undefined;
    }
    default:
      return undefined;
  }
}
