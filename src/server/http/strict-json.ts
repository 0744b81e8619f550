/**
 * JSON that two programs cannot read in two ways: no member is given twice, which `JSON.parse` would settle silently, and no text has
 * control characters or lone surrogates, which logs, terminals and databases each treat in their own way.
 */
import { pointerOf } from './json-pointer.js';
import { invalidFields, ProblemError } from './problem-error.js';

/** Objects and arrays within one another. */
const maxDepth = 32;

/** What text without it can be taken as it stands: no escapes, and no character that could be forbidden. */
const unusualCharacter = /[^\x20-\x5b\x5d-\x7e]/;
const forbiddenCharacter = /[\p{Cc}\p{Cs}\u2028\u2029]/u;

const space = 0x20;
const colon = 0x3a;

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
  // Read once more to say what is wrong with it, or where more is written than can be told from its characters; few bodies are.
  if (unusualCharacter.test(text) || countNames(text) !== countMembers(value, 1)) checkMembers(text);
  return value;
}

/** How many members the JSON `text`, which has no escapes, gives: strings with a colon after them. One that is given twice counts twice. */
function countNames(text: string): number {
  let count = 0;
  for (let start = text.indexOf('"'); start >= 0; ) {
    let after = text.indexOf('"', start + 1) + 1;
    while (text.charCodeAt(after) === space) after++;
    if (text.charCodeAt(after) === colon) count++;
    start = text.indexOf('"', after);
  }
  return count;
}

/** How many members there are in `value`, which stands at `depth`, and below it; `NaN` where that is deeper than may be. */
function countMembers(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth > maxDepth) return Number.NaN;
  const items: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  let count = items === value ? 0 : items.length;
  for (let i = 0; i < items.length; i++) count += countMembers(items[i], depth + 1);
  return count;
}

/** Throws for members that are repeated, for text that is refused, and for too many levels. `text` is JSON. */
function checkMembers(text: string): void {
  const levels: Level[] = [];
  let level: Level | undefined;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      const end = endOfString(text, at);
      checkString(JSON.parse(text.slice(at, end + 1)), levels, level);
      at = end;
    } else if (character === '{' || character === '[') {
      if (levels.length === maxDepth) throw refusal(levels, `at most ${maxDepth} levels are read`);
      level = character === '{' ? { names: new Set(), member: undefined } : { names: undefined, member: 0 };
      levels.push(level);
    } else if (character === '}' || character === ']') {
      levels.pop();
      level = levels.at(-1);
    } else if (character === ',' && level !== undefined) {
      level.member = typeof level.member === 'number' ? level.member + 1 : undefined;
    }
  }
}

/** Where the string ends that begins at `start`: at the next quote that no `\` stands for. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text[end - 1 - escapes] === '\\') escapes++;
    if (escapes % 2 === 0) return end;
  }
}

/** PEM is the one kind of text that has lines. */
const pemStart = '-----BEGIN ';
const lineEnd = /\r?\n/g;

function checkString(text: string, levels: readonly Level[], level: Level | undefined): void {
  const isName = isAtName(level);
  if (forbiddenCharacter.test(isName || !text.startsWith(pemStart) ? text : text.replaceAll(lineEnd, ''))) {
    throw refusal(levels, `${isName ? 'a name' : 'text'} with control characters or halves of characters is refused`);
  }
  if (isName) noteName(text, levels, level);
}

/** An object whose next string is the name of a member. */
type AtName = Level & { readonly names: Set<string> };

function isAtName(level: Level | undefined): level is AtName {
  return level?.names !== undefined && level.member === undefined;
}

/** Throws for a name that is repeated. */
function noteName(text: string, levels: readonly Level[], level: AtName): void {
  level.member = text;
  if (level.names.has(text)) throw refusal(levels, 'given more than once');
  level.names.add(text);
}

function refusal(levels: readonly Level[], detail: string): ProblemError {
  const path = levels.flatMap(({ member }) => (member === undefined ? [] : [member]));
  return invalidFields({ pointer: pointerOf(path), detail });
}
