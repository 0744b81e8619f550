/**
 * A certificate signing request, which proves to a CA that its sender holds a key. It asks for no names: the issuer's CA takes none from it.
 * Source: RFC 2986, RFC 5758 §3.2.
 */
import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { concatBytes, MacaroonError } from '../core/index.js';

const sequence = 0x30;
const version = Uint8Array.of(0x02, 0x01, 0x00);
const noSubject = Uint8Array.of(sequence, 0x00);
const noAttributes = Uint8Array.of(0xa0, 0x00);
/** AlgorithmIdentifier of ecdsa-with-SHA256. */
const ecdsaWithSha256 = Uint8Array.of(sequence, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02);

/** A request for the public half of `privateKey`, PEM. Throws `ERR_ARGUMENT` unless the key is P-256. */
export function createSigningRequest(privateKey: KeyObject): string {
  if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new MacaroonError('ERR_ARGUMENT', 'the key of a signing request must be P-256', { argument: 'privateKey' });
  }
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const information = der(sequence, version, noSubject, publicKey, noAttributes);
  const signature = der(0x03, Uint8Array.of(0), sign('sha256', information, privateKey));
  const base64 = Buffer.from(der(sequence, information, ecdsaWithSha256, signature)).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE REQUEST-----', ...lines, '-----END CERTIFICATE REQUEST-----', ''].join('\n');
}

/** One element of less than 64 KiB. */
function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(...contents);
  const { length } = content;
  const octets = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return concatBytes(Uint8Array.of(tag, ...octets), content);
}
