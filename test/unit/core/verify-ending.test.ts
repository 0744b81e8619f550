/** Tokens that differ in the end of their last condition: what holds, and where the rest of the condition is, wherever the end begins. */
import { describe, expect, it } from 'vitest';
import { newMidstate, setMidstate } from '../../../src/core/hmac.js';
import {
  addFirstPartyCaveat,
  beginningOfText,
  encode,
  encodeUtf8,
  endingOf,
  flatSignatureFault,
  goesOnWith,
  MacaroonKey,
  mint,
  type Opening,
  openingOf,
  readFlat,
  type Signature,
} from '../../../src/core/index.js';

const key = new MacaroonKey(encodeUtf8('key'));
const parent = addFirstPartyCaveat(mint(key, encodeUtf8('identifier')), 'method GET');
const child = (condition: string) => addFirstPartyCaveat(parent, condition);
const textOf = (condition: string) => encode({ root: child(condition), discharges: [] });

/** How the text of a child with `condition` goes on behind the beginning that it shares with its siblings, but for the last `endingLength` bytes. */
function openingFor(condition: string, endingLength: number): Opening {
  const text = textOf(condition);
  const token = readFlat(text);
  if (token === undefined || flatSignatureFault(token, key) !== undefined) throw new Error('no genuine token');
  const { text: beginning } = beginningOfText(text, token.ends[0] as number);
  const midstate = newMidstate();
  const words = Int32Array.from({ length: 8 }, (_, i) => new DataView(parent.signature.buffer).getInt32(i * 4));
  setMidstate(midstate, words);
  return openingOf(text, beginning.length, token, midstate, endingLength);
}

/** The end of the condition in `text`, which begins with `opening` as far as that is asked; `undefined` where it does not hold. */
function endIn(text: string, opening: Opening): string | undefined {
  if (!goesOnWith(text, opening.beginning)) return undefined;
  const bytes = endingOf(text, opening);
  return bytes && new TextDecoder().decode(bytes.subarray(opening.start, opening.end));
}

describe('a token that goes on as another', () => {
  it('holds, and tells the rest of its condition, wherever that begins', () => {
    for (let same = 1; same < 140; same++) {
      const opening = openingFor(`${'x'.repeat(same)}12345`, 5);
      for (const rest of ['12345', '12367', '12300']) {
        expect(endIn(textOf(`${'x'.repeat(same)}${rest}`), opening), `${same}`).toBe(rest);
      }
      expect(opening.beginning.bytes.length).toBeLessThan(64 + 3);
    }
  });

  it('holds for an end of any length, which its texts share', () => {
    for (let length = 3; length < 140; length++) {
      const end = 'y'.repeat(length - 1);
      expect(endIn(textOf(`head ${end}z`), openingFor(`head ${end}y`, length))).toBe(`${end}z`);
      expect(endIn(textOf(`head ${end}zz`), openingFor(`head ${end}y`, length))).toBeUndefined();
    }
  });

  it('does not hold with any bit of its end or its signature changed', () => {
    for (const same of [50, 61, 62, 63, 64, 65, 66, 127, 128]) {
      const opening = openingFor(`${'x'.repeat(same)}12345`, 5);
      const genuine = child(`${'x'.repeat(same)}12345`);
      const [first, last] = genuine.caveats;
      if (first === undefined || last?.kind !== 'first-party') throw new Error('no condition');
      for (let at = 0; at < last.condition.length; at++) {
        for (const bit of [1, 32, 128]) {
          const condition = last.condition.with(at, (last.condition[at] as number) ^ bit);
          const text = encode({ root: { ...genuine, caveats: [first, { ...last, condition }] }, discharges: [] });
          expect(endIn(text, opening), `${same}, byte ${at}`).toBeUndefined();
        }
      }
      for (let at = 0; at < genuine.signature.length; at++) {
        const signature = genuine.signature.with(at, (genuine.signature[at] as number) ^ 1) as Signature;
        expect(endIn(encode({ root: { ...genuine, signature }, discharges: [] }), opening), `${same}, ${at}`).toBeUndefined();
      }
    }
  });

  it('does not hold with anything behind its signature', () => {
    const condition = `${'x'.repeat(70)}12345`;
    const discharges = [mint(key, encodeUtf8('discharge'))];
    const text = encode({ root: child(condition), discharges });
    const opening = openingFor(condition, 5);
    expect(goesOnWith(text, opening.beginning)).toBe(true);
    expect(endIn(text, opening)).toBeUndefined();
  });

  it('does not hold when a character of it is another', () => {
    const opening = openingFor(`${'x'.repeat(70)}12345`, 5);
    const text = textOf(`${'x'.repeat(70)}12345`);
    expect(endIn(text, opening)).toBe('12345');
    for (let at = 0; at < text.length; at++) {
      const known = opening.beginning.start;
      for (const other of ['A', 'B', '=', '.', 'é', '\u0100']) {
        if (at < known || other === text[at]) continue;
        expect(endIn(`${text.slice(0, at)}${other}${text.slice(at + 1)}`, opening), `${other} at ${at}`).toBeUndefined();
      }
    }
  });
});
