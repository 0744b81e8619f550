/**
 * Clears the conditions of a token whose signature holds. Every doubt is a denial: an unknown name, an argument that cannot be read,
 * a fact that the verifier was not told, and a caveat type that throws or answers anything but `holds: true`.
 */
import { type CaveatErrorCode, type PendingCondition, printable, RecentReadings } from '../core/index.js';
import { catchPromise } from './catch-promise.js';
import { type CaveatSetting, type CheckResult, holds, type RequestContext } from './caveat-type.js';
import { printCondition } from './print-condition.js';
import type { CaveatRegistry, ConditionResult, ParsedCaveat } from './registry.js';
import { isStandardType } from './standard.js';
import { readSeal, request, type SealReading } from './types/request.js';

/** Where a caveat stands in its token. */
export interface CaveatPlace {
  /** Position in its macaroon, from 0. */
  readonly caveatIndex: number;
  /** Which discharge holds it; absent for the root macaroon. */
  readonly dischargeIndex?: number;
}

/** How one caveat fared, for people. */
export type CheckedCaveat = CaveatPlace & {
  /** The condition, printable. */
  readonly text: string;
  /** What it demands, or why it is denied. */
  readonly message: string;
} & ({ readonly holds: true; readonly caveat: ParsedCaveat } | { readonly holds: false; readonly code: CaveatErrorCode });

export type ClearResult =
  /** Every condition holds; `caveats` are in the order of `conditions`. */
  | { readonly ok: true; readonly caveats: readonly ParsedCaveat[] }
  /** The first that does not. */
  | (CaveatPlace & { readonly ok: false; readonly code: CaveatErrorCode; readonly message: string });

interface CaveatFault {
  readonly code: CaveatErrorCode;
  readonly message: string;
}

/** A condition that could not be read: why, and the condition, printable. */
type UnreadCondition = CaveatFault & { readonly text: string };

/** A condition that was read, to be checked for one request after another. Holds no bytes of the token. */
export interface ReadCondition extends CaveatSetting {
  readonly caveatIndex: number;
  readonly reading: ParsedCaveat | UnreadCondition;
  /** What its type is shown in place of the list that `reading` holds; absent where that is no list, or of a type of a service's own. */
  readonly list?: readonly unknown[] | undefined;
}

/** Clears `conditions` for `context` and stops at the first that does not hold. Never throws for what a token or a type does. */
export function clearCaveats(
  registry: CaveatRegistry,
  conditions: readonly PendingCondition[],
  context: RequestContext,
): ClearResult {
  return clearConditions(readConditions(registry, conditions), context);
}

/** How every one of `conditions` fares for `context`; the same verdicts as `clearCaveats`. */
export function checkCaveats(
  registry: CaveatRegistry,
  conditions: readonly PendingCondition[],
  context: RequestContext,
): readonly CheckedCaveat[] {
  return checkConditions(readConditions(registry, conditions), context);
}

/** `conditions` as `registry` reads them. */
export function readConditions(registry: CaveatRegistry, conditions: readonly PendingCondition[]): readonly ReadCondition[] {
  const read = conditions.map(({ condition, caveatIndex, dischargeIndex, isLast = false }) => {
    const reading = readingOf(registry, condition);
    return { caveatIndex, dischargeIndex, isLast, isSealed: false, reading, list: listOf(reading) };
  });
  if (read.some((one) => one.isLast && one.dischargeIndex === undefined && isSeal(one.reading))) {
    for (const one of read) one.isSealed = true;
  }
  return read;
}

function readingOf(registry: CaveatRegistry, condition: Uint8Array): ReadCondition['reading'] {
  const parsed = registry.parse(condition);
  return parsed.ok ? parsed.caveat : unread(parsed, condition);
}

/**
 * A copy of the list that `reading` holds, for a type of this project, which shows it to nobody. The list itself is frozen, as readings are kept and shared, and
 * the engine takes several times as long to look something up in a frozen one.
 */
function listOf(reading: ReadCondition['reading']): readonly unknown[] | undefined {
  return 'type' in reading && Array.isArray(reading.value) && isStandardType(reading.type) ? [...reading.value] : undefined;
}

