import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../src/core/bytes.js';
import { PacketReader, PacketWriter } from '../../../src/core/format/packet.js';

const text = fc.oneof(
  fc.string({ maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.constantFrom(127, 128, 16_383, 16_384).map((length) => 'x'.repeat(length)),
  fc.constantFrom(126, 127, 128).map((length) => `${'x'.repeat(length - 1)}\u0080`),
);

describe('a packet of a text', () => {
  it('is that of its UTF-8 bytes, whatever stands before and behind it', () => {
    const [texts, bytes] = [new PacketWriter(), new PacketWriter()];
    fc.assert(
      fc.property(fc.array(text, { maxLength: 5 }), (parts) => {
        texts.start();
        bytes.start();
        for (const part of parts) {
          texts.writeText(7, part);
          bytes.writePacket(7, new TextEncoder().encode(part));
        }
        expect(texts.written).toEqual(bytes.written);
      }),
    );
  });

  it('is refused where the text has half of a character', () => {
    const writer = new PacketWriter();
    for (const broken of ['\ud800', `${'x'.repeat(126)}\udc00`, `\ud800${'x'.repeat(200)}`]) {
      expect(() => writer.writeText(1, broken)).toThrow(expect.objectContaining({ code: 'ERR_FORMAT_UTF8' }));
      expect(writer.length).toBe(0);
    }
  });
});

describe('a packet of bytes', () => {
  it('has them all, few or many', () => {
    const writer = new PacketWriter();
    for (const length of [0, 1, 31, 32, 33, 200, 9000]) {
      const data = Uint8Array.from({ length }, (_, i) => i + 1);
      writer.start();
      writer.writePacket(3, data);
      writer.writeRaw(data);
      const reader = new PacketReader(writer.written);
      expect(reader.readByte()).toBe(3);
      expect(reader.readLength()).toBe(length);
      const rest = writer.written.subarray(reader.offset);
      expect([rest.subarray(0, length), rest.subarray(length)]).toEqual([data, data]);
    }
  });

  it('is written behind what made the buffer grow', () => {
    const writer = new PacketWriter();
    writer.writePacket(1, new Uint8Array(8185));
    writer.writeText(2, 'abc');
    expect(writer.written.subarray(-5)).toEqual(Uint8Array.of(2, 3, ...encodeUtf8('abc')));
  });
});
