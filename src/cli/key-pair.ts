/** Key pairs of clients: made here, so that a private key never travels, or read from files of the client's own. */
import { createPublicKey, generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto';
import { MacaroonError } from '../core/index.js';
import { decodeBase64, publicKeyOf } from '../protocol/http-signature/index.js';
import { FileFault, readOwnFile } from '../transport/private-file.js';
import { parsePrivateKey } from '../transport/private-key.js';
import { fileFault } from './file-fault.js';
import { usageError } from './session.js';

/** Both PEM: SubjectPublicKeyInfo, and PKCS #8. */
export interface KeyPair {
  readonly publicKey: string;
  readonly privateKey: string;
}

const rsaBits = 3072;
const signingRequestPattern = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([^-]+)-----END (?:NEW )?CERTIFICATE REQUEST-----/;

/** A fresh key pair for `algorithm`, named as in a credential; `undefined` for an algorithm that has none. */
export function generateKeyPair(algorithm: string): KeyPair | undefined {
  switch (algorithm) {
    case 'ed25519':
    case 'sign-ed25519':
      return asPem(generateKeyPairSync('ed25519'));
    case 'ecdsa-p256-sha256':
    case 'sign-ecdsa-p256-sha256':
      return asPem(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
    case 'rsa-pss-sha512':
    case 'sign-rsa-pss-sha256':
    case 'decrypt-rsa-oaep-256':
      return asPem(generateKeyPairSync('rsa', { modulusLength: rsaBits }));
    default:
      return undefined;
  }
}

function asPem({ publicKey, privateKey }: KeyPairKeyObjectResult): KeyPair {
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** The public key in the file at `path`, PEM. Throws a usage error for anything else: a private key must not be sent by mistake. */
export async function readPublicKeyFile(path: string, flag: string): Promise<string> {
  const pem = `${(await readKeyFile(path, flag, false)).trim()}\n`;
  return usable(flag, () => {
    publicKeyOf(pem);
    return pem;
  });
}

/** The private key in the file at `path`, PEM, when it is that of `publicKey`. Throws a usage error. */
export async function readPrivateKeyFile(path: string, flag: string, publicKey: string): Promise<string> {
  const pem = await readKeyFile(path, flag, true);
  const own = usable(flag, () => createPublicKey(parsePrivateKey(pem, 'privateKey')));
  if (!own.equals(createPublicKey(publicKey))) throw usageError(`${flag} is not the private key of the public key`);
  return pem;
}

/** The signing request in the file at `path`, PEM. Throws a usage error. */
export async function readSigningRequest(path: string, flag: string): Promise<string> {
  const pem = await readKeyFile(path, flag, false);
  if (signingRequestPattern.test(pem)) return pem;
  throw usageError(`${flag}: the file holds no signing request, PEM: BEGIN CERTIFICATE REQUEST`);
}

/** The private key in the file at `path`, PEM, when `request` is for its public key, whose bytes are in there. Throws a usage error. */
export async function readRequestedKey(path: string, flag: string, request: string): Promise<string> {
  const pem = await readKeyFile(path, flag, true);
  const own = usable(flag, () => createPublicKey(parsePrivateKey(pem, 'privateKey')));
  const text = (signingRequestPattern.exec(request)?.[1] ?? '').replaceAll(/\s/g, '');
  const der = Buffer.from(decodeBase64(text) ?? []);
  if (der.includes(own.export({ type: 'spki', format: 'der' }))) return pem;
  throw usageError(`${flag} is not the key of the signing request`);
}

/** Text of a file that `flag` names. Throws a usage error when it cannot be read, or, where it `isPrivate`, when others can read it. */
export async function readKeyFile(path: string, flag: string, isPrivate: boolean): Promise<string> {
  try {
    return await readOwnFile(path, isPrivate);
  } catch (error) {
    if (!(error instanceof FileFault)) throw error;
    const fault = fileFault(error.cause);
    throw usageError(`the file of ${flag} ${error.message}${fault === undefined ? '' : ` (${fault})`}`);
  }
}

/** Whatever `read` refuses as a usage error about `flag`; its messages quote no key. */
export function usable<T>(flag: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof MacaroonError) throw usageError(`${flag}: ${error.message}`);
    throw error;
  }
}
