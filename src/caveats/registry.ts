/** The set of caveat types that a verifier knows: a value that is passed in, never global. An unknown name is a denial. */
import { decodeUtf8, MacaroonError, type MacaroonErrorCode } from '../core/index.js';
import type { CaveatType } from './caveat-type.js';

/** Names that the protocol keeps for itself; a service cannot give them another meaning. */
export const reservedNames: readonly string[] = ['cnf', 'request', 'request-required'];

const namePattern = /^[a-z][a-z0-9-]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const controlPattern = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** A condition that was read: its type and value. */
export interface ParsedCaveat {
  readonly type: CaveatType<unknown>;
  readonly value: unknown;
  /** The condition as written, which is its one spelling. */
  readonly text: string;
}

export type ConditionResult =
  | { readonly ok: true; readonly caveat: ParsedCaveat }
  | {
      readonly ok: false;
      readonly code: Extract<MacaroonErrorCode, 'ERR_CAVEAT_UNKNOWN' | 'ERR_CAVEAT_MALFORMED'>;
      readonly message: string;
    };

export interface CaveatRegistry {
  readonly names: readonly string[];
  get(name: string): CaveatType<unknown> | undefined;
  /** Reads a condition (text, or its UTF-8 bytes). Never throws for what a token holds. */
  parse(condition: string | Uint8Array): ConditionResult;
}

/**
 * A registry of `types`. Throws `ERR_ARGUMENT` for a name that is given twice, reserved, or not `[a-z][a-z0-9-]*`.
 */
export function createCaveatRegistry(types: readonly CaveatType<unknown>[]): CaveatRegistry {
  const byName = new Map<string, CaveatType<unknown>>();
  for (const type of types) {
    const { name } = type;
    if (!namePattern.test(name)) throw argumentError('a caveat type has a name of lower-case letters, digits and "-"');
    if (reservedNames.includes(name)) throw argumentError(`the caveat name ${name} is reserved`);
    if (byName.has(name)) throw argumentError(`the caveat type ${name} is given twice`);
    byName.set(name, type);
  }
  return Object.freeze({
    names: Object.freeze([...byName.keys()]),
    get: (name: string) => byName.get(name),
    parse: (condition: string | Uint8Array) => parseCondition(byName, condition),
  });
}

function parseCondition(byName: ReadonlyMap<string, CaveatType<unknown>>, condition: string | Uint8Array): ConditionResult {
  const text = textOf(condition);
  if (text === undefined || controlPattern.test(text)) return malformed('a condition is UTF-8 text without control characters');
  const space = text.indexOf(' ');
  const name = space < 0 ? text : text.slice(0, space);
  if (!namePattern.test(name)) return malformed('a condition is a name, one space, and an argument');
  const type = byName.get(name);
  if (type === undefined) return { ok: false, code: 'ERR_CAVEAT_UNKNOWN', message: 'this verifier does not know the caveat' };
  if (space < 0) return malformed(`${name} needs an argument`);
  const argument = text.slice(space + 1);
  const parsed = type.parse(argument);
  if (!parsed.ok) return malformed(`${name}: ${parsed.message}`);
  if (type.format(parsed.value) !== argument) return malformed(`${name}: not in its one spelling`);
  return { ok: true, caveat: { type, value: parsed.value, text } };
}

function textOf(condition: string | Uint8Array): string | undefined {
  if (typeof condition === 'string') return condition;
  try {
    return decodeUtf8(condition);
  } catch {
    return undefined;
  }
}

function malformed(message: string): ConditionResult {
  return { ok: false, code: 'ERR_CAVEAT_MALFORMED', message };
}

function argumentError(message: string): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', message, { argument: 'types' });
}
