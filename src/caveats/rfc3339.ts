/** Times as text: RFC 3339 in UTC with `Z`, years 0000 to 9999, milliseconds only when not `.000`. One time has one spelling. */
import { MacaroonError } from '../core/index.js';

const pattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{3})?Z$/;
const dayMs = 86_400_000;
const firstMs = Date.parse('0000-01-01T00:00:00.000Z');
const lastMs = Date.parse('9999-12-31T23:59:59.999Z');

/** Whether `timeMs` (Unix milliseconds) can be written: an integer within the years 0000 to 9999. */
export function isRfc3339Time(timeMs: number): boolean {
  return Number.isInteger(timeMs) && timeMs >= firstMs && timeMs <= lastMs;
}

/** The one spelling of `timeMs` (Unix milliseconds). Throws `ERR_ARGUMENT` unless `isRfc3339Time`. */
export function formatRfc3339(timeMs: number): string {
  if (!isRfc3339Time(timeMs)) {
    throw new MacaroonError('ERR_ARGUMENT', 'a time is whole Unix milliseconds within the years 0000 to 9999', {
      argument: 'timeMs',
    });
  }
  const day = Math.floor(timeMs / dayMs);
  const restMs = timeMs - day * dayMs;
  const time = `${digits(restMs / 3_600_000)}:${digits((restMs / 60_000) % 60)}:${digits((restMs / 1000) % 60)}`;
  const ms = restMs % 1000;
  return ms === 0 ? `${dateOf(day)}T${time}Z` : `${dateOf(day)}T${time}.${String(ms).padStart(3, '0')}Z`;
}

const twoDigits: readonly string[] = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));

function digits(number: number): string {
  return twoDigits[Math.floor(number)] as string;
}

/** The last day whose date was asked for, and its date: times that are written are mostly of today, and the engine takes long for a date. */
let lastDay = 0;
let lastDate = '1970-01-01';

/** Date of the `day` (days since 1970-01-01). */
function dateOf(day: number): string {
  if (day !== lastDay) {
    lastDate = new Date(day * dayMs).toISOString().slice(0, 10);
    lastDay = day;
  }
  return lastDate;
}

/** Unix milliseconds of `text`; `undefined` for a date that does not exist and for every other spelling. */
export function parseRfc3339(text: string): number | undefined {
  if (!pattern.test(text)) return undefined;
  const timeMs = Date.parse(text);
  // A date such as 30 February is rolled over by some engines: it then prints as another date.
  return Number.isNaN(timeMs) || formatRfc3339(timeMs) !== text ? undefined : timeMs;
}
