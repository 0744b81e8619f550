/**
 * JSON that two programs cannot read in two ways: no member is given twice, which `JSON.parse` would settle silently, and no text has
 * control characters or lone surrogates, which logs, terminals and databases each treat in their own way.
 */
import { pointerOf } from './json-pointer.js';
import { invalidFields, ProblemError } from './problem-error.js';

/** Objects and arrays within one another. */
const maxDepth = 32;

/** Strings and structure of a text that is JSON. */
const tokenPattern = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/g;
/** What text without it can be taken as it stands: no escapes, and no character that could be forbidden. */
const unusualCharacter = /[^\x20-\x5b\x5d-\x7e]/;
const forbiddenCharacter = /[\p{Cc}\p{Cs}\u2028\u2029]/u;

/** An object or array that is open. */
interface Level {
  /** Members so far; absent for an array. */
  readonly names: Set<string> | undefined;
  /** Name or index of the member that is being read; a name before its colon is not one yet. */
  member: string | number | undefined;
}

/** The value of `text`. Throws `invalid_request`, with a pointer where a member is to blame. */
export function parseStrictJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ProblemError('invalid_request', { detail: 'the body is not JSON in UTF-8' });
  }
  checkMembers(text);
  return value;
}

/** Throws for members that are repeated and for text that is refused. `text` is JSON. */
function checkMembers(text: string): void {
  const isPlain = !unusualCharacter.test(text);
  const levels: Level[] = [];
  for (const [token] of text.matchAll(tokenPattern)) {
    const level = levels.at(-1);
    if (token === '{' || token === '[') {
      if (levels.length === maxDepth) throw refusal(levels, `at most ${maxDepth} levels are read`);
      levels.push(token === '{' ? { names: new Set(), member: undefined } : { names: undefined, member: 0 });
    } else if (token === '}' || token === ']') {
      levels.pop();
    } else if (token === ',' && level !== undefined) {
      level.member = typeof level.member === 'number' ? level.member + 1 : undefined;
    } else if (token.startsWith('"')) {
      if (isPlain) noteName(token.slice(1, -1), levels, level);
      else checkString(JSON.parse(token), levels, level);
    }
  }
}

/** PEM is the one kind of text that has lines. */
const pemStart = '-----BEGIN ';
const lineEnd = /\r?\n/g;

function checkString(text: string, levels: readonly Level[], level: Level | undefined): void {
  const isName = level?.names !== undefined && level.member === undefined;
  if (forbiddenCharacter.test(isName || !text.startsWith(pemStart) ? text : text.replaceAll(lineEnd, ''))) {
    throw refusal(levels, `${isName ? 'a name' : 'text'} with control characters or halves of characters is refused`);
  }
  noteName(text, levels, level);
}

/** Throws for a name that is repeated; passes over what is no name. */
function noteName(text: string, levels: readonly Level[], level: Level | undefined): void {
  if (level?.names === undefined || level.member !== undefined) return;
  level.member = text;
  if (level.names.has(text)) throw refusal(levels, 'given more than once');
  level.names.add(text);
}

function refusal(levels: readonly Level[], detail: string): ProblemError {
  const path = levels.flatMap(({ member }) => (member === undefined ? [] : [member]));
  return invalidFields({ pointer: pointerOf(path), detail });
}
