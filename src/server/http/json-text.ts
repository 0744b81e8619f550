/** Pieces of JSON, as `JSON.stringify` writes them, in a third of the time: for texts that are written for every request. */

/** What stands for itself in JSON. */
const plainText = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** `text` as JSON. */
export function quoted(text: string): string {
  return plainText.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** A list of what `write` makes of each of `items`. */
export function listOf<Item>(items: readonly Item[], write: (item: Item) => string): string {
  let list = '';
  for (let i = 0; i < items.length; i++) list += `${i === 0 ? '' : ','}${write(items[i] as Item)}`;
  return `[${list}]`;
}
