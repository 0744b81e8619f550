/** Token ids and root key ids: UUIDv7 (RFC 9562 §5.7), 16 bytes whose first 6 are the time of making in Unix milliseconds. */

import { readUint32 } from './bytes.js';
import { MacaroonError } from './errors.js';
import { digitCodes } from './hex.js';
import type { RandomBytes } from './keys.js';

const dashCode = 0x2d;
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
  return bytes.length === 16 && isUuidV7At(bytes, 0);
}

/** Whether the 16 bytes at `start` of `bytes` are a UUIDv7. */
export function isUuidV7At(bytes: Uint8Array, start: number): boolean {
  return (bytes[start + 6] as number) >>> 4 === 7 && (bytes[start + 8] as number) >>> 6 === 2;
}

/** Time of making in the UUIDv7 at `start` (default: 0) of `bytes`, Unix milliseconds. */
export function uuidTimeMs(bytes: Uint8Array, start = 0): number {
  return readUint48(bytes, start);
}

/** The 16 bytes at `start` (default: 0) of `bytes` in the usual text form, lower case. */
export function formatUuid(bytes: Uint8Array, start = 0): string {
  // In one call, as arguments: lists and parts of texts cost the engine several times as much.
  // biome-ignore format: two bytes a line
  return String.fromCharCode(
    high(bytes, start), low(bytes, start), high(bytes, start + 1), low(bytes, start + 1),
    high(bytes, start + 2), low(bytes, start + 2), high(bytes, start + 3), low(bytes, start + 3), dashCode,
    high(bytes, start + 4), low(bytes, start + 4), high(bytes, start + 5), low(bytes, start + 5), dashCode,
    high(bytes, start + 6), low(bytes, start + 6), high(bytes, start + 7), low(bytes, start + 7), dashCode,
    high(bytes, start + 8), low(bytes, start + 8), high(bytes, start + 9), low(bytes, start + 9), dashCode,
    high(bytes, start + 10), low(bytes, start + 10), high(bytes, start + 11), low(bytes, start + 11),
    high(bytes, start + 12), low(bytes, start + 12), high(bytes, start + 13), low(bytes, start + 13),
    high(bytes, start + 14), low(bytes, start + 14), high(bytes, start + 15), low(bytes, start + 15),
  );
}

/** The code of the first hexadecimal digit of the byte at `at`. No closure, which would be made anew for each id. */
function high(bytes: Uint8Array, at: number): number {
  return digitCodes[(bytes[at] as number) >>> 4] as number;
}

/** That of the second. */
function low(bytes: Uint8Array, at: number): number {
  return digitCodes[(bytes[at] as number) & 15] as number;
}

/** Whether `text` is the one text form of a UUIDv7. */
export function isUuidText(text: string): boolean {
  return uuidPattern.test(text);
}

/** Reads 6 bytes, big-endian. */
export function readUint48(bytes: Uint8Array, offset: number): number {
  const high = ((bytes[offset] as number) << 8) | (bytes[offset + 1] as number);
  return high * 0x1_0000_0000 + readUint32(bytes, offset + 2);
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
