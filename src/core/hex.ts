/** Lower-case hexadecimal. */

import { asciiText } from './bytes.js';

const digitCodes = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));

/** `bytes` as two lower-case hexadecimal digits each. */
export function encodeHex(bytes: Uint8Array): string {
  const codes = new Uint8Array(bytes.length * 2);
  writeHex(bytes, 0, bytes.length, codes, 0);
  return asciiText(codes);
}

/** Writes the digits of `bytes` from `start` to `end` as character codes into `codes` from `at` on. */
export function writeHex(bytes: Uint8Array, start: number, end: number, codes: Uint8Array, at: number): void {
  let out = at;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    codes[out++] = digitCodes[byte >>> 4] as number;
    codes[out++] = digitCodes[byte & 15] as number;
  }
}
