/** Names that somebody gave us, held against those that there are: a misspelt one must never count as one that was not given. */
import { MacaroonError } from './errors.js';
import { printable } from './printable.js';

/**
 * Throws `ERR_ARGUMENT` unless `value` is an object whose own names are all in `known` (not empty). `argument` is what the caller calls
 * `value`; the error's `argument` is the unknown name, and its message says the nearest known one.
 */
export function requireKnownNames(value: unknown, known: readonly string[], argument: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MacaroonError('ERR_ARGUMENT', `${argument} must be an object with ${known.join(', ')}`, { argument });
  }
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue;
    const unknown = `${printable(name)} is not known in ${argument}; did you mean ${nearest(name, known)}?`;
    throw new MacaroonError('ERR_ARGUMENT', `${unknown} There are ${known.join(', ')}`, { argument: name });
  }
}

/** The word of `known` (not empty) with the least edit distance to `word`. */
export function nearest(word: string, known: readonly string[]): string {
  let best = known[0] ?? '';
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = editDistance(word, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein distance by one row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
