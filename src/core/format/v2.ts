/**
 * V2 binary, as libmacaroons, go-macaroon, pymacaroons and npm `macaroon` read it; the only form we write, and strict when read:
 * fields in order, minimal varints, no empty optional field, no location on a first-party caveat, nothing after the end.
 *
 * `02 [01 location] 02 identifier 00 ( [01 location] 02 cid [04 vid] 00 )* 00 06 signature`
 */
import { copyBytes, copyPublicBytes, copyRange, decodeUtf8 } from '../bytes.js';
import { type LimitErrorCode, MacaroonError } from '../errors.js';
import { limits } from '../limits.js';
import { type Caveat, type Macaroon, toSignature, type UnverifiedMacaroon } from '../macaroon.js';
import { digestBytes } from '../sha256.js';
import { PacketReader, PacketWriter } from './packet.js';

const version = 2;
const field = { end: 0, location: 1, identifier: 2, vid: 4, signature: 6 } as const;

const writer = new PacketWriter();

/** V2 binary of `macaroon`. */
export function encodeV2(macaroon: Macaroon): Uint8Array {
  writer.start();
  writeMacaroon(macaroon);
  return copyBytes(writer.written);
}

/** V2 binaries of the root macaroon and its discharges, one after the other. Throws `ERR_LIMIT_DISCHARGES` when they are too many. */
export function encodeV2Token(token: UnverifiedMacaroon): Uint8Array {
  return copyBytes(writeV2Token(token).written);
}

/** As `encodeV2Token`; in a writer, where it stands until anything else is written. */
export function writeV2Token(token: UnverifiedMacaroon): PacketWriter {
  if (token.discharges.length > limits.maxDischarges) {
    throw new MacaroonError('ERR_LIMIT_DISCHARGES', `a token holds at most ${limits.maxDischarges} discharges`, {
      limit: limits.maxDischarges,
    });
  }
  writer.start();
  const { root, discharges } = token;
  writeMacaroon(root);
  // By index, here and below: an iterator of an empty list costs as much as writing a field.
  for (let i = 0; i < discharges.length; i++) writeMacaroon(discharges[i] as Macaroon);
  return writer;
}

function writeMacaroon(macaroon: Macaroon): void {
  writer.writeByte(version);
  if (macaroon.location !== '') writer.writeText(field.location, macaroon.location);
  writer.writePacket(field.identifier, macaroon.identifier);
  writer.writeByte(field.end);
  const { caveats } = macaroon;
  for (let i = 0; i < caveats.length; i++) {
    const caveat = caveats[i] as Caveat;
    if (caveat.kind === 'first-party') {
      writer.writePacket(field.identifier, caveat.condition);
    } else {
      if (caveat.location !== '') writer.writeText(field.location, caveat.location);
      writer.writePacket(field.identifier, caveat.identifier);
      writer.writePacket(field.vid, caveat.verificationId);
    }
    writer.writeByte(field.end);
  }
  writer.writeByte(field.end);
  writer.writePacket(field.signature, macaroon.signature);
}

/** So many bytes stand between the last caveat and the 32 bytes of the signature: the end of the caveats, type and length. */
export const bytesBeforeSignature = 3;

/**
 * Writes `conditions` and, behind them, the head of a signature into `bytes`, of which those before `at` are the binary of a macaroon up to the end of its last
 * caveat. Gives where the 32 bytes of the signature belong; what does not fit in is not written.
 */
export function writeLongerV2(bytes: Uint8Array, at: number, conditions: readonly Uint8Array[]): number {
  let end = at;
  for (let i = 0; i < conditions.length; i++) {
    end = writeField(bytes, end, field.identifier, conditions[i] as Uint8Array);
    bytes[end++] = field.end;
  }
  bytes[end++] = field.end;
  bytes[end++] = field.signature;
  bytes[end++] = digestBytes;
  return end;
}

/** Writes a field of fewer than 2^14 bytes at `at`; gives where it ends. */
function writeField(bytes: Uint8Array, at: number, type: number, data: Uint8Array): number {
  let end = at;
  bytes[end++] = type;
  if (data.length > 0x7f) bytes[end++] = (data.length & 0x7f) | 0x80;
  bytes[end++] = data.length > 0x7f ? data.length >>> 7 : data.length;
  for (let i = 0; i < data.length; i++) bytes[end++] = data[i] as number;
  return end;
}

/** Whether `conditions` stand in `bytes` from `at` on, and behind them the end of the caveats and the head of a signature. */
export function holdsConditions(bytes: Uint8Array, at: number, conditions: readonly Uint8Array[]): boolean {
  let end = at;
  for (let i = 0; i < conditions.length; i++) {
    end = endOfSameField(bytes, end, field.identifier, conditions[i] as Uint8Array);
    if (end < 0 || bytes[end++] !== field.end) return false;
  }
  return bytes[end] === field.end && bytes[end + 1] === field.signature && bytes[end + 2] === digestBytes;
}

