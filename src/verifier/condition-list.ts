/**
 * The conditions of a token as one list, with all that they come to together, whoever presents them. Most tokens of a service have the same conditions in the
 * same order, so the last list of each length is kept: a token that has the same ones shares it, and what was found of it is not found again. Whether a
 * condition holds is asked of its type each time.
 */
import type { ConditionReader, ReadCondition } from '../caveats/clear-caveats.js';
import { isStandardType } from '../caveats/standard.js';
import { action } from '../caveats/types/action.js';
import { timeBefore } from '../caveats/types/time-before.js';
import type { FlatToken } from '../core/index.js';
import { type Binding, bindingOf } from './binding.js';

const noActions: readonly string[] = Object.freeze([]);

export class ConditionList {
  /** First-party conditions, read but still to be cleared, root macaroon first. */
  readonly conditions: readonly ReadCondition[];
  /** As they are written. */
  readonly texts: readonly string[];
  /** What they ask of the request beyond the usual; absent where that is nothing. */
  readonly binding: Binding | undefined;
  /** Whether all are of types of this project, which change nothing of what they are shown. */
  readonly isStandard: boolean;
  /** The earliest `time-before`; infinite where there is none. */
  readonly expiresAtMs: number;
  #actionsBefore: readonly string[] = noActions;
  #actions: readonly string[] = noActions;

  constructor(conditions: readonly ReadCondition[]) {
    // Filled in, as a list that grows has room for several times as many.
    const texts = new Array<string>(conditions.length);
    let isStandard = true;
    let expiresAtMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < conditions.length; i++) {
      const { reading } = conditions[i] as ReadCondition;
      texts[i] = reading.text;
      if ('code' in reading) continue;
      isStandard &&= isOfThisProject(conditions[i] as ReadCondition);
      if (reading.type === timeBefore) expiresAtMs = Math.min(expiresAtMs, reading.value as number);
    }
    this.conditions = conditions;
    this.texts = Object.freeze(texts);
    this.binding = bindingOf(conditions);
    this.isStandard = isStandard;
    this.expiresAtMs = expiresAtMs;
  }

  /** What is left of `actions` when all conditions hold. The last answer is kept. */
  actionsOf(actions: readonly string[]): readonly string[] {
    if (actions === this.#actionsBefore) return this.#actions;
    let inForce = actions;
    for (let i = 0; i < this.conditions.length; i++) {
      const { reading } = this.conditions[i] as ReadCondition;
      if ('type' in reading && reading.type === action) inForce = narrowedActions(inForce, reading.value as readonly string[]);
    }
    this.#actionsBefore = actions;
    this.#actions = inForce;
    return inForce;
  }
}

const noConditions = new ConditionList([]);

/** Reads the conditions of plain tokens into lists. */
export class ConditionLists {
  readonly #reader: ConditionReader;
  /** By twice their length, one more for those of sealed tokens. */
  readonly #last: ConditionList[] = [];

  constructor(reader: ConditionReader) {
    this.#reader = reader;
  }

  /** Those of the first `count` caveats of `flat`, which is plain, and sealed where it `isSealed`; the first of them are `known` where that is told. */
  read(flat: FlatToken, count: number, isSealed: boolean, known: ConditionList = noConditions): ConditionList {
    if (known.conditions.length === count) return known;
    const at = count * 2 + (isSealed ? 1 : 0);
    const last = this.#last[at] ?? noConditions;
    for (let i = 0; i < count; i++) {
      const condition = this.#read(flat, i, isSealed, known);
      if (last.conditions[i] === condition) continue;
      const conditions = new Array<ReadCondition>(count);
      for (let same = 0; same < i; same++) conditions[same] = last.conditions[same] as ReadCondition;
      conditions[i] = condition;
      for (let next = i + 1; next < count; next++) conditions[next] = this.#read(flat, next, isSealed, known);
      const list = new ConditionList(conditions);
      this.#last[at] = list;
      return list;
    }
    return last;
  }

  #read({ bytes, starts, ends, caveatCount }: FlatToken, i: number, isSealed: boolean, known: ConditionList): ReadCondition {
    const condition = known.conditions[i];
    if (condition !== undefined) return condition;
    return this.#reader.read(bytes, starts[i] as number, ends[i] as number, i, i === caveatCount - 1, isSealed);
  }
}

/** Whether the type of `condition`, if it could be read, is one of this project. */
export function isOfThisProject({ reading }: ReadCondition): boolean {
  return 'code' in reading || isStandardType(reading.type);
}

interface NarrowedActions {
  readonly inForce: readonly string[];
  readonly narrowed: readonly string[];
}

/** What the actions of a caveat, which are one list for all tokens that have it, last made of those before it. */
const narrowings = new WeakMap<readonly string[], NarrowedActions>();

function narrowedActions(inForce: readonly string[], added: readonly string[]): readonly string[] {
  const known = narrowings.get(added);
  if (known?.inForce === inForce) return known.narrowed;
  const narrowing = action.narrows(inForce, added);
  const narrowed =
    narrowing.kind === 'narrower' ? Object.freeze(narrowing.value) : narrowing.kind === 'no-op' ? inForce : noActions;
  narrowings.set(added, { inForce, narrowed });
  return narrowed;
}
