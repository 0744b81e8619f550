/**
 * Makes a narrower token from a token, offline and without any key. It never fails silently: every restriction becomes a condition in its
 * one spelling, is read back, and is looked for in the result. The clock is passed in; `client/attenuate.ts` is the form with the clock.
 */
import {
  addFirstPartyCaveat,
  type Caveat,
  decode,
  encode,
  encodeUtf8,
  equalBytes,
  MacaroonError,
  narrowText,
  requireKnownNames,
  type UnverifiedMacaroon,
} from '../core/index.js';
import type { CaveatType } from './caveat-type.js';
import { parseDurationMs } from './duration.js';
import { canonicalRange } from './ip-address.js';
import type { CaveatRegistry } from './registry.js';
import { formatRfc3339, isRfc3339Time, parseRfc3339 } from './rfc3339.js';
import { standardRegistry } from './standard.js';
import { action } from './types/action.js';
import { ip } from './types/ip.js';
import { method } from './types/method.js';
import { path } from './types/path.js';
import { timeAfter } from './types/time-after.js';
import { timeBefore } from './types/time-before.js';

/** What the new token is narrowed to. At least one of them; each list must hold something. One that is there has a value: not `undefined`. */
export interface Restrictions {
  /** Life from now on, such as `90s`, `10m`, `1h30m`, `7d`. Not together with `expiresAt`. */
  readonly expiresIn?: string;
  /** Unix milliseconds, or RFC 3339 in UTC. */
  readonly expiresAt?: number | string;
  /** Unix milliseconds, or RFC 3339 in UTC. */
  readonly notBefore?: number | string;
  /** Actions or patterns, such as `invoices:read` or `invoices:*`. */
  readonly actions?: readonly string[];
  /** Addresses or ranges without host bits, such as `10.0.0.0/8`. */
  readonly ips?: readonly string[];
  /** HTTP methods in upper case. */
  readonly methods?: readonly string[];
  /** Canonical paths without a literal comma; each allows what is below it too. */
  readonly paths?: readonly string[];
  /** Further conditions, `name SP argument` or `request-required`. A name that the registry does not know is taken as it is. */
  readonly conditions?: readonly string[];
}

export interface AttenuateOptions {
  /** Reads `conditions`; `standardRegistry` when absent. */
  readonly registry?: CaveatRegistry | undefined;
}

const listTypes = { actions: action, ips: ip, methods: method, paths: path } as const;
const restrictionNames = ['expiresIn', 'expiresAt', 'notBefore', ...Object.keys(listTypes), 'conditions'];
const conditionPattern = /^[a-z][a-z0-9-]* ./u;

/**
 * The text of a token that is `text` narrowed to `restrictions` at `nowMs` (Unix milliseconds).
 * Throws `ERR_ARGUMENT` with `argument` for a wrong restriction, for none, and for a text that already holds bound discharges;
 * `ERR_FORMAT_*` and `ERR_LIMIT_*` for a text that is not a token or would become too long.
 */
export function attenuateAt(text: string, restrictions: Restrictions, nowMs: number, options: AttenuateOptions = {}): string {
  const conditions = conditionsOf(restrictions, nowMs, options.registry ?? standardRegistry);
  return narrowText(text, conditions) ?? narrowAnyForm(text, conditions);
}

function narrowAnyForm(text: string, conditions: readonly Uint8Array[]): string {
  const token = decode(text);
  if (token.discharges.length > 0) {
    throw argumentError('text', 'the token holds bound discharges: attenuate it first, then bind discharges to the result');
  }
  let root = token.root;
  for (const condition of conditions) root = addFirstPartyCaveat(root, condition);
  const narrowed = encode({ root, discharges: [] });
  requireCaveats(decode(narrowed), token.root.caveats.length, conditions);
  return narrowed;
}

function requireCaveats(token: UnverifiedMacaroon, caveatsBefore: number, conditions: readonly Uint8Array[]): void {
  const added = token.root.caveats.slice(caveatsBefore);
  const isAdded = (condition: Uint8Array, caveat: Caveat | undefined) =>
    caveat?.kind === 'first-party' && equalBytes(caveat.condition, condition);
  if (added.length === conditions.length && conditions.every((condition, i) => isAdded(condition, added[i]))) return;
  throw new MacaroonError('ERR_FORMAT_CONDITION', 'the narrower token does not hold its new caveats');
}

