/** Certificate revocation lists, for servers that ask OpenSSL and not the issuer. Source: RFC 5280 §5. */
import 'reflect-metadata';
import { Extension, X509CrlGenerator } from '@peculiar/x509';
import { type Clock, MacaroonError } from '../../core/index.js';
import { authorityFault, type IssuedCertificate, openAuthority, validityOf } from './certificate-authority.js';
import { pemOf } from './pem.js';

const crlNumberOid = '2.5.29.20';
const crlSigning = 0x02;
const serialPattern = /^(?:[0-9a-f]{2}){1,20}$/i;

export interface RevocationListRequest {
  readonly authority: IssuedCertificate;
  /** Serial numbers in hexadecimal digits, and since when they do not count. */
  readonly entries: readonly { readonly serial: string; readonly revokedAtMs: number }[];
  /** Greater than that of every list before. */
  readonly number: number;
  readonly clock: Clock;
  /** The next list is due after this time. */
  readonly lifeMs: number;
}

/**
 * A list signed by the CA, as DER and as PEM under the label that OpenSSL reads. A serial number that comes twice is listed once, by its
 * first entry. Throws `ERR_ARGUMENT` for a number or a serial number that is none, and for a CA that has expired or may not sign lists.
 */
export async function createRevocationList(
  request: RevocationListRequest,
): Promise<{ readonly der: Uint8Array; readonly pem: string }> {
  const { entries, number, clock, lifeMs } = request;
  const { fields, name, keyIdentifier, signingKey, signingAlgorithm } = await openAuthority(request.authority, clock);
  if (fields.keyUsage !== undefined && (fields.keyUsage & crlSigning) === 0) {
    throw authorityFault('the CA may not sign revocation lists (keyUsage without cRLSign)');
  }
  const { notBefore: thisUpdate, notAfter: nextUpdate } = validityOf(clock(), clock() + lifeMs);
  const list = await X509CrlGenerator.create({
    issuer: name,
    thisUpdate,
    nextUpdate,
    entries: revokedEntries(entries),
    extensions: [new Extension(crlNumberOid, false, encodeInteger(number)), keyIdentifier],
    signingAlgorithm,
    signingKey,
  });
  const der = new Uint8Array(list.rawData);
  return { der, pem: pemOf(der, 'X509 CRL') };
}

function revokedEntries(entries: RevocationListRequest['entries']) {
  const bySerial = new Map<string, Date>();
  for (const { serial, revokedAtMs } of entries) {
    if (!serialPattern.test(serial))
      throw new MacaroonError('ERR_ARGUMENT', 'a serial number is not in hexadecimal digits', { argument: 'entries' });
    const key = serial.toLowerCase();
    if (!bySerial.has(key)) bySerial.set(key, new Date(Math.floor(revokedAtMs / 1000) * 1000));
  }
  return [...bySerial].map(([serialNumber, revocationDate]) => ({ serialNumber, revocationDate }));
}

/** DER of a positive integer. */
function encodeInteger(value: number): Uint8Array<ArrayBuffer> {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new MacaroonError('ERR_ARGUMENT', 'the number of a list is a positive integer', { argument: 'number' });
  const hex = value.toString(16);
  const digits = hex.length % 2 === 1 ? `0${hex}` : hex;
  // A first bit of 1 would make it negative.
  const content = Buffer.from(/^[89a-f]/.test(digits) ? `00${digits}` : digits, 'hex');
  return Uint8Array.of(0x02, content.length, ...content);
}
