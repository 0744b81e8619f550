/** `time-after 2026-11-21T22:21:00Z`: holds from that time on. The value is Unix milliseconds. */
import type { CaveatType } from '../caveat-type.js';
import { formatRfc3339 } from '../rfc3339.js';
import { checkTime, parseTime } from './time.js';

const isAllowed = (nowMs: number, timeMs: number): boolean => nowMs >= timeMs;

export const timeAfter: CaveatType<number> = Object.freeze<CaveatType<number>>({
  name: 'time-after',
  parse: parseTime,
  format: formatRfc3339,
  check: (timeMs, context) => checkTime(context, isAllowed, 'a time not before', timeMs),
  describe: (timeMs) => `only from ${formatRfc3339(timeMs)} on`,
  narrows: (inForce, added) => (added > inForce ? { kind: 'narrower', value: added } : { kind: 'no-op' }),
});
