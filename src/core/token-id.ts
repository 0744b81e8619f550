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
  const high = (at: number): number => digitCodes[(bytes[start + at] as number) >>> 4] as number;
  const low = (at: number): number => digitCodes[(bytes[start + at] as number) & 15] as number;
  // In one call, as arguments: lists and parts of texts cost the engine several times as much.
  // biome-ignore format: one group of digits a line
  return String.fromCharCode(
    high(0), low(0), high(1), low(1), high(2), low(2), high(3), low(3), dashCode,
    high(4), low(4), high(5), low(5), dashCode,
    high(6), low(6), high(7), low(7), dashCode,
    high(8), low(8), high(9), low(9), dashCode,
    high(10), low(10), high(11), low(11), high(12), low(12), high(13), low(13), high(14), low(14), high(15), low(15),
  );
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
