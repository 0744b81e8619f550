/**
 * What an X.509 certificate says, read strictly from its DER: no library that forgives, and no text form of names on the way. Says
 * nothing of signatures and trust. Source: RFC 5280 §4.1 and §4.2; version 1 certificates, which have no extensions, are read too.
 */
import { decodeUtf8, equalBytes, MacaroonError } from '../../core/index.js';
import { type DistinguishedName, hasShortName, type NameAttribute } from '../domain/distinguished-name.js';
import { bitStringBytes, childrenOf, contentOf, type DerElement, derTag, oidOf, readDer, timeOf } from './der.js';

const maxCertificateBytes = 16_384;
const maxNames = 100;

/** Object identifiers of the extensions that are understood here. */
export const extensionOid = {
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
} as const;

/** Context tags of `GeneralName` in a subject alternative name. */
const dnsNameTag = 0x82;
const uriTag = 0x86;
const versionTag = 0xa0;
const extensionsTag = 0xa3;
const asciiStringTags: readonly number[] = [derTag.printableString, derTag.ia5String, derTag.numericString];

export interface CertificateExtension {
  readonly isCritical: boolean;
  readonly value: Uint8Array;
}

/** The parts of one certificate; bytes are views of its DER. */
export interface CertificateFields {
  /** The DER of the names, to be compared byte by byte. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly subjectName: DistinguishedName;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly signatureAlgorithm: string;
  /** By object identifier. */
  readonly extensions: ReadonlyMap<string, CertificateExtension>;
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  /** Basic constraints say `CA:TRUE`. */
  readonly isAuthority: boolean;
  /** Bits of the key usage as a number, `digitalSignature` 0x80, `keyCertSign` 0x04; `undefined` when it is not restricted. */
  readonly keyUsage: number | undefined;
  /** Purposes as object identifiers; `undefined` when they are not restricted. */
  readonly purposes: readonly string[] | undefined;
}

/** Reads the one certificate that `der` is, at most 16 KiB. Throws `ERR_ARGUMENT` for anything that is not well-formed. */
export function readCertificateFields(der: Uint8Array): CertificateFields {
  if (der.length > maxCertificateBytes) return refuse();
  const [tbs, algorithm, signature, ...rest] = childrenOf(readDer(der), derTag.sequence);
  if (rest.length > 0) return refuse();
  bitStringBytes(signature);
  const parts = [...childrenOf(tbs, derTag.sequence)];
  const version = readVersion(parts);
  const [serial, innerAlgorithm, issuer, validity, subject, publicKey, ...optional] = parts;
  contentOf(serial, derTag.integer);
  if (!isSameEncoding(algorithm, innerAlgorithm)) return refuse();
  childrenOf(publicKey, derTag.sequence);
  const [notBefore, notAfter, ...more] = childrenOf(validity, derTag.sequence);
  if (more.length > 0) return refuse();
  const extensions = readExtensions(optional, version);
  return {
    issuer: encodedName(issuer),
    subject: encodedName(subject),
    subjectName: readName(subject),
    notBeforeMs: timeOf(notBefore),
    notAfterMs: timeOf(notAfter),
    signatureAlgorithm: oidOf(childrenOf(algorithm, derTag.sequence)[0]),
    extensions,
    ...readAlternativeNames(extensionValue(extensions, extensionOid.subjectAltName)),
    isAuthority: readAuthorityBit(extensionValue(extensions, extensionOid.basicConstraints)),
    keyUsage: readKeyUsage(extensionValue(extensions, extensionOid.keyUsage)),
    purposes: readPurposes(extensionValue(extensions, extensionOid.extendedKeyUsage)),
  };
}

/** Whether the key usage, where it is restricted, allows to sign certificates. */
export function maySignCertificates({ keyUsage }: CertificateFields): boolean {
  return keyUsage === undefined || (keyUsage & 0x04) !== 0;
}

/** Takes the version out of `parts`: 0 for v1, 2 for v3. */
function readVersion(parts: DerElement[]): number {
  if (parts[0]?.tag !== versionTag) return 0;
  const [number] = contentOf(parts.shift()?.children[0], derTag.integer);
  return number === 1 || number === 2 ? number : refuse();
}