/** The conditions that `restrictions` make, as the bytes that the token will hold. */
function conditionsOf(restrictions: Restrictions, nowMs: number, registry: CaveatRegistry): readonly Uint8Array[] {
  requireKnownNames(restrictions, restrictionNames, 'restrictions');
  if (Object.values(restrictions).includes(undefined)) {
    // A setting that was not there must not become a token that is not restricted.
    const name = Object.entries(restrictions).find(([, value]) => value === undefined)?.[0] ?? 'restrictions';
    throw argumentError(name, 'is undefined: give it a value, or leave it out');
  }
  const { expiresIn, expiresAt, notBefore, actions, ips, methods, paths, conditions } = restrictions;
  if (expiresIn !== undefined && expiresAt !== undefined) {
    throw argumentError('expiresIn', 'give either expiresIn or expiresAt');
  }
  const made: Uint8Array[] = [];
  if (expiresIn !== undefined) made.push(conditionOf(timeBefore, 'expiresIn', endOf(expiresIn, nowMs)));
  if (expiresAt !== undefined) made.push(conditionOf(timeBefore, 'expiresAt', timeText('expiresAt', expiresAt)));
  if (notBefore !== undefined) made.push(conditionOf(timeAfter, 'notBefore', timeText('notBefore', notBefore)));
  // One by one: members that are asked for by a name in a variable cost as much as what they hold.
  if (actions !== undefined) made.push(listCondition('actions', actions));
  if (ips !== undefined) made.push(listCondition('ips', ips));
  if (methods !== undefined) made.push(listCondition('methods', methods));
  if (paths !== undefined) made.push(listCondition('paths', paths));
  if (conditions !== undefined) {
    for (const [i, condition] of requireStrings('conditions', conditions).entries()) {
      made.push(ownCondition(condition, i, registry));
    }
  }
  if (made.length === 0) throw argumentError('restrictions', `nothing to restrict; there are ${restrictionNames.join(', ')}`);
  return made;
}

/** `name SP argument`, read back by its type. */
function conditionOf(type: CaveatType<unknown>, name: string, argument: string): Uint8Array {
  const condition = encodeUtf8(`${type.name} ${argument}`);
  const parsed = standardRegistry.parse(condition);
  if (!parsed.ok) throw argumentError(name, parsed.message);
  return condition;
}

function endOf(duration: string, nowMs: number): string {
  const durationMs = typeof duration === 'string' ? parseDurationMs(duration) : undefined;
  if (durationMs === undefined) throw argumentError('expiresIn', 'expected a duration such as 90s, 10m, 1h30m, 7d');
  return timeText('expiresIn', nowMs + durationMs);
}

function timeText(name: string, time: number | string): string {
  // `Date.prototype.toISOString` always writes milliseconds; that spelling is welcome here.
  const timeMs = typeof time === 'string' ? parseRfc3339(time.replace(/\.000Z$/, 'Z')) : time;
  if (typeof timeMs === 'number' && isRfc3339Time(timeMs)) return formatRfc3339(timeMs);
  throw argumentError(name, 'expected whole Unix milliseconds, or a UTC time such as 2026-11-21T22:21:00Z');
}

function listCondition(name: keyof typeof listTypes, items: readonly string[]): Uint8Array {
  const type: CaveatType<unknown> = listTypes[name];
  const texts = requireStrings(name, items);
  if (!texts.some((item) => item.includes(','))) {
    const condition = utf8Of(`${type.name} ${texts.join(',')}`);
    // Mostly all items are in their one spelling, and a list of them that was read before is not read again.
    if (condition !== undefined && standardRegistry.parse(condition).ok) return condition;
  }
  return conditionOf(type, name, texts.map((item, i) => itemText(name, item, i)).join(','));
}

/** The one spelling of `item`. */
function itemText(name: keyof typeof listTypes, item: string, index: number): string {
  const type: CaveatType<unknown> = listTypes[name];
  const parsed = item.includes(',') ? undefined : type.parse(item);
  if (parsed?.ok) return type.format(parsed.value);
  const right = name === 'ips' ? canonicalRange(item) : undefined;
  if (right !== undefined) throw argumentError(name, `item ${index} has host bits: write ${right}`);
  throw argumentError(
    name,
    `item ${index}: ${parsed?.message ?? 'a literal comma cannot be written in a caveat: give items one by one'}`,
  );
}

function ownCondition(text: string, index: number, registry: CaveatRegistry): Uint8Array {
  const condition = utf8Of(text);
  const parsed = condition === undefined ? undefined : registry.parse(condition);
  if (parsed?.ok === false && parsed.code !== 'ERR_CAVEAT_UNKNOWN') {
    throw argumentError('conditions', `item ${index}: ${parsed.message}`);
  }
  if (condition === undefined || !(parsed?.ok || conditionPattern.test(text))) {
    throw argumentError('conditions', `item ${index}: a condition is a name, one space, and an argument`);
  }
  return condition;
}

/** `undefined` for a text that UTF-8 cannot hold. */
function utf8Of(text: string): Uint8Array | undefined {
  try {
    return encodeUtf8(text);
  } catch {
    return undefined;
  }
}

function requireStrings(name: string, items: readonly string[]): readonly string[] {
  let isList = Array.isArray(items) && items.length > 0;
  // By index, as the methods of a list pass over its holes.
  for (let i = 0; isList && i < items.length; i++) isList = typeof items[i] === 'string';
  if (!isList) throw argumentError(name, 'expected a list of at least one text');
  return items;
}

function argumentError(argument: string, message: string): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', `${argument}: ${message}`, { argument });
}
