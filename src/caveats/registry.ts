/** The set of caveat types that a verifier knows: a value that is passed in, never global. An unknown name is a denial. */
import { type CaveatErrorCode, decodeUtf8, MacaroonError, RecentReadings } from '../core/index.js';
import { catchPromise } from './catch-promise.js';
import type { CaveatType, ParseResult } from './caveat-type.js';
import { cnf } from './types/cnf.js';
import { request } from './types/request.js';
import { requestRequired } from './types/request-required.js';

const reservedTypes: ReadonlyMap<string, CaveatType<unknown>> = new Map(
  [cnf, request, requestRequired].map((type) => [type.name, type]),
);

/** Names that the protocol keeps for itself; a service cannot give them another meaning. */
export const reservedNames: readonly string[] = [...reservedTypes.keys()];

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
      readonly code: Extract<CaveatErrorCode, 'ERR_CAVEAT_UNKNOWN' | 'ERR_CAVEAT_MALFORMED'>;
      readonly message: string;
    };

export interface CaveatRegistry {
  readonly names: readonly string[];
  get(name: string): CaveatType<unknown> | undefined;
  /** Reads a condition (text, or its UTF-8 bytes). Never throws for what a token holds. */
  parse(condition: string | Uint8Array): ConditionResult;
}

/**
 * A registry of `types`, whose `parse` must depend on the argument alone: what it gave is kept. Throws `ERR_ARGUMENT` for a name that is given twice, reserved for another type, or not `[a-z][a-z0-9-]*`.
 */
export function createCaveatRegistry(types: readonly CaveatType<unknown>[]): CaveatRegistry {
  const byName = new Map<string, CaveatType<unknown>>();
  for (const type of types) {
    const { name } = type;
    if (!namePattern.test(name)) throw argumentError('a caveat type has a name of lower-case letters, digits and "-"');
    if (reservedTypes.has(name) && reservedTypes.get(name) !== type) throw argumentError(`the caveat name ${name} is reserved`);
    if (byName.has(name)) throw argumentError(`the caveat type ${name} is given twice`);
    byName.set(name, type);
  }
  const readings = new RecentReadings<ConditionResult>();
  const parse = (condition: string | Uint8Array): ConditionResult => {
    if (typeof condition === 'string') return parseCondition(byName, condition);
    const known = readings.get(condition);
    if (known !== undefined) return known;
    const text = textOf(condition);
    const result = text === undefined ? malformed('a condition is UTF-8 text') : parseCondition(byName, text);
    // A sealed request comes once, and would only push out what comes again.
    if (result.ok && result.caveat.type !== request) readings.keep(condition, result);
    return result;
  };
  return Object.freeze({ names: Object.freeze([...byName.keys()]), get: (name: string) => byName.get(name), parse });
}

function parseCondition(byName: ReadonlyMap<string, CaveatType<unknown>>, text: string): ConditionResult {
  if (controlPattern.test(text)) return malformed('a condition holds no control characters');
  const space = text.indexOf(' ');
  const name = space < 0 ? text : text.slice(0, space);
  if (!namePattern.test(name)) return malformed('a condition is a name, one space, and an argument');
  const type = byName.get(name);
  if (type === undefined) return { ok: false, code: 'ERR_CAVEAT_UNKNOWN', message: 'this verifier does not know the caveat' };
  if (space < 0 !== (type.takesNoArgument === true)) {
    return malformed(space < 0 ? `${name} needs an argument` : `${name} takes no argument`);
  }
  const argument = space < 0 ? '' : text.slice(space + 1);
  const parsed = parseArgument(type, argument);
  if (!parsed.ok) return malformed(`${name}: ${parsed.message}`);
  return { ok: true, caveat: Object.freeze({ type, value: parsed.value, text }) };
}

/** A type is a service's own code: when it throws, or answers something else than it promised, the condition is malformed. */
function parseArgument(type: CaveatType<unknown>, argument: string): ParseResult<unknown> {
  try {
    const parsed = type.parse(argument);
    if (catchPromise(parsed)) return { ok: false, message: 'its parse must not be async' };
    if (parsed.ok === true) {
      const spelling = type.format(parsed.value);
      if (spelling === argument) return parsed;
      return { ok: false, message: catchPromise(spelling) ? 'its format must not be async' : 'not in its one spelling' };
    }
    if (parsed.ok === false) return { ok: false, message: String(parsed.message) };
  } catch {
    // The answer below says all that may be told.
  }
  return { ok: false, message: 'its type could not read it' };
}

function textOf(condition: Uint8Array): string | undefined {
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
