/**
 * `path /invoices`: holds when the raw path is an item or below it by segment. A path that is not canonical is denied, and a literal
 * comma cannot be written in an item, as it separates items. The value is the list.
 */
import { type CaveatType, holds } from '../caveat-type.js';
import { narrowList, parseList } from '../list.js';
import { isCanonicalPath, pathCovers } from '../path.js';

export const path: CaveatType<readonly string[]> = Object.freeze<CaveatType<readonly string[]>>({
  name: 'path',
  parse: (argument) =>
    parseList(
      argument,
      (text) => (isCanonicalPath(text) ? text : undefined),
      'expected canonical paths such as /invoices, separated by commas',
    ),
  format: (prefixes) => prefixes.join(','),
  check(prefixes, context) {
    const requested: unknown = context.path;
    if (requested === undefined) return { holds: false, reason: 'missing-context', needs: 'path' };
    const isValid = typeof requested === 'string' && isCanonicalPath(requested);
    if (isValid) for (let i = 0; i < prefixes.length; i++) if (pathCovers(prefixes[i] as string, requested)) return holds;
    const actual = isValid ? requested : 'a path that is not canonical';
    return { holds: false, reason: 'denied', expected: `${prefixes.join(' or ')} or below`, actual };
  },
  describe: (prefixes) => `only for the path ${prefixes.join(' or ')} and below`,
  narrows: (inForce, added) => narrowList(inForce, added, pathCovers),
});
