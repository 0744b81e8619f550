/**
 * The company CA: the one that `init` makes (P-256), or one that was imported (RSA, P-256, P-384 or Ed25519), and its key at work.
 * Source: RFC 5280; the extensions are those that `openssl verify -x509_strict` asks for.
 */
import 'reflect-metadata';
import { createPrivateKey, type KeyObject, webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { type Clock, encodeHex, MacaroonError, type RandomBytes } from '../../core/index.js';
import type { CertificateFields } from './certificate-fields.js';
import { type ParsedCertificate, parseCertificates } from './parsed-certificate.js';
import { pemOf } from './pem.js';

const authorityLifeMs = 3_650 * 86_400_000;
/** Certificates start a little in the past, for clients whose clocks are behind. */
const backdateMs = 60_000;
const minRsaBits = 2048;
const newKeyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A certificate with its private key, both PEM; the key is PKCS #8. A CA's own issuers may follow its certificate. */
export interface IssuedCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly notAfterMs: number;
}

/** A WebCrypto algorithm to sign with. */
export type SigningAlgorithm =
  | { readonly name: 'ECDSA'; readonly namedCurve: 'P-256' | 'P-384'; readonly hash: 'SHA-256' | 'SHA-384' }
  | { readonly name: 'RSASSA-PKCS1-v1_5'; readonly hash: 'SHA-256' }
  | { readonly name: 'Ed25519' };

/** A CA that is about to sign. */
export interface OpenAuthority {
  readonly fields: CertificateFields;
  /** Its name, as its own certificate encodes it. */
  readonly name: Name;
  readonly keyIdentifier: AuthorityKeyIdentifierExtension;
  readonly signingKey: webcrypto.CryptoKey;
  readonly signingAlgorithm: SigningAlgorithm;
}

/** A self-signed CA certificate for ten years. `name` goes into its subject and tells it from other installations' CAs. */
export async function createAuthority(name: string, clock: Clock, randomBytes: RandomBytes): Promise<IssuedCertificate> {
  cryptoProvider.set(webcrypto);
  const keys = await webcrypto.subtle.generateKey(newKeyAlgorithm, true, ['sign', 'verify']);
  const { notBefore, notAfter } = validityOf(clock(), clock() + authorityLifeMs);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(randomBytes),
    name: [{ O: ['macaroond'] }, { CN: [name] }],
    notBefore,
    notAfter,
    signingAlgorithm: newKeyAlgorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificatePem: pemOf(new Uint8Array(certificate.rawData), 'CERTIFICATE'),
    privateKeyPem: pemOf(new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)), 'PRIVATE KEY'),
    notAfterMs: notAfter.getTime(),
  };
}

/** Makes `authority` ready to sign. Throws `ERR_ARGUMENT` when it has ended, or its key is of a kind that signs nothing here. */
export async function openAuthority(authority: IssuedCertificate, clock: Clock): Promise<OpenAuthority> {
  cryptoProvider.set(webcrypto);
  const [parsed] = parseCertificates(authority.certificatePem);
  if (parsed === undefined) throw authorityFault('the certificate of the CA cannot be read');
  if (clock() >= parsed.fields.notAfterMs) throw authorityFault('the CA has expired: import or make another one');
  const key = createPrivateKey(authority.privateKeyPem);
  const signingAlgorithm = signingAlgorithmOf(key);
  const pkcs8 = key.export({ format: 'der', type: 'pkcs8' });
  return {
    fields: parsed.fields,
    name: nameOf(parsed),
    keyIdentifier: await keyIdentifierOf(parsed),
    signingKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, signingAlgorithm, false, ['sign']),
    signingAlgorithm,
  };
}

/** How a CA's key signs. Throws `ERR_ARGUMENT` unless it is RSA of at least 2048 bits, P-256, P-384 or Ed25519. */
export function signingAlgorithmOf({ asymmetricKeyType, asymmetricKeyDetails: details }: KeyObject): SigningAlgorithm {
  if (asymmetricKeyType === 'ed25519') return { name: 'Ed25519' };
  if (asymmetricKeyType === 'rsa' && (details?.modulusLength ?? 0) >= minRsaBits) {
    return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  }
  if (details?.namedCurve === 'prime256v1') return { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  if (details?.namedCurve === 'secp384r1') return { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' };
  throw authorityFault(`the key of the CA must be RSA of at least ${minRsaBits} bits, P-256, P-384 or Ed25519`);
}

/** From a minute before `nowMs` to `endMs`, in the whole seconds that certificates have. */
export function validityOf(nowMs: number, endMs: number): { readonly notBefore: Date; readonly notAfter: Date } {
  const inSeconds = (timeMs: number) => new Date(Math.floor(timeMs / 1000) * 1000);
  return { notBefore: inSeconds(nowMs - backdateMs), notAfter: inSeconds(endMs) };
}

/** 127 random bits in hexadecimal digits, never negative and never starting with a zero byte. */
export function serialNumber(randomBytes: RandomBytes): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return encodeHex(bytes);
}

/** What is wrong with the CA that our caller gave. */
export function authorityFault(message: string): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', message, { argument: 'authority' });
}

/** The name as it is encoded: written anew from text it might not be the same bytes, and then nothing that it issues would be found. */
function nameOf({ fields }: ParsedCertificate): Name {
  const name = new Name(fields.subject);
  if (Buffer.from(name.toArrayBuffer()).equals(fields.subject)) return name;
  throw authorityFault('the name of the CA has an encoding that cannot be copied');
}

/** The key identifier that the CA's certificate states, which need not be the usual hash of its key. */
async function keyIdentifierOf({ openssl }: ParsedCertificate): Promise<AuthorityKeyIdentifierExtension> {
  const certificate = new X509Certificate(openssl.raw);
  const stated = certificate.getExtension(SubjectKeyIdentifierExtension);
  if (stated !== null) return new AuthorityKeyIdentifierExtension(stated.keyId);
  return await AuthorityKeyIdentifierExtension.create(certificate.publicKey);
}
