/** Tokens of which the beginning is known, and that go on with one condition: what holds, and where that condition is. */
import { describe, expect, it } from 'vitest';
import {
  addFirstPartyCaveat,
  type ChainPosition,
  conditionAfter,
  encode,
  encodeUtf8,
  flatSignatureFault,
  type Macaroon,
  MacaroonKey,
  mint,
  type Opening,
  openingOf,
  readFlat,
  type Signature,
} from '../../../src/core/index.js';

const key = new MacaroonKey(encodeUtf8('key'));
const textOf = (root: Macaroon, discharges: readonly Macaroon[] = []) => encode({ root, discharges });
const child = (parent: Macaroon, condition: string) => addFirstPartyCaveat(parent, condition);
/** With a condition of `length` characters, so that the next one begins anywhere in a group of characters. */
const parentOf = (length: number) => addFirstPartyCaveat(mint(key, encodeUtf8('identifier')), 'p'.repeat(length));
const lengths = [1, 2, 3];
const sizes = [1, 2, 54, 55, 56, 63, 64, 65, 118, 119, 120, 126, 127, 128, 129, 255, 256, 257, 1023, 1024];

/** How texts of children of `parent` begin, as one of them tells it, and what their chain comes to before what they add. */
function openingFor(parent: Macaroon): { readonly opening: Opening; readonly position: ChainPosition } {
  const text = textOf(child(parent, 'first'));
  const token = readFlat(text);
  const { length } = parent.caveats;
  if (token === undefined || flatSignatureFault(token, key) !== undefined) throw new Error('no genuine token');
  const view = new DataView(parent.signature.buffer, parent.signature.byteOffset);
  const chain = Int32Array.from({ length: 8 }, (_, i) => view.getInt32(i * 4));
  const end = length === 0 ? token.identifierEnd : (token.ends[length - 1] as number);
  return { opening: openingOf(text, end), position: { caveatCount: length, chain, midstate: undefined, firstBlock: undefined } };
}

/** The condition that `text` adds; `undefined` where it does not hold. */
function addedIn(text: string, { opening, position }: ReturnType<typeof openingFor>): string | undefined {
  const condition = conditionAfter(text, opening, position);
  return condition && new TextDecoder().decode(condition.bytes.subarray(condition.start, condition.end));
}

