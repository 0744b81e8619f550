/**
 * Certificate signing requests: a key, and proof that the one who asks holds it. Nothing else is taken from one: subject, alternative
 * names and extensions that it asks for are never looked at, as the names of a certificate come from the registry of clients.
 * Source: RFC 2986.
 */
import { verify } from 'node:crypto';
import { encodeHex, MacaroonError } from '../../core/index.js';
import { type CertifiedKey, type KeyKind, readCertifiedKey } from './certified-key.js';
import { bitStringBytes, childrenOf, contentOf, type DerElement, derTag, readDer } from './der.js';
import { pemBlocks } from './pem.js';

const maxPemLength = 16_384;
const attributesTag = 0xa0;

/** Signature algorithms by the hexadecimal digits of their whole identifier: the kind of key, and the digest, which Ed25519 has of its own. */
const algorithms: ReadonlyMap<string, { readonly keyKind: KeyKind; readonly digest: string | null }> = new Map([
  ['300a06082a8648ce3d040302', { keyKind: 'P-256', digest: 'sha256' }],
  ['300a06082a8648ce3d040303', { keyKind: 'P-256', digest: 'sha384' }],
  ['300a06082a8648ce3d040304', { keyKind: 'P-256', digest: 'sha512' }],
  ['300d06092a864886f70d01010b0500', { keyKind: 'RSA', digest: 'sha256' }],
  ['300d06092a864886f70d01010c0500', { keyKind: 'RSA', digest: 'sha384' }],
  ['300d06092a864886f70d01010d0500', { keyKind: 'RSA', digest: 'sha512' }],
  ['300506032b6570', { keyKind: 'Ed25519', digest: null }],
]);

/** The key of a request whose signature held. */
export interface SigningRequest {
  /** DER of the SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly keyKind: KeyKind;
}

/**
 * Reads one `CERTIFICATE REQUEST` (or `NEW CERTIFICATE REQUEST`) in PEM, at most 16 KiB, with nothing before or after it, and checks its
 * signature. Throws `ERR_ARGUMENT` for anything else, and for keys that `readCertifiedKey` refuses.
 */
export function readSigningRequest(pem: string): SigningRequest {
  const [information, algorithm, signature, ...rest] = childrenOf(readDer(requestDer(pem)), derTag.sequence);
  const [version, subject, publicKey, attributes, ...more] = childrenOf(information, derTag.sequence);
  childrenOf(subject, derTag.sequence);
  childrenOf(attributes, attributesTag);
  const [versionNumber] = contentOf(version, derTag.integer);
  if (information === undefined || publicKey === undefined || rest.length + more.length > 0 || versionNumber !== 0)
    return refuse();
  const spki = publicKey.encoded.slice();
  const key = readCertifiedKey(spki);
  if (!isSignedBy(key, algorithm, information.encoded, bitStringBytes(signature))) return refuse();
  return { spki, keyKind: key.keyKind };
}

function requestDer(pem: string): Uint8Array {
  const text = pem.trim();
  const label = /^-----BEGIN ((?:NEW )?CERTIFICATE REQUEST)-----[^-]+-----END \1-----$/.exec(text)?.[1];
  const [der] = label === undefined || pem.length > maxPemLength ? [] : pemBlocks(text, label);
  return der ?? refuse();
}

function isSignedBy(key: CertifiedKey, identifier: DerElement | undefined, data: Uint8Array, signature: Uint8Array): boolean {
  const algorithm = algorithms.get(encodeHex(identifier?.encoded ?? refuse()));
  return algorithm?.keyKind === key.keyKind && verify(algorithm.digest, data, key.publicKey, signature);
}

function refuse(): never {
  throw new MacaroonError('ERR_ARGUMENT', 'this is not one certificate signing request (PKCS #10, PEM) signed by its own key', {
    argument: 'csr',
  });
}
