/**
 * Certificates that the company CA issues: one way to make one, for clients and for the server itself. Every name in it is told by the
 * caller, from the registry or the configuration; none comes from who asks.
 */
import 'reflect-metadata';
import { createHash, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { type Clock, MacaroonError, type RandomBytes } from '../../core/index.js';
import { requireName } from '../../core/names.js';
import type { IssuedLeaf } from '../domain/certificate-tools.js';
import { type IssuedCertificate, openAuthority, serialNumber, validityOf } from './certificate-authority.js';
import { type CertifiedKey, readCertifiedKey } from './certified-key.js';
import { pemOf } from './pem.js';

const serverLifeMs = 90 * 86_400_000;
const maxCommonNameLength = 64;
/** Underscores too: names of containers have them. */
const hostPattern = /^(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;
const uriPattern = /^[a-z][a-z0-9+.-]*:[\x21-\x7e]{1,2048}$/;

export interface ClientCertificateRequest {
  readonly authority: IssuedCertificate;
  /** DER of the SubjectPublicKeyInfo: P-256, Ed25519, or RSA of 2048 to 4096 bits. */
  readonly publicKeySpki: Uint8Array;
  /** Name of the client: the common name. */
  readonly subjectName: string;
  readonly uris: readonly string[];
  /** DNS names in lower case, and addresses, that the client may serve as. */
  readonly hosts: readonly string[];
  readonly lifeMs: number;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
}

/**
 * A certificate for TLS clients and servers, from a minute ago for `lifeMs`, never beyond the CA's own end. Throws `ERR_ARGUMENT` for a
 * key that is not certified here, a name that is none, or a CA that has expired.
 */
export async function issueClientCertificate(request: ClientCertificateRequest): Promise<IssuedLeaf> {
  const { subjectName, lifeMs } = request;
  if (!Number.isSafeInteger(lifeMs) || lifeMs <= 0)
    throw new MacaroonError('ERR_ARGUMENT', 'lifeMs must be positive', { argument: 'lifeMs' });
  const purposes = [ExtendedKeyUsage.clientAuth, ExtendedKeyUsage.serverAuth];
  return await issueLeaf({ ...request, commonName: requireName(subjectName, 'subjectName'), purposes });
}

/**
 * A server certificate for ninety days (never beyond the CA's own end), with a new P-256 key. `names` are DNS names and IP addresses; the
 * first is the subject.
 */
export async function issueServerCertificate(
  authority: IssuedCertificate,
  names: readonly string[],
  clock: Clock,
  randomBytes: RandomBytes,
): Promise<IssuedCertificate> {
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const leaf = await issueLeaf({
    authority,
    publicKeySpki: new Uint8Array(await webcrypto.subtle.exportKey('spki', keys.publicKey)),
    commonName: names[0] ?? 'localhost',
    purposes: [ExtendedKeyUsage.serverAuth],
    uris: [],
    hosts: names.map((name) => name.toLowerCase()),
    lifeMs: serverLifeMs,
    clock,
    randomBytes,
  });
  const privateKeyPem = pemOf(new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)), 'PRIVATE KEY');
  return { certificatePem: leaf.certificatePem, privateKeyPem, notAfterMs: leaf.notAfterMs };
}

interface LeafRequest extends Omit<ClientCertificateRequest, 'subjectName'> {
  readonly commonName: string;
  readonly purposes: ExtendedKeyUsage[];
}

async function issueLeaf({ authority, clock, randomBytes, lifeMs, ...request }: LeafRequest): Promise<IssuedLeaf> {
  const issuer = await openAuthority(authority, clock);
  const key = readCertifiedKey(request.publicKeySpki);
  const { notBefore, notAfter } = validityOf(clock(), Math.min(clock() + lifeMs, issuer.fields.notAfterMs));
  const serial = serialNumber(randomBytes);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial,
    subject: [{ CN: [request.commonName.slice(0, maxCommonNameLength)] }],
    issuer: issuer.name,
    notBefore,
    notAfter,
    signingAlgorithm: issuer.signingAlgorithm,
    publicKey: new Uint8Array(request.publicKeySpki),
    signingKey: issuer.signingKey,
    extensions: [...(await leafExtensions(request, key)), issuer.keyIdentifier],
  });
  const der = new Uint8Array(certificate.rawData);
  const certificatePem = pemOf(der, 'CERTIFICATE');
  return {
    certificatePem,
    chainPem: certificatePem + authority.certificatePem,
    thumbprint: createHash('sha256').update(der).digest('base64url'),
    serial,
    notBeforeMs: notBefore.getTime(),
    notAfterMs: notAfter.getTime(),
  };
}

async function leafExtensions(
  { publicKeySpki, purposes, uris, hosts }: Pick<LeafRequest, 'publicKeySpki' | 'purposes' | 'uris' | 'hosts'>,
  { keyKind }: CertifiedKey,
): Promise<readonly Extension[]> {
  // TLS 1.2 without forward secrecy encrypts to an RSA key; nobody should, but a strict peer looks for the bit.
  const encipherment = keyKind === 'RSA' ? KeyUsageFlags.keyEncipherment : 0;
  const names = [...uris.map(requireUri), ...hosts.map(requireHost)];
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature | encipherment, true),
    new ExtendedKeyUsageExtension(purposes),
    ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
    await SubjectKeyIdentifierExtension.create(new Uint8Array(publicKeySpki)),
  ];
}

function requireUri(value: string): { readonly type: 'url'; readonly value: string } {
  if (uriPattern.test(value)) return { type: 'url', value };
  throw new MacaroonError('ERR_ARGUMENT', 'a name for a certificate is not a URI', { argument: 'uris' });
}

function requireHost(value: string): { readonly type: 'dns' | 'ip'; readonly value: string } {
  if (isIP(value) !== 0) return { type: 'ip', value };
  if (hostPattern.test(value)) return { type: 'dns', value };
  throw new MacaroonError('ERR_ARGUMENT', 'a name for a certificate is neither a DNS name in lower case nor an address', {
    argument: 'hosts',
  });
}
