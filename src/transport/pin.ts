/**
 * Pins of public keys: base64 of the SHA-256 of a certificate's SubjectPublicKeyInfo, as curl's `--pinnedpubkey` writes it
 * (RFC 7469 §2.4). A pin outlives the certificate as long as its key stays.
 */
import { createHash, type X509Certificate } from 'node:crypto';
import { MacaroonError } from '../core/index.js';

const pinPattern = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;
const curlPrefix = 'sha256//';

/** A server showed another public key than the pinned one. */
export class PinMismatchError extends Error {
  readonly code = 'ERR_PIN_MISMATCH';

  constructor() {
    super('the public key differs from the pinned one');
  }
}

/** The pin of `certificate`: 44 characters of padded base64. */
export function pinOf(certificate: X509Certificate): string {
  // The key is exported anew, because `getPeerCertificate().pubkey` is no SubjectPublicKeyInfo for Ed25519.
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('base64');
}

/** `text` as a pin, with or without curl's `sha256//`. Throws `ERR_ARGUMENT` for anything but one base64 SHA-256. */
export function parsePin(text: string): string {
  if (typeof text === 'string') {
    const pin = text.startsWith(curlPrefix) ? text.slice(curlPrefix.length) : text;
    if (pinPattern.test(pin)) return pin;
  }
  throw new MacaroonError('ERR_ARGUMENT', 'a pin is the base64 of one SHA-256 (44 characters), as curl --pinnedpubkey has it', {
    argument: 'pinSha256',
  });
}
