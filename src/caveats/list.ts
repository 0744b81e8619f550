/** Arguments that are lists, `a,b,c`: order kept, no empty item, none twice; and what two such lists allow together. */
import { internText, limits } from '../core/index.js';
import type { Narrowing, ParseResult } from './caveat-type.js';

/**
 * Reads `argument` item by item, `maxItems` at most, as what lists allow together takes the product of their lengths to tell.
 * `readItem` gives `undefined` for what is not an item; `expected` is the message then.
 */
export function parseList<Item>(
  argument: string,
  readItem: (text: string) => Item | undefined,
  expected: string,
  maxItems: number = limits.maxListItems,
): ParseResult<readonly Item[]> {
  const texts = argument.split(',').map(internText);
  if (texts.length > maxItems) return { ok: false, message: `at most ${maxItems} items` };
  const items: Item[] = [];
  for (const text of texts) {
    const item = readItem(text);
    if (item === undefined) return { ok: false, message: expected };
    items.push(item);
  }
  if (new Set(texts).size !== texts.length) return { ok: false, message: 'an item is there twice' };
  // Readings are kept and shared, so nobody may change one.
  return { ok: true, value: Object.freeze(items) };
}

/**
 * What both lists allow, where two items are either disjoint or one covers the other: of two that overlap, the narrower.
 * `covers(wide, narrow)` also holds for equal items.
 */
export function narrowList<Item>(
  inForce: readonly Item[],
  added: readonly Item[],
  covers: (wide: Item, narrow: Item) => boolean,
): Narrowing<readonly Item[]> {
  const both: Item[] = [];
  const keep = (item: Item): void => {
    if (!both.some((kept) => covers(kept, item))) both.push(item);
  };
  let narrower = false;
  for (const one of inForce) {
    if (added.some((other) => covers(other, one))) {
      keep(one);
    } else {
      narrower = true;
      for (const other of added) if (covers(one, other)) keep(other);
    }
  }
  if (both.length === 0) return { kind: 'contradiction' };
  return narrower ? { kind: 'narrower', value: both } : { kind: 'no-op' };
}
