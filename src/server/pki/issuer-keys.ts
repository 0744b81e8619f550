/**
 * The issuer's own keys beside the CA: Ed25519, which answers are signed with, and RSA, which `encrypted_time` is encrypted to. Made when
 * they are missing and kept in the vault like the CA; their public halves are in discovery (`jwks`).
 */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { Clock } from '../../core/index.js';
import { jwkThumbprint, type PublicJwk, readPublicJwk } from '../../protocol/http-signature/index.js';
import type { CertificateVault } from './server-identity.js';

/** They do not end by themselves. */
const endlessMs = Date.UTC(9999, 11, 31);
const timeKeyBits = 3072;
const makeKeyPair = promisify(generateKeyPair);

/** A public key and the name it goes by: its RFC 7638 thumbprint. */
interface PublicHalf {
  readonly jwk: PublicJwk;
  readonly kid: string;
}

export interface IssuerKeys {
  /** Ed25519; the private key as PKCS #8 in DER. */
  readonly answerKey: PublicHalf & { readonly pkcs8: Uint8Array };
  /** RSA of 3072 bits. */
  readonly timeKey: PublicHalf & { readonly decryptionKey: KeyObject };
}

/** The issuer's keys; those that the vault does not hold are made and put there. */
export async function ensureIssuerKeys(vault: CertificateVault, clock: Clock): Promise<IssuerKeys> {
  const answer = await ensureKey('answer-key', async () => (await makeKeyPair('ed25519')).privateKey, vault, clock);
  const makeTimeKey = async () => (await makeKeyPair('rsa', { modulusLength: timeKeyBits })).privateKey;
  const decryptionKey = await ensureKey('time-key', makeTimeKey, vault, clock);
  return {
    answerKey: { pkcs8: new Uint8Array(answer.export({ type: 'pkcs8', format: 'der' })), ...publicHalf(answer) },
    timeKey: { decryptionKey, ...publicHalf(decryptionKey) },
  };
}

async function ensureKey(
  name: string,
  make: () => Promise<KeyObject>,
  vault: CertificateVault,
  clock: Clock,
): Promise<KeyObject> {
  const known = await vault.pkiEntry(name);
  if (known !== undefined) return createPrivateKey(known.privateKeyPem);
  const key = await make();
  const certificatePem = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
  const privateKeyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  await vault.putPkiEntry({ name, certificatePem, notAfterMs: endlessMs, createdAtMs: clock() }, privateKeyPem);
  return key;
}

function publicHalf(key: KeyObject): PublicHalf {
  const jwk = readPublicJwk({ ...createPublicKey(key).export({ format: 'jwk' }) });
  return { jwk, kid: jwkThumbprint(jwk) };
}

/** The public halves as discovery shows them (RFC 7517): what each is for, and how it is called. */
export function publishedKeys({ answerKey, timeKey }: IssuerKeys): readonly Readonly<Record<string, string>>[] {
  return [
    { ...answerKey.jwk, kid: answerKey.kid, use: 'sig', alg: 'EdDSA' },
    { ...timeKey.jwk, kid: timeKey.kid, use: 'enc', alg: 'RSA-OAEP-256' },
  ];
}
