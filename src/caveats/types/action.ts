/** `action invoices:read,invoices:list`: holds when an item covers the requested action. The value is the list of patterns. */
import { coversAction, isAction, isActionPattern, limits, someCoverAction } from '../../core/index.js';
import { type CaveatType, holds } from '../caveat-type.js';
import { narrowList, parseList } from '../list.js';

export const action: CaveatType<readonly string[]> = Object.freeze<CaveatType<readonly string[]>>({
  name: 'action',
  parse: (argument) =>
    parseList(
      argument,
      (text) => (isActionPattern(text) ? text : undefined),
      'expected actions such as invoices:read or invoices:*, separated by commas',
      limits.maxActions,
    ),
  format: (patterns) => patterns.join(','),
  check(patterns, context) {
    const requested: unknown = context.action;
    if (requested === undefined) return { holds: false, reason: 'missing-context', needs: 'action' };
    const isValid = typeof requested === 'string' && isAction(requested);
    if (isValid && someCoverAction(patterns, requested)) return holds;
    const actual = isValid ? requested : 'something that is not an action';
    return { holds: false, reason: 'denied', expected: patterns.join(' or '), actual };
  },
  describe: (patterns) => `only for ${patterns.join(', ')}`,
  narrows: (inForce, added) => narrowList(inForce, added, coversAction),
});
