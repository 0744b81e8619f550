/** V2 packets: type (one byte), varint length, data. Shared by the V2 binary form and the identifier. Strict: minimal varints only. */
import { encodeUtf8 } from '../bytes.js';
import { MacaroonError } from '../errors.js';

/** Reads packets from `bytes` between `offset` and the end; `offset` always says where the next read starts. */
export class PacketReader {
  readonly bytes: Uint8Array;
  offset: number;

  constructor(bytes: Uint8Array, offset = 0) {
    this.bytes = bytes;
    this.offset = offset;
  }

  get atEnd(): boolean {
    return this.offset >= this.bytes.length;
  }

  /** The next byte, not consumed. Throws `ERR_FORMAT_TRUNCATED` at the end. */
  peek(): number {
    const byte = this.bytes[this.offset];
    if (byte === undefined)
      throw new MacaroonError('ERR_FORMAT_TRUNCATED', 'the token ends inside a field', { offset: this.offset });
    return byte;
  }

  /** The next byte. Throws `ERR_FORMAT_TRUNCATED` at the end. */
  readByte(): number {
    const byte = this.peek();
    this.offset++;
    return byte;
  }

  /** Length and data of a packet whose type has been read, as a view. Throws `ERR_FORMAT_VARINT`, `ERR_FORMAT_TRUNCATED`. */
  readData(): Uint8Array {
    const length = this.readLength();
    this.offset += length;
    return this.bytes.subarray(this.offset - length, this.offset);
  }

  /** The length of a packet whose type has been read, and that there is as much. Throws `ERR_FORMAT_VARINT`, `ERR_FORMAT_TRUNCATED`. */
  readLength(): number {
    const length = this.readVarint();
    if (this.offset + length > this.bytes.length) {
      throw new MacaroonError('ERR_FORMAT_TRUNCATED', 'the token ends inside a field', { offset: this.bytes.length });
    }
    return length;
  }

  /** A length of at most 2^21-1 in three bytes: more than any limit, so a longer one is refused before it is added up. */
  private readVarint(): number {
    const start = this.offset;
    let value = 0;
    for (let shift = 0; shift < 21; shift += 7) {
      const byte = this.readByte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) throw new MacaroonError('ERR_FORMAT_VARINT', 'a length is not minimal', { offset: start });
        return value;
      }
    }
    throw new MacaroonError('ERR_FORMAT_VARINT', 'a length is too large', { offset: start });
  }
}

/** Enough for what most often is written: a buffer that had to grow past it is given up afterwards. */
const usualBytes = 8 * 1024;
/** Type and length of a packet, at the most. */
const maxHeadBytes = 6;

/**
 * Collects packets in a buffer that it keeps from one use to the next: to allocate one costs as much as hashing what goes into it. Not reentrant, which
 * synchronous code cannot notice.
 */
export class PacketWriter {
  #bytes = new Uint8Array(usualBytes);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** Forgets what was written. */
  start(): void {
    this.#length = 0;
    if (this.#bytes.length > usualBytes) this.#allocate(usualBytes);
  }

  writeByte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  /** Bytes as they are, without type and length. */
  writeRaw(data: Uint8Array): void {
    this.#reserve(data.length);
    put(this.#bytes, this.#length, data);
    this.#length += data.length;
  }

  writePacket(type: number, data: Uint8Array): void {
    this.#reserve(maxHeadBytes + data.length);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = type;
    let length = data.length;
    while (length >= 0x80) {
      bytes[at++] = (length & 0x7f) | 0x80;
      length >>>= 7;
    }
    bytes[at++] = length;
    put(bytes, at, data);
    this.#length = at + data.length;
  }

  /** A packet that holds `text` in UTF-8. Throws `ERR_FORMAT_UTF8`. */
  writeText(type: number, text: string): void {
    if (!this.#writeShortAscii(type, text)) this.writePacket(type, encodeUtf8(text));
  }

  /** Straight from the text, whose length takes one byte; whether it is such a one. */
  #writeShortAscii(type: number, text: string): boolean {
    const { length } = text;
    if (length >= 0x80) return false;
    this.#reserve(maxHeadBytes + length);
    const bytes = this.#bytes;
    const start = this.#length + 2;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[start + i] = code;
    }
    bytes[start - 2] = type;
    bytes[start - 1] = length;
    this.#length = start + length;
    return true;
  }

  /** So many bytes were written. */
  get length(): number {
    return this.#length;
  }

  /** A view of what was written, and of some bytes behind it; valid until the next `start`. */
  get view(): DataView {
    return this.#view;
  }

  /** What was written; valid until the next `start`. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    // With room for a word that is read where the last byte is.
    const needed = this.#length + more + 4;
    if (needed > this.#bytes.length) this.#allocate(Math.max(needed, this.#bytes.length * 2));
  }

  /** A buffer of `size` bytes, with what was written. */
  #allocate(size: number): void {
    const written = this.written;
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
    this.#bytes.set(written);
  }
}

/** Up to so many bytes, to copy one after another is quicker than a call into the platform. */
const shortData = 32;

/** Copies `data` into `bytes` from `at` on. */
function put(bytes: Uint8Array, at: number, data: Uint8Array): void {
  if (data.length > shortData) bytes.set(data, at);
  else for (let i = 0; i < data.length; i++) bytes[at + i] = data[i] as number;
}
