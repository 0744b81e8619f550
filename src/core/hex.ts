/** Lower-case hexadecimal. */

const digits = '0123456789abcdef';

/** `bytes` as two lower-case hexadecimal digits each. */
export function encodeHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += (digits[byte >>> 4] as string) + (digits[byte & 15] as string);
  return text;
}
