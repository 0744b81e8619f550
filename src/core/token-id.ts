/** Token ids and root key ids: UUIDv7 (RFC 9562 §5.7), 16 bytes whose first 6 are the time of making in Unix milliseconds. */

import { asciiText } from './bytes.js';
import { MacaroonError } from './errors.js';
import { writeHex } from './hex.js';
import type { RandomBytes } from './keys.js';

/** Filled with the digits of one id after another. */
const uuidCodes = new Uint8Array(36).fill(0x2d);
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** A new UUIDv7 for `timeMs` (0 to 2^48-1): 16 bytes. `randomBytes` gives the 10 that are not time. Throws `ERR_ARGUMENT`. */
export function createUuidV7(timeMs: number, randomBytes: RandomBytes): Uint8Array {
  const bytes = new Uint8Array(16);
  writeUint48(bytes, 0, timeMs);
  bytes.set(randomBytes(10), 6);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return bytes;
}

/** Whether `bytes` are a UUIDv7. */
export function isUuidV7(bytes: Uint8Array): boolean {
  return bytes.length === 16 && (bytes[6] as number) >>> 4 === 7 && (bytes[8] as number) >>> 6 === 2;
}

/** Time of making in `bytes`, Unix milliseconds. */
export function uuidTimeMs(bytes: Uint8Array): number {
  return readUint48(bytes, 0);
}

/** `bytes` (16) in the usual text form, lower case. */
export function formatUuid(bytes: Uint8Array): string {
  writeHex(bytes, 0, 4, uuidCodes, 0);
  writeHex(bytes, 4, 6, uuidCodes, 9);
  writeHex(bytes, 6, 8, uuidCodes, 14);
  writeHex(bytes, 8, 10, uuidCodes, 19);
  writeHex(bytes, 10, 16, uuidCodes, 24);
  return asciiText(uuidCodes);
}

/** Whether `text` is the one text form of a UUIDv7. */
export function isUuidText(text: string): boolean {
  return uuidPattern.test(text);
}

/** Reads 6 bytes, big-endian. */
export function readUint48(bytes: Uint8Array, offset: number): number {
  let value = 0;
  for (let i = 0; i < 6; i++) value = value * 256 + (bytes[offset + i] as number);
  return value;
}

/** Writes `value` (0 to 2^48-1) as 6 bytes, big-endian. Throws `ERR_ARGUMENT` for another number. */
export function writeUint48(bytes: Uint8Array, offset: number, value: number): void {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** 48) {
    throw new MacaroonError('ERR_ARGUMENT', 'a time must be whole milliseconds from 0 to 2^48-1', { argument: 'value' });
  }
  let rest = value;
  for (let i = 5; i >= 0; i--) {
    bytes[offset + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}