interface KnownCondition extends Pick<ReadCondition, 'reading' | 'list'> {
  /** By four times the place, two more where it is the last, and one where the token is sealed. */
  readonly places: Map<number, ReadCondition>;
}

/** Reads conditions where they stand in the bytes of a token; what comes again is not read again, nor allocated. */
export class ConditionReader {
  readonly registry: CaveatRegistry;
  /** Whether what is called as a seal is read as one. */
  readonly knowsSeals: boolean;
  readonly #known = new RecentReadings<KnownCondition>();

  constructor(registry: CaveatRegistry) {
    this.registry = registry;
    this.knowsSeals = registry.get(request.name) === request;
  }

  /** The condition in `bytes` from `start` to `end`, at `caveatIndex` of a root macaroon that ends in a `request` caveat where it `isSealed`. */
  read(bytes: Uint8Array, start: number, end: number, caveatIndex: number, isLast: boolean, isSealed: boolean): ReadCondition {
    const known = this.#known.get(bytes, start, end) ?? this.#readAnew(bytes, start, end);
    const place = caveatIndex * 4 + (isLast ? 2 : 0) + (isSealed ? 1 : 0);
    const placed = known.places.get(place);
    if (placed !== undefined) return placed;
    const { reading, list } = known;
    const condition = Object.freeze({ caveatIndex, dischargeIndex: undefined, isLast, isSealed, reading, list });
    known.places.set(place, condition);
    return condition;
  }

  /** As `read`, for a caveat of the discharge at `dischargeIndex`. */
  readDischarged(
    bytes: Uint8Array,
    start: number,
    end: number,
    caveatIndex: number,
    dischargeIndex: number,
    isLast: boolean,
    isSealed: boolean,
  ): ReadCondition {
    const { reading, list } = this.#known.get(bytes, start, end) ?? this.#readAnew(bytes, start, end);
    // Not kept by place: there are many times as many places as in a root macaroon.
    return { caveatIndex, dischargeIndex, isLast, isSealed, reading, list };
  }

  /** The condition in `bytes` from `start` to `end`, the last of its token, which is called as a seal is; whether it is one, `isSealed` tells. */
  readSeal(bytes: Uint8Array, view: DataView, start: number, end: number, caveatIndex: number): ReadCondition {
    const seal = this.knowsSeals ? readSeal(bytes, view, start, end, start + request.name.length + 1) : undefined;
    // What is no seal, the registry tells why. A view, as it is not kept: a copy of its length would have memory of its own.
    const reading = seal ?? readingOf(this.registry, bytes.subarray(start, end));
    return { caveatIndex, dischargeIndex: undefined, isLast: true, isSealed: isSeal(reading), reading, list: undefined };
  }

  #readAnew(bytes: Uint8Array, start: number, end: number): KnownCondition {
    const condition = bytes.slice(start, end);
    const reading = readingOf(this.registry, condition);
    const known: KnownCondition = { reading, list: listOf(reading), places: new Map() };
    if ('type' in reading && reading.type !== request) this.#known.keep(condition, known);
    return known;
  }
}

/** `seal` as the condition at `caveatIndex`, the last of its token. */
export function sealedBy(seal: SealReading, caveatIndex: number): ReadCondition {
  return { caveatIndex, dischargeIndex: undefined, isLast: true, isSealed: true, reading: seal, list: undefined };
}

function isSeal(reading: ReadCondition['reading']): boolean {
  return 'type' in reading && reading.type === request;
}

/** `clearCaveats` of conditions that were read before. */
function clearConditions(conditions: readonly ReadCondition[], context: RequestContext): ClearResult {
  const caveats: ParsedCaveat[] = [];
  for (const condition of conditions) {
    const fault = faultOfCondition(condition, context);
    if (fault !== undefined) return fault;
    // What holds could be read.
    caveats.push(condition.reading as ParsedCaveat);
  }
  return { ok: true, caveats };
}

