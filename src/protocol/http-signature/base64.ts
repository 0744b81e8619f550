/** Padded base64 (RFC 4648 §4), one spelling only: what byte sequences of structured fields and PEM are written in. */
import { decodeBase64url, encodeBase64url, MacaroonError } from '../../core/index.js';

/** Padded base64 of `bytes`. */
export function encodeBase64(bytes: Uint8Array): string {
  const unpadded = encodeBase64url(bytes).replaceAll('-', '+').replaceAll('_', '/');
  return unpadded.padEnd(Math.ceil(unpadded.length / 4) * 4, '=');
}

/** Bytes of padded base64; `undefined` for another spelling of them, or none. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  try {
    return decodeBase64url(text.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'));
  } catch (error) {
    if (error instanceof MacaroonError) return undefined;
    throw error;
  }
}
