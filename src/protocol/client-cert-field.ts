/** `Client-Cert` (RFC 9440): the certificate that a client showed to a proxy in front of us. Believe it from listed proxies alone. */
import { type HeaderFields, singleField } from './header-fields.js';
import { decodeBase64 } from './http-signature/index.js';

/** Characters: certificates with long chains of names are far below it. */
const maxLength = 16_384;

/** The DER in the one `Client-Cert` of `headers`, a byte sequence without parameters; `undefined` for anything else. */
export function readClientCertField(headers: HeaderFields): Uint8Array | undefined {
  const value = singleField(headers, 'client-cert') ?? '';
  const isBytes = value.length > 2 && value.length <= maxLength && value.startsWith(':') && value.endsWith(':');
  return isBytes ? decodeBase64(value.slice(1, -1)) : undefined;
}