/** Why `condition` alone does not hold; `undefined` when it does. */
export function faultOfCondition(
  condition: ReadCondition,
  context: RequestContext,
): (ClearResult & { readonly ok: false }) | undefined {
  const fault = judge(condition, context);
  return fault && { ok: false, code: fault.code, message: fault.message, ...placeOf(condition) };
}

/** `checkCaveats` of conditions that were read before. */
export function checkConditions(conditions: readonly ReadCondition[], context: RequestContext): readonly CheckedCaveat[] {
  return conditions.map((condition) => {
    const fault = judge(condition, context);
    const place = placeOf(condition);
    // What is spread stands last: V8 takes a hundred times as long to add members after a spread.
    if (fault !== undefined) {
      return { text: printable(condition.reading.text), holds: false, code: fault.code, message: fault.message, ...place };
    }
    // What holds could be read.
    const caveat = condition.reading as ParsedCaveat;
    const { text, message } = wordsOf(caveat);
    return { text, holds: true, caveat, message, ...place };
  });
}

/** A caveat for people. */
interface Words {
  readonly text: string;
  readonly message: string;
}

/** Found once while a reading is kept: most caveats come again and again. */
const words = new WeakMap<ParsedCaveat, Words>();

function wordsOf(caveat: ParsedCaveat): Words {
  const known = words.get(caveat);
  if (known !== undefined) return known;
  const found = { text: printable(caveat.text), message: describeCaveat(caveat) };
  words.set(caveat, found);
  return found;
}

/** What `clearCaveats` answers when the caveats fare as `checked`, in their order. */
export function clearedBy(checked: readonly CheckedCaveat[]): ClearResult {
  const caveats: ParsedCaveat[] = [];
  for (const one of checked) {
    if (!one.holds) return { ok: false, code: one.code, message: one.message, ...placeOf(one) };
    caveats.push(one.caveat);
  }
  return { ok: true, caveats };
}

/** `caveat` in the words of its type; its text when the type fails at that. */
export function describeCaveat(caveat: ParsedCaveat): string {
  try {
    const description = caveat.type.describe(caveat.value);
    if (!catchPromise(description)) return printable(description);
  } catch {
    // The condition says it too.
  }
  return printable(caveat.text);
}

/** Why `condition` does not hold for `context`; `undefined` when it does. */
function judge(condition: ReadCondition, context: RequestContext): CaveatFault | undefined {
  const { reading, list } = condition;
  if ('code' in reading) return reading;
  try {
    const result = reading.type.check(list ?? reading.value, context, condition);
    return result === holds ? undefined : faultIn(result, reading.type.name);
  } catch {
    return { code: 'ERR_CAVEAT_DENIED', message: `${reading.type.name}: its check failed` };
  }
}

/** Why the type called `name` denies with `result`; `undefined` when it does not. */
function faultIn(result: CheckResult, name: string): CaveatFault | undefined {
  if (catchPromise(result)) return { code: 'ERR_CAVEAT_DENIED', message: `${name}: its check must not be async` };
  if (result.holds === true) return undefined;
  if (result.reason === 'missing-context') {
    const message = `${name}: the verifier was not told the request's ${printable(result.needs)}`;
    return { code: 'ERR_CAVEAT_CONTEXT', message };
  }
  const message = `${name}: needs ${printable(result.expected)}, got ${printable(result.actual)}`;
  return { code: result.reason === 'stale' ? 'ERR_REQUEST_STALE' : 'ERR_CAVEAT_DENIED', message };
}

/** The signature held when conditions are read, so the name may be told; its grammar admits letters, digits and `-` only. */
function unread({ code, message }: ConditionResult & { readonly ok: false }, condition: Uint8Array): UnreadCondition {
  const text = printCondition(condition);
  return { code, message: code === 'ERR_CAVEAT_UNKNOWN' ? `${message} ${text.split(' ', 1)[0]}` : message, text };
}

function placeOf({ caveatIndex, dischargeIndex }: Pick<ReadCondition, 'caveatIndex' | 'dischargeIndex'>): CaveatPlace {
  return dischargeIndex === undefined ? { caveatIndex } : { caveatIndex, dischargeIndex };
}
