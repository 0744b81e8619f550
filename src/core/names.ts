/** Spelling of the names that identifiers and caveats hold: clients, audiences, auth methods, actions. */
import { MacaroonError } from './errors.js';
import { limits } from './limits.js';

const namePattern = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/;
const actionPattern = /^[A-Za-z0-9._~-]+(?::[A-Za-z0-9._~-]+)*(?::\*)?$/;

/** Whether `text` can name a client or an audience: lower-case letters, digits, inner `.`, `_`, `-`; 1 to 64 characters. */
export function isName(text: string): boolean {
  return text.length <= limits.maxNameLength && namePattern.test(text);
}

/** Whether `text` is an action or an action pattern such as `invoices:read` or `invoices:*`; 1 to 128 characters. */
export function isActionPattern(text: string): boolean {
  return text.length <= limits.maxActionLength && actionPattern.test(text);
}

/** The last action that was found to be one: a verification asks about the same several times. */
let lastAction: string | undefined;

/** Whether `text` is an action that can be asked for: a pattern without `*`. */
export function isAction(text: string): boolean {
  if (text === lastAction) return true;
  const isValid = isActionPattern(text) && !text.endsWith('*');
  if (isValid) lastAction = text;
  return isValid;
}

/** Whether `pattern` covers `action` (itself an action or a pattern): equal, or below `…:` of a pattern that ends in `:*`. */
export function coversAction(pattern: string, action: string): boolean {
  return (
    pattern === action || (pattern.endsWith(':*') && action.length >= pattern.length && action.startsWith(pattern.slice(0, -1)))
  );
}

/** Whether one of `patterns` covers `action`. */
export function someCoverAction(patterns: readonly string[], action: string): boolean {
  // By index: an iterator costs as much as the comparison.
  for (let i = 0; i < patterns.length; i++) if (coversAction(patterns[i] as string, action)) return true;
  return false;
}

/** `text` when it is a name. Throws `ERR_ARGUMENT` that names `argument` otherwise. */
export function requireName(text: string, argument: string): string {
  if (typeof text === 'string' && isName(text)) return text;
  throw new MacaroonError(
    'ERR_ARGUMENT',
    `${argument} must be a name: 1 to ${limits.maxNameLength} lower-case letters, digits, and inner ".", "_" or "-"`,
    { argument },
  );
}