describe('a token that goes on with one condition', () => {
  it('holds, and tells the condition, of whatever length and wherever it begins', () => {
    for (const parent of [...lengths.map(parentOf), mint(key, encodeUtf8('identifier'))]) {
      const known = openingFor(parent);
      for (const size of sizes) {
        const condition = 'x'.repeat(size);
        expect(addedIn(textOf(child(parent, condition)), known), `${size}`).toBe(condition);
      }
    }
  });

  it('does not hold with any bit of its condition or its signature changed', () => {
    const parent = parentOf(1);
    const known = openingFor(parent);
    for (const size of [1, 64, 130]) {
      const genuine = child(parent, 'x'.repeat(size));
      const [first, last] = genuine.caveats;
      if (first === undefined || last?.kind !== 'first-party') throw new Error('no condition');
      for (let at = 0; at < size; at++) {
        for (const bit of [1, 32, 128]) {
          const condition = last.condition.with(at, (last.condition[at] as number) ^ bit);
          expect(addedIn(textOf({ ...genuine, caveats: [first, { ...last, condition }] }), known), `${at}`).toBeUndefined();
        }
      }
      for (let at = 0; at < genuine.signature.length; at++) {
        const signature = genuine.signature.with(at, (genuine.signature[at] as number) ^ 1) as Signature;
        expect(addedIn(textOf({ ...genuine, signature }), known), `${at}`).toBeUndefined();
      }
      expect(addedIn(textOf(genuine), known)).toBe('x'.repeat(size));
    }
  });

  it('holds, and with any bit changed does not, where the one before it began with the same block, or with another', () => {
    const parent = parentOf(2);
    const known = openingFor(parent);
    for (const letter of 'aaabbabbaaa') {
      for (const size of [63, 64, 65, 127, 128, 129, 183, 184]) {
        const genuine = child(parent, letter.repeat(size));
        expect(addedIn(textOf(genuine), known), `${letter} ${size}`).toBe(letter.repeat(size));
        const [first, last] = genuine.caveats;
        if (first === undefined || last?.kind !== 'first-party') throw new Error('no condition');
        for (let at = 0; at < size; at++) {
          const condition = last.condition.with(at, (last.condition[at] as number) ^ 1);
          expect(addedIn(textOf({ ...genuine, caveats: [first, { ...last, condition }] }), known), `${at}`).toBeUndefined();
        }
        for (let at = 0; at < genuine.signature.length; at++) {
          const signature = genuine.signature.with(at, (genuine.signature[at] as number) ^ 1) as Signature;
          expect(addedIn(textOf({ ...genuine, signature }), known), `${at}`).toBeUndefined();
        }
      }
    }
  });

  it('has the block hashed once that it begins with when it comes again, and keeps it from what does not hold', () => {
    const parent = parentOf(1);
    const known = openingFor(parent);
    const { position } = known;
    const [a, b] = ['a', 'b'].map((letter) => letter.repeat(64));
    const forged = (condition: string) => textOf({ ...child(parent, condition), signature: parent.signature });
    expect(addedIn(forged(`${a}`), known)).toBeUndefined();
    expect(addedIn(textOf(child(parent, 'short')), known)).toBe('short');
    expect(position.firstBlock).toBeUndefined();
    expect(addedIn(textOf(child(parent, `${a}1`)), known)).toBe(`${a}1`);
    expect(position.firstBlock?.isHashed).toBe(false);
    expect(addedIn(textOf(child(parent, `${a}2`)), known)).toBe(`${a}2`);
    expect(position.firstBlock?.isHashed).toBe(true);
    expect(addedIn(forged(`${b}1`), known)).toBeUndefined();
    expect(addedIn(textOf(child(parent, 'short')), known)).toBe('short');
    expect(position.firstBlock?.isHashed).toBe(true);
    expect(addedIn(textOf(child(parent, `${b}1`)), known)).toBe(`${b}1`);
    expect(position.firstBlock?.isHashed).toBe(false);
    expect(addedIn(textOf(child(parent, `${b}2`)), known)).toBe(`${b}2`);
  });

  it('does not hold with fewer conditions or more, with a discharge, or under another chain', () => {
    for (const parent of lengths.map(parentOf)) {
      const known = openingFor(parent);
      const one = child(parent, 'one');
      expect(addedIn(textOf(parent), known)).toBeUndefined();
      expect(addedIn(textOf(child(one, 'two')), known)).toBeUndefined();
      expect(addedIn(textOf(one, [mint(key, encodeUtf8('discharge'))]), known)).toBeUndefined();
      expect(addedIn(textOf(one), { ...known, position: openingFor(parentOf(9)).position })).toBeUndefined();
      expect(addedIn(textOf(one), known)).toBe('one');
    }
  });

  it('does not hold where the end of what it should begin with is another', () => {
    for (const length of lengths) {
      const parent = parentOf(length);
      const known = openingFor(parent);
      const genuine = child(parent, 'added');
      const [first, last] = genuine.caveats;
      if (first?.kind !== 'first-party' || last === undefined) throw new Error('no condition');
      const condition = first.condition.with(length - 1, (first.condition[length - 1] as number) ^ 1);
      expect(addedIn(textOf({ ...genuine, caveats: [{ ...first, condition }, last] }), known)).toBeUndefined();
    }
  });

  it('does not hold when a character behind its beginning is another', () => {
    const parent = parentOf(2);
    const known = openingFor(parent);
    const text = textOf(child(parent, 'x'.repeat(70)));
    for (let at = known.opening.beginning.text.length; at < text.length; at++) {
      for (const other of ['A', 'B', '=', '.', 'é', '\u0100', '']) {
        if (other === text[at]) continue;
        expect(addedIn(`${text.slice(0, at)}${other}${text.slice(at + 1)}`, known), `${other} at ${at}`).toBeUndefined();
      }
      expect(addedIn(text.slice(0, at), known)).toBeUndefined();
    }
    expect(addedIn(text, known)).toBe('x'.repeat(70));
  });
});
