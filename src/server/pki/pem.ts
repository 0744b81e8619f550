/** PEM of RFC 7468: blocks of base64 between `BEGIN` and `END` lines. */

import { decodeBase64, encodeBase64 } from '../../protocol/http-signature/index.js';

/** The DER of every block in `text` that carries `label`; text between blocks is ignored, as in CA bundles. Blocks that are not base64 are left out. */
export function pemBlocks(text: string, label: string): readonly Uint8Array[] {
  const block = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]*)-----END ${label}-----`, 'g');
  return [...text.matchAll(block)].flatMap(([, body = '']) => {
    const base64 = body.replace(/\s+/g, '');
    const der = base64 === '' ? undefined : decodeBase64(base64);
    return der === undefined ? [] : [der];
  });
}

/** One block, in lines of 64 characters, with a line feed at its end. */
export function pemOf(der: Uint8Array, label: string): string {
  const lines = encodeBase64(der).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
