/**
 * A client certificate: what it says, and whether it proves anything. One that came in a TLS handshake was verified by OpenSSL, and is
 * judged here once more for what TLS does not ask; one that a proxy tells of in a header was verified by nobody here, so that its
 * signature, its issuer, its dates and its purpose are all checked. What cannot be decided is refused.
 * Source: RFC 5280 §6.1, RFC 8705 §2, RFC 9440 §2.
 */
import { encodeBase64url, equalBytes, sha256 } from '../../core/index.js';
import { formatName } from '../domain/distinguished-name.js';
import type { CertificateFault, PresentedCertificate } from '../domain/presented-certificate.js';
import { type CertificateFields, extensionOid, maySignCertificates } from './certificate-fields.js';
import { isIssuedBy, parseCertificate, parseCertificates } from './parsed-certificate.js';

const clientAuthOid = '1.3.6.1.5.5.7.3.2';
const anyPurposeOid = '2.5.29.37.0';
const nameConstraintsOid = '2.5.29.30';
/** Key usage: a TLS client signs, or agrees upon a key. */
const clientKeyUsage = 0x80 | 0x08;
/** SHA-2 with ECDSA and with RSA PKCS #1 v1.5, Ed25519. SHA-1 is not there. */
const signatureOids: readonly string[] = [
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.3.101.112',
];
const understoodExtensions: readonly string[] = Object.values(extensionOid);

/** What a certificate says, before it is judged. When it is not `isWellFormed`, nothing but `der` and `thumbprint` means anything. */
export interface ClientCertificate extends Omit<PresentedCertificate, 'fault' | 'via'> {
  readonly isWellFormed: boolean;
}

export interface CertificateJudgement {
  readonly certificate: ClientCertificate;
  /** PEM certificates of the CAs that clients are trusted by. */
  readonly authorities: readonly string[];
  /** TLS built a chain to one of `authorities`. When false, the certificate must come from one of them directly. */
  readonly isChainVerified: boolean;
  readonly nowMs: number;
}

/** Reads the certificate that `der` is. Never throws: a stranger's bytes are a value whatever they are. */
export function readClientCertificate(der: Uint8Array): ClientCertificate {
  const identity = { der, thumbprint: encodeBase64url(sha256(der)) };
  const parsed = parseCertificate(der);
  if (parsed === undefined) {
    const nothing = { subject: '', uris: [], dnsNames: [], notBeforeMs: 0, notAfterMs: 0, isSelfSigned: false };
    return { ...identity, ...nothing, isWellFormed: false };
  }
  const { subjectName, uris, dnsNames, notBeforeMs, notAfterMs } = parsed.fields;
  const isSelfSigned = isIssuedBy(parsed, parsed);
  return {
    ...identity,
    ...{ subject: formatName(subjectName), uris, dnsNames, notBeforeMs, notAfterMs, isSelfSigned },
    isWellFormed: true,
  };
}

/** Why the certificate proves nothing; `undefined` when it proves what it says. */
export function judgeClientCertificate(judgement: CertificateJudgement): CertificateFault | undefined {
  const { certificate, authorities, isChainVerified, nowMs } = judgement;
  const parsed = certificate.isWellFormed ? parseCertificate(certificate.der) : undefined;
  if (parsed === undefined) return 'malformed';
  const trusted = authorities.flatMap(parseCertificates);
  const isTrustedItself = trusted.some(({ openssl }) => equalBytes(openssl.raw, certificate.der));
  if (!isForClients(parsed.fields, certificate.isSelfSigned && !isTrustedItself)) return 'wrong_purpose';
  if (nowMs < certificate.notBeforeMs) return 'not_yet_valid';
  if (nowMs >= certificate.notAfterMs) return 'expired';
  if (certificate.isSelfSigned) return 'self_signed';
  if (isChainVerified) return undefined;
  // Extensions that OpenSSL would have understood are not understood here.
  if (hasUnknownConditions(parsed.fields)) return 'untrusted';
  if (!signatureOids.includes(parsed.fields.signatureAlgorithm)) return 'untrusted';
  return trusted.some((authority) => mayIssue(authority.fields, nowMs) && isIssuedBy(parsed, authority))
    ? undefined
    : 'untrusted';
}

/**
 * The certificate of a request, judged. `tlsError` is the `authorizationError` of a TLS socket (`undefined` when the chain held), and is
 * left out for a certificate that a proxy tells of. A certificate that TLS refused never comes out without a fault.
 */
export function presentCertificate(
  presented:
    | { readonly via: 'tls'; readonly der: Uint8Array; readonly tlsError: string | undefined }
    | { readonly via: 'proxy'; readonly der: Uint8Array },
  authorities: readonly string[],
  nowMs: number,
): PresentedCertificate {
  const { isWellFormed, ...certificate } = readClientCertificate(presented.der);
  const tlsFault = presented.via === 'tls' ? certificateFaultOf(presented.tlsError) : undefined;
  const isChainVerified = presented.via === 'tls' && presented.tlsError === undefined;
  const fault = judgeClientCertificate({ certificate: { ...certificate, isWellFormed }, authorities, isChainVerified, nowMs });
  // OpenSSL calls self-signed what merely names itself as its issuer; what is so was found out here.
  const otherFault = tlsFault === 'self_signed' ? 'untrusted' : tlsFault;
  return { ...certificate, fault: fault ?? otherFault, via: presented.via };
}

const faultByTlsError: ReadonlyMap<string, CertificateFault> = new Map([
  ['CERT_HAS_EXPIRED', 'expired'],
  ['CERT_NOT_YET_VALID', 'not_yet_valid'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self_signed'],
  ['INVALID_PURPOSE', 'wrong_purpose'],
  ['ERROR_IN_CERT_NOT_BEFORE_FIELD', 'malformed'],
  ['ERROR_IN_CERT_NOT_AFTER_FIELD', 'malformed'],
]);

/**
 * What a TLS verification error of Node or OpenSSL (`authorizationError`, or the code of a `tlsClientError`) says of the certificate;
 * `undefined` for no error. Any other error means that no chain to a trusted CA held: `untrusted`.
 */
export function certificateFaultOf(tlsError: string | undefined): CertificateFault | undefined {
  return tlsError === undefined ? undefined : (faultByTlsError.get(tlsError) ?? 'untrusted');
}

/** Self-signed ones that are pinned may well say `CA:TRUE`: that is how `openssl req -x509` makes them. */
function isForClients({ isAuthority, purposes, keyUsage }: CertificateFields, mayBeAuthority: boolean): boolean {
  if (isAuthority && !mayBeAuthority) return false;
  if (purposes !== undefined && !purposes.includes(clientAuthOid)) return false;
  return keyUsage === undefined || (keyUsage & clientKeyUsage) !== 0;
}

/** Whether a CA that is trusted may issue client certificates: a condition on it that is not understood here counts as a no. */
function mayIssue(fields: CertificateFields, nowMs: number): boolean {
  const { isAuthority, purposes, notBeforeMs, notAfterMs, extensions } = fields;
  const isForThis = purposes === undefined || purposes.includes(clientAuthOid) || purposes.includes(anyPurposeOid);
  const isUnconditional = !hasUnknownConditions(fields) && !extensions.has(nameConstraintsOid);
  return isAuthority && maySignCertificates(fields) && isForThis && isUnconditional && nowMs >= notBeforeMs && nowMs < notAfterMs;
}

function hasUnknownConditions({ extensions }: CertificateFields): boolean {
  return [...extensions].some(([oid, { isCritical }]) => isCritical && !understoodExtensions.includes(oid));
}
