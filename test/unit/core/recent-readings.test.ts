import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../src/core/index.js';
import { RecentReadings, type Trail } from '../../../src/core/recent-readings.js';

describe('RecentReadings', () => {
  it('tells two conditions of one hash apart', () => {
    // Both have the hash 0x99c79d6e.
    const [one, other] = [encodeUtf8('account 4055'), encodeUtf8('account 227197')];
    const readings = new RecentReadings<string>();
    readings.keep(one, 'one');
    expect(readings.get(other)).toBeUndefined();
    readings.keep(other, 'other');
    expect(readings.get(one)).toBeUndefined();
    expect(readings.get(other)).toBe('other');
  });

  it('keeps a copy: who changes the bytes afterwards does not change what they were read as', () => {
    // These two have one hash as well, and one length.
    const condition = encodeUtf8('account n158978');
    const readings = new RecentReadings<string>();
    readings.keep(condition, 'read');
    condition.set(encodeUtf8('account 1285005'));
    expect(readings.get(condition)).toBeUndefined();
    expect(readings.get(encodeUtf8('account n158978'))).toBe('read');
  });

  it('tells bytes of any length and place from those that differ in one of them', () => {
    const readings = new RecentReadings<number>();
    const bytes = encodeUtf8('0123456789abcdefghij');
    for (let length = 1; length <= 9; length++) readings.keep(bytes, length, 5, 5 + length);
    for (let length = 1; length <= 9; length++) {
      const same = bytes.slice(5, 5 + length);
      expect(readings.get(same)).toBe(length);
      expect(readings.get(bytes, 5, 5 + length)).toBe(length);
      for (let i = 0; i < length; i++) {
        const other = same.map((byte, at) => (at === i ? byte ^ 0x80 : byte));
        expect(readings.get(other)).toBeUndefined();
      }
    }
  });

  it('reads small arrays and large ones in turn, and large ones as they are now', () => {
    const readings = new RecentReadings<string>();
    const large = [1024, 1025, 5000].map((length) => new Uint8Array(length).fill(0x61));
    const places = [0, 7, 1000];
    for (const bytes of large) bytes.set(encodeUtf8('method GET, HEAD'), 1000);
    readings.keep(encodeUtf8('method GET'), 'a method');
    readings.keep(encodeUtf8('aaaaaaaaaa'), 'letters');
    for (const bytes of [...large, ...large.toReversed()]) {
      expect(places.map((at) => readings.get(bytes, at, at + 10))).toEqual(['letters', 'letters', 'a method']);
      expect(readings.get(encodeUtf8('method GET'))).toBe('a method');
      bytes[1000] = 0x4d;
      expect(readings.get(bytes, 1000, 1010)).toBeUndefined();
      bytes[1000] = 0x6d;
    }
    readings.keep(large[2] ?? new Uint8Array(0), 'all of it');
    expect(large.map((bytes) => readings.get(bytes))).toEqual([undefined, undefined, 'all of it']);
  });

  it('reads an array that grew, shrank or was given away as it is now', () => {
    const readings = new RecentReadings<string>();
    // The types know no buffers that can be resized yet.
    const buffer = Reflect.construct(ArrayBuffer, [2000, { maxByteLength: 4000 }]);
    const bytes = new Uint8Array(buffer);
    readings.keep(new Uint8Array(3000), 'longer');
    readings.keep(new Uint8Array(20), 'shorter');
    expect(readings.get(bytes)).toBeUndefined();
    buffer.resize(3000);
    expect(readings.get(bytes)).toBe('longer');
    buffer.resize(20);
    expect(readings.get(bytes)).toBe('shorter');
    structuredClone(buffer, { transfer: [buffer] });
    expect(readings.get(bytes)).toBeUndefined();
    expect(readings.get(new Uint8Array(20))).toBe('shorter');
  });

  it('gives each its own reading, whatever came after which before', () => {
    const readings = new RecentReadings<string>();
    const texts = ['a', 'b', 'ab', 'abcd', 'abce', 'abcde', 'abcdf', 'xbcd'];
    for (const text of texts) readings.keep(encodeUtf8(text), text);
    // Every order of two, some of them again and again.
    for (let round = 0; round < 3; round++) {
      for (const one of texts) {
        for (const other of texts) {
          for (const text of [one, other, one, other]) expect(readings.get(encodeUtf8(text))).toBe(text);
          expect(readings.get(encodeUtf8(`${other}?`))).toBeUndefined();
        }
      }
    }
  });

  it('gives each its own reading, whatever its trail led to before', () => {
    const readings = new RecentReadings<string>();
    const texts = ['a', 'ab', 'abcd', 'abce', 'abcde'];
    for (const text of texts) readings.keep(encodeUtf8(text), text);
    const trails: Trail<string>[] = [{ next: undefined }, { next: undefined }];
    for (const one of texts) {
      for (const other of texts) {
        for (const trail of trails) {
          for (const text of [one, other, one]) expect(readings.get(encodeUtf8(text), 0, undefined, trail)).toBe(text);
          expect(readings.get(encodeUtf8(`${one}?`), 0, undefined, trail)).toBeUndefined();
        }
      }
    }
  });

  it('holds one reading by a trail, however many it led to', async () => {
    const readings = new RecentReadings<object>();
    const trail: Trail<object> = { next: undefined };
    const dropped: WeakRef<object>[] = [];
    for (let i = 1; i <= 100; i++) {
      const bytes = ofOneHash(i);
      const reading = {};
      readings.keep(bytes, reading);
      expect(readings.get(bytes, 0, 8, trail)).toBe(reading);
      dropped.push(new WeakRef(reading));
    }
    const last = ofOneHash(101);
    readings.keep(last, {});
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(dropped.filter((reading) => reading.deref() !== undefined).length).toBe(1);
    expect(readings.get(last)).toBeDefined();
    // What a trail still leads to comes back by it.
    expect(readings.get(ofOneHash(100), 0, 8, trail)).toBe(dropped[99]?.deref());
    expect(readings.get(ofOneHash(100))).toBe(dropped[99]?.deref());
    expect(readings.get(last)).toBeUndefined();
  });

  it('holds nothing of what others of its hash took the place of', async () => {
    const readings = new RecentReadings<object>();
    const first = encodeUtf8('asked for once');
    readings.keep(first, {});
    readings.get(first);
    const dropped: WeakRef<object>[] = [];
    for (let i = 1; i <= 100; i++) {
      const bytes = ofOneHash(i);
      const reading = {};
      readings.keep(bytes, reading);
      expect(readings.get(bytes)).toBe(reading);
      dropped.push(new WeakRef(reading));
    }
    expect(readings.get(ofOneHash(99))).toBeUndefined();
    // What a weak reference told stays until the end of the turn.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    // The first may be found by the order of the last time, and the last is there.
    expect(dropped.filter((reading) => reading.deref() !== undefined).length).toBeLessThanOrEqual(2);
    expect(readings.get(first)).toBeDefined();
    expect(readings.get(ofOneHash(100))).toBeDefined();
  });

  it.each([undefined, 600])('drops what was not used for two generations (of %s)', (generationSize) => {
    const readings = new RecentReadings<number>(generationSize);
    for (let i = 0; i < 2_000; i++) readings.keep(encodeUtf8(`condition ${i}`), i);
    const kept = Array.from({ length: 2_000 }, (_, i) => i).filter(
      (i) => readings.get(encodeUtf8(`condition ${i}`)) !== undefined,
    );
    const most = 2 * (generationSize ?? 512);
    expect(kept.length).toBeGreaterThan(most / 2);
    expect(kept.length).toBeLessThanOrEqual(most);
    expect(kept).toContain(1_999);
    expect(kept).not.toContain(0);
  });
});

/** 8 bytes that differ for each `number` but have one hash: the second word undoes what the first one did. */
function ofOneHash(number: number): Uint8Array {
  const product = Math.imul(0x811c9dc5 ^ number, 0x01000193);
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, number, true);
  view.setInt32(4, product ^ (product >>> 15), true);
  return bytes;
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}
