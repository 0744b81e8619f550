/**
 * V1 binary, the first format of libmacaroons. Read at the edges only and normalised into the same values that V2 gives; never
 * written. Strict: lower-case hex lengths, fields in order, nothing after the end.
 *
 * A packet is four hex digits (its whole length), a name, a space, the data, a line feed:
 * `location identifier ( cid [vid [cl]] )* signature`. An empty location is no location.
 */
import { copyBytes, decodeUtf8 } from '../bytes.js';
import { type LimitErrorCode, MacaroonError } from '../errors.js';
import { limits } from '../limits.js';
import { type Caveat, type Macaroon, toSignature, type UnverifiedMacaroon } from '../macaroon.js';

const lengthDigits = 4;
const spaceCode = 0x20;
const lineFeed = 0x0a;

/** Whether V1 binary can start with `byte`: a lower-case hex digit. */
export function startsV1(byte: number): boolean {
  return hexValue(byte) >= 0;
}

/**
 * One macaroon and its discharges from V1 binaries, one after the other. Throws `ERR_FORMAT_*` and `ERR_LIMIT_*` with the byte offset.
 */
export function decodeV1Token(bytes: Uint8Array): UnverifiedMacaroon {
  if (bytes.length === 0) throw new MacaroonError('ERR_FORMAT_EMPTY', 'the token is empty', { offset: 0 });
  if (bytes.length > limits.maxImportLength) throw overLimit('ERR_LIMIT_TEXT', limits.maxImportLength, limits.maxImportLength);
  const reader = new V1Reader(copyBytes(bytes));
  const root = readMacaroon(reader);
  const discharges: Macaroon[] = [];
  while (!reader.atEnd) {
    if (!startsV1(reader.bytes[reader.offset] as number)) {
      throw new MacaroonError('ERR_FORMAT_TRAILING', 'bytes after the end of the token', { offset: reader.offset });
    }
    if (discharges.length === limits.maxDischarges) throw overLimit('ERR_LIMIT_DISCHARGES', limits.maxDischarges, reader.offset);
    discharges.push(readMacaroon(reader));
  }
  return Object.freeze({ root, discharges: Object.freeze(discharges) });
}

function readMacaroon(reader: V1Reader): Macaroon {
  const location = readLocation(reader.take('location'));
  const identifier = within(reader.take('identifier'), 'ERR_LIMIT_IDENTIFIER', limits.maxIdentifierBytes);
  const caveats: Caveat[] = [];
  while (reader.peek().name === 'cid') {
    if (caveats.length === limits.maxCaveats) throw overLimit('ERR_LIMIT_CAVEATS', limits.maxCaveats, reader.offset);
    caveats.push(readCaveat(reader));
  }
  const signature = reader.take('signature');
  if (signature.data.length !== 32) {
    throw new MacaroonError('ERR_FORMAT_SIGNATURE', 'a signature has 32 bytes', { offset: signature.offset });
  }
  return Object.freeze({ location, identifier, caveats: Object.freeze(caveats), signature: toSignature(signature.data) });
}

function readCaveat(reader: V1Reader): Caveat {
  const identifier = within(reader.take('cid'), 'ERR_LIMIT_CONDITION', limits.maxConditionBytes);
  if (reader.peek().name !== 'vid') return Object.freeze({ kind: 'first-party', condition: identifier });
  const verificationId = within(reader.take('vid'), 'ERR_LIMIT_CONDITION', limits.maxConditionBytes);
  const location = reader.peek().name === 'cl' ? readLocation(reader.take('cl')) : '';
  return Object.freeze({ kind: 'third-party', identifier, verificationId, location });
}

function readLocation(packet: Packet): string {
  if (packet.data.length > limits.maxLocationBytes) {
    throw overLimit('ERR_LIMIT_LOCATION', limits.maxLocationBytes, packet.offset);
  }
  try {
    return decodeUtf8(packet.data);
  } catch (cause) {
    throw new MacaroonError('ERR_FORMAT_UTF8', 'a location is not UTF-8', { offset: packet.offset, cause });
  }
}

function within(packet: Packet, code: LimitErrorCode, limit: number): Uint8Array {
  if (packet.data.length === 0) throw badField(packet.offset);
  if (packet.data.length > limit) throw overLimit(code, limit, packet.offset);
  return packet.data;
}

interface Packet {
  readonly name: string;
  readonly data: Uint8Array;
  readonly offset: number;
  readonly end: number;
}

class V1Reader {
  readonly bytes: Uint8Array;
  offset = 0;
  #next: Packet | undefined;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get atEnd(): boolean {
    return this.offset >= this.bytes.length;
  }

  /** The next packet, not consumed. */
  peek(): Packet {
    this.#next ??= readPacket(this.bytes, this.offset);
    return this.#next;
  }

  /** The next packet, which must be called `name`. */
  take(name: string): Packet {
    const packet = this.peek();
    if (packet.name !== name) throw badField(packet.offset);
    this.#next = undefined;
    this.offset = packet.end;
    return packet;
  }
}

function readPacket(bytes: Uint8Array, offset: number): Packet {
  const end = offset + readLength(bytes, offset);
  if (end > bytes.length) throw truncated(bytes);
  const nameStart = offset + lengthDigits;
  const nameEnd = bytes.indexOf(spaceCode, nameStart);
  if (nameEnd < 0 || nameEnd >= end - 1 || bytes[end - 1] !== lineFeed) throw badField(offset);
  const name = String.fromCharCode(...bytes.subarray(nameStart, Math.min(nameEnd, nameStart + 16)));
  return { name, data: bytes.subarray(nameEnd + 1, end - 1), offset, end };
}

function readLength(bytes: Uint8Array, offset: number): number {
  let length = 0;
  for (let i = offset; i < offset + lengthDigits; i++) {
    const byte = bytes[i];
    if (byte === undefined) throw truncated(bytes);
    const digit = hexValue(byte);
    if (digit < 0) {
      throw new MacaroonError('ERR_FORMAT_VARINT', 'a length is not four lower-case hex digits', { offset });
    }
    length = length * 16 + digit;
  }
  return length;
}

function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  return byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1;
}

function truncated(bytes: Uint8Array): MacaroonError {
  return new MacaroonError('ERR_FORMAT_TRUNCATED', 'the token ends inside a field', { offset: bytes.length });
}

function badField(offset: number): MacaroonError {
  return new MacaroonError('ERR_FORMAT_FIELD', 'a field is unknown, missing, empty, broken, repeated or out of order', {
    offset,
  });
}

function overLimit(code: LimitErrorCode, limit: number, offset: number): MacaroonError {
  return new MacaroonError(code, `more than ${limit} at offset ${offset}`, { limit, offset });
}
