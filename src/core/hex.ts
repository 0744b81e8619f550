/** Lower-case hexadecimal. */

import { asciiText } from './bytes.js';

/** Character codes of the 16 digits. */
export const digitCodes: Uint8Array = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));

/** `bytes` as two lower-case hexadecimal digits each. */
export function encodeHex(bytes: Uint8Array): string {
  const codes = new Uint8Array(bytes.length * 2);
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    codes[i * 2] = digitCodes[byte >>> 4] as number;
    codes[i * 2 + 1] = digitCodes[byte & 15] as number;
  }
  return asciiText(codes);
}