function readExtensions(optional: readonly DerElement[], version: number): ReadonlyMap<string, CertificateExtension> {
  const extensions = new Map<string, CertificateExtension>();
  const [wrapper, ...more] = optional;
  if (wrapper === undefined) return extensions;
  const [list, ...others] = childrenOf(wrapper, extensionsTag);
  if (version !== 2 || more.length > 0 || others.length > 0) return refuse();
  for (const extension of childrenOf(list, derTag.sequence)) {
    const [id, ...values] = childrenOf(extension, derTag.sequence);
    const [critical, value] = values.length === 2 ? values : [undefined, values[0]];
    const oid = oidOf(id);
    const isCritical = critical !== undefined && contentOf(critical, derTag.boolean)[0] === 0xff;
    // Two extensions of one kind would let one reader see the first and another the last.
    if (values.length > 2 || extensions.has(oid)) return refuse();
    extensions.set(oid, { isCritical, value: contentOf(value, derTag.octetString) });
  }
  return extensions;
}

function extensionValue(extensions: ReadonlyMap<string, CertificateExtension>, oid: string): DerElement | undefined {
  const extension = extensions.get(oid);
  return extension === undefined ? undefined : readDer(extension.value);
}

function readAlternativeNames(value: DerElement | undefined): Pick<CertificateFields, 'uris' | 'dnsNames'> {
  const uris = new Set<string>();
  const dnsNames = new Set<string>();
  const names = value === undefined ? [] : childrenOf(value, derTag.sequence);
  if (names.length > maxNames) return refuse();
  for (const { tag, content } of names) {
    if (tag === uriTag) uris.add(requireText(content, /^[\x21-\x7e]+$/));
    // A NUL or a space inside would be a shorter name to a reader in C.
    if (tag === dnsNameTag) dnsNames.add(requireText(content, /^[A-Za-z0-9._*-]+$/).toLowerCase());
  }
  return { uris: [...uris], dnsNames: [...dnsNames] };
}

function requireText(content: Uint8Array, pattern: RegExp): string {
  const text = decodeUtf8(content);
  return pattern.test(text) ? text : refuse();
}

function readAuthorityBit(value: DerElement | undefined): boolean {
  if (value === undefined) return false;
  const [first] = childrenOf(value, derTag.sequence);
  return first?.tag === derTag.boolean && first.content[0] === 0xff;
}

function readKeyUsage(value: DerElement | undefined): number | undefined {
  return value === undefined ? undefined : (contentOf(value, derTag.bitString)[1] ?? 0);
}

function readPurposes(value: DerElement | undefined): readonly string[] | undefined {
  return value === undefined ? undefined : childrenOf(value, derTag.sequence).map(oidOf);
}

function encodedName(name: DerElement | undefined): Uint8Array {
  childrenOf(name, derTag.sequence);
  return name?.encoded ?? refuse();
}

function readName(name: DerElement | undefined): DistinguishedName {
  return childrenOf(name, derTag.sequence).map((set) => {
    const attributes = childrenOf(set, derTag.set).map(readAttribute);
    const oids = new Set(attributes.map(({ oid }) => oid));
    return oids.size === attributes.length && oids.size > 0 ? attributes : refuse();
  });
}

function readAttribute(attribute: DerElement): NameAttribute {
  const [type, value, ...rest] = childrenOf(attribute, derTag.sequence);
  if (value === undefined || rest.length > 0) return refuse();
  const oid = oidOf(type);
  const isText =
    value.tag === derTag.utf8String || (asciiStringTags.includes(value.tag) && value.content.every((byte) => byte < 0x80));
  return { oid, value: isText && hasShortName(oid) ? decodeUtf8(value.content) : value.encoded };
}

function isSameEncoding(a: DerElement | undefined, b: DerElement | undefined): boolean {
  return a !== undefined && b !== undefined && equalBytes(a.encoded, b.encoded);
}

function refuse(): never {
  throw new MacaroonError('ERR_ARGUMENT', 'this is not a well-formed X.509 certificate', { argument: 'certificate' });
}
