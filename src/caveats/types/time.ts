/** What `time-before` and `time-after` share: reading their argument and comparing it with now. */
import { type CheckResult, holds, type ParseResult, type RequestContext } from '../caveat-type.js';
import { formatRfc3339, isRfc3339Time, parseRfc3339 } from '../rfc3339.js';

/** Unix milliseconds of an RFC 3339 argument. */
export function parseTime(argument: string): ParseResult<number> {
  const timeMs = parseRfc3339(argument);
  if (timeMs !== undefined) return { ok: true, value: timeMs };
  return { ok: false, message: 'expected a UTC time such as 2026-11-21T22:21:00Z' };
}

/** Whether `allows` holds now for `timeMs`; `relation` and `timeMs` word the denial. A clock that tells no time is missing context. */
export function checkTime(
  context: RequestContext,
  allows: (nowMs: number, timeMs: number) => boolean,
  relation: string,
  timeMs: number,
): CheckResult {
  const { nowMs } = context;
  if (typeof nowMs !== 'number' || Number.isNaN(nowMs)) return { holds: false, reason: 'missing-context', needs: 'time' };
  if (allows(nowMs, timeMs)) return holds;
  const wholeMs = Math.floor(nowMs);
  const actual = isRfc3339Time(wholeMs) ? formatRfc3339(wholeMs) : 'a time out of range';
  return { holds: false, reason: 'denied', expected: `${relation} ${formatRfc3339(timeMs)}`, actual };
}