/** Where the field at `at` ends, if it is as `writeField` writes it; -1 for any other. */
function endOfSameField(bytes: Uint8Array, at: number, type: number, data: Uint8Array): number {
  const { length } = data;
  const isLong = length > 0x7f;
  const start = at + (isLong ? 3 : 2);
  if (bytes[at] !== type || bytes[at + 1] !== (isLong ? (length & 0x7f) | 0x80 : length)) return -1;
  if (isLong && bytes[at + 2] !== length >>> 7) return -1;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== data[i]) return -1;
  return start + length;
}

/**
 * One macaroon and its discharges from V2 binaries, one after the other.
 * Throws `ERR_FORMAT_*` and `ERR_LIMIT_*` with the byte offset. Copies what it keeps.
 */
export function decodeV2Token(bytes: Uint8Array): UnverifiedMacaroon {
  if (bytes.length === 0) throw new MacaroonError('ERR_FORMAT_EMPTY', 'the token is empty', { offset: 0 });
  const reader = new PacketReader(bytes);
  const root = readMacaroon(reader);
  const discharges: Macaroon[] = [];
  while (!reader.atEnd) {
    if (reader.peek() !== version) {
      throw new MacaroonError('ERR_FORMAT_TRAILING', 'bytes after the end of the token', { offset: reader.offset });
    }
    if (discharges.length === limits.maxDischarges) throw overLimit('ERR_LIMIT_DISCHARGES', limits.maxDischarges, reader.offset);
    discharges.push(readMacaroon(reader));
  }
  return Object.freeze({ root, discharges: Object.freeze(discharges) });
}

function readMacaroon(reader: PacketReader): Macaroon {
  const start = reader.offset;
  if (reader.readByte() !== version) throw new MacaroonError('ERR_FORMAT_VERSION', 'not a V2 macaroon', { offset: start });
  const location = readLocation(reader);
  const identifier = readField(reader, field.identifier, 'ERR_LIMIT_IDENTIFIER', limits.maxIdentifierBytes);
  expectEnd(reader);
  const caveats: Caveat[] = [];
  while (reader.peek() !== field.end) {
    if (caveats.length === limits.maxCaveats) throw overLimit('ERR_LIMIT_CAVEATS', limits.maxCaveats, reader.offset);
    caveats.push(readCaveat(reader));
  }
  expectEnd(reader);
  const signatureStart = reader.offset;
  if (reader.readByte() !== field.signature) throw badField(signatureStart);
  const length = reader.readLength();
  if (length !== digestBytes) {
    throw new MacaroonError('ERR_FORMAT_SIGNATURE', 'a signature has 32 bytes', { offset: signatureStart });
  }
  // Whoever holds it holds the token: in a buffer of its own.
  const signature = toSignature(copyRange(reader.bytes, reader.offset, reader.offset + length));
  reader.offset += length;
  return Object.freeze({ location, identifier, caveats: Object.freeze(caveats), signature });
}

function readCaveat(reader: PacketReader): Caveat {
  const start = reader.offset;
  const location = readLocation(reader);
  const identifier = readField(reader, field.identifier, 'ERR_LIMIT_CONDITION', limits.maxConditionBytes);
  if (reader.peek() === field.vid) {
    const verificationId = readField(reader, field.vid, 'ERR_LIMIT_CONDITION', limits.maxConditionBytes);
    expectEnd(reader);
    return Object.freeze({ kind: 'third-party', identifier, verificationId, location });
  }
  if (location !== '') throw badField(start);
  expectEnd(reader);
  return Object.freeze({ kind: 'first-party', condition: identifier });
}

function readLocation(reader: PacketReader): string {
  if (reader.peek() !== field.location) return '';
  const start = reader.offset;
  const bytes = readField(reader, field.location, 'ERR_LIMIT_LOCATION', limits.maxLocationBytes);
  try {
    return decodeUtf8(bytes);
  } catch (cause) {
    throw new MacaroonError('ERR_FORMAT_UTF8', 'a location is not UTF-8', { offset: start, cause });
  }
}

function readField(reader: PacketReader, type: number, code: LimitErrorCode, limit: number): Uint8Array {
  const start = reader.offset;
  if (reader.readByte() !== type) throw badField(start);
  const length = reader.readLength();
  if (length === 0) throw badField(start);
  if (length > limit) throw overLimit(code, limit, start);
  reader.offset += length;
  return copyPublicBytes(reader.bytes, reader.offset - length, reader.offset);
}

function expectEnd(reader: PacketReader): void {
  const start = reader.offset;
  if (reader.readByte() !== field.end) throw badField(start);
}

function badField(offset: number): MacaroonError {
  return new MacaroonError('ERR_FORMAT_FIELD', 'a field is unknown, missing, empty, repeated or out of order', { offset });
}

function overLimit(code: LimitErrorCode, limit: number, offset: number): MacaroonError {
  return new MacaroonError(code, `more than ${limit} at offset ${offset}`, { limit, offset });
}
