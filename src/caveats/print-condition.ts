/** A condition for a person's screen. It was written by a stranger, so nothing in it may steer a terminal or hide text. */
import { decodeUtf8, printable } from '../core/index.js';

/** `condition` as printable text; bytes that are not UTF-8 as `0x` and hexadecimal digits. */
export function printCondition(condition: Uint8Array): string {
  try {
    return printable(decodeUtf8(condition));
  } catch {
    return `0x${Array.from(condition, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
  }
}
