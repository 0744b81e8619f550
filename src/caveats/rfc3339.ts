/** Times as text: RFC 3339 in UTC with `Z`, years 0000 to 9999, milliseconds only when not `.000`. One time has one spelling. */
import { MacaroonError } from '../core/index.js';

const pattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{3})?Z$/;
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
  const text = new Date(timeMs).toISOString();
  return text.endsWith('.000Z') ? `${text.slice(0, -5)}Z` : text;
}

/** Unix milliseconds of `text`; `undefined` for a date that does not exist and for every other spelling. */
export function parseRfc3339(text: string): number | undefined {
  if (!pattern.test(text)) return undefined;
  const timeMs = Date.parse(text);
  // A date such as 30 February is rolled over by some engines: it then prints as another date.
  return Number.isNaN(timeMs) || formatRfc3339(timeMs) !== text ? undefined : timeMs;
}
