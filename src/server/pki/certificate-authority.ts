/**
 * The company CA that `init` makes, and the server certificates it issues. P-256; names come from the issuer's configuration only.
 * Source: RFC 5280; the extensions are those that `openssl verify -x509_strict` asks for.
 */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { type Clock, encodeHex, type RandomBytes } from '../../core/index.js';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;
const authorityLifeMs = 3_650 * dayMs;
const serverLifeMs = 90 * dayMs;
/** Certificates start a little in the past, for clients whose clocks are behind. */
const backdateMs = 60_000;

/** A certificate with its private key, both PEM; the key is PKCS #8. */
export interface IssuedCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly notAfterMs: number;
}

/** A self-signed CA certificate for ten years. `name` goes into its subject and tells it from other installations' CAs. */
export async function createAuthority(name: string, clock: Clock, randomBytes: RandomBytes): Promise<IssuedCertificate> {
  cryptoProvider.set(webcrypto);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const notBefore = new Date(clock() - backdateMs);
  const notAfter = new Date(clock() + authorityLifeMs);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(randomBytes),
    name: [{ O: ['macaroond'] }, { CN: [name] }],
    notBefore,
    notAfter,
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificatePem: pemOf(certificate),
    privateKeyPem: await privatePemOf(keys.privateKey),
    notAfterMs: notAfter.getTime(),
  };
}

/**
 * A server certificate for ninety days (never beyond the CA's own end). `names` are DNS names and IP addresses; the first is the subject.
 */
export async function issueServerCertificate(
  authority: IssuedCertificate,
  names: readonly string[],
  clock: Clock,
  randomBytes: RandomBytes,
): Promise<IssuedCertificate> {
  cryptoProvider.set(webcrypto);
  const issuer = new X509Certificate(authority.certificatePem);
  const keyDer = PemConverter.decode(authority.privateKeyPem)[0] ?? new ArrayBuffer(0);
  const signingKey = await webcrypto.subtle.importKey('pkcs8', keyDer, algorithm, false, ['sign']);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const notAfter = new Date(Math.min(clock() + serverLifeMs, authority.notAfterMs));
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(randomBytes),
    subject: [{ CN: [names[0] ?? 'localhost'] }],
    issuer: issuer.subject,
    notBefore: new Date(clock() - backdateMs),
    notAfter,
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }))),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return {
    certificatePem: pemOf(certificate),
    privateKeyPem: await privatePemOf(keys.privateKey),
    notAfterMs: notAfter.getTime(),
  };
}

/** 127 random bits, never negative and never starting with a zero byte. */
function serialNumber(randomBytes: RandomBytes): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return encodeHex(bytes);
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

async function privatePemOf(key: webcrypto.CryptoKey): Promise<string> {
  return `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}
