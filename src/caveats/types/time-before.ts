/** `time-before 2026-11-21T22:21:00Z`: holds while now is earlier. The value is Unix milliseconds. */
import type { CaveatType } from '../caveat-type.js';
import { formatRfc3339 } from '../rfc3339.js';
import { checkTime, parseTime } from './time.js';

const isAllowed = (nowMs: number, timeMs: number): boolean => nowMs < timeMs;

export const timeBefore: CaveatType<number> = Object.freeze<CaveatType<number>>({
  name: 'time-before',
  parse: parseTime,
  format: formatRfc3339,
  check: (timeMs, context) => checkTime(context, isAllowed, 'a time before', timeMs),
  describe: (timeMs) => `only before ${formatRfc3339(timeMs)}`,
  narrows: (inForce, added) => (added < inForce ? { kind: 'narrower', value: added } : { kind: 'no-op' }),
});
