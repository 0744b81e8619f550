/** What a run of caveats allows together, type by type: the one place where `narrows` is folded, for effective limits and for the linter. */
import type { IdentifierFacts } from '../core/index.js';
import { catchPromise } from './catch-promise.js';
import type { CaveatType, Narrowing } from './caveat-type.js';
import type { ParsedCaveat } from './registry.js';
import { action } from './types/action.js';
import { timeAfter } from './types/time-after.js';
import { timeBefore } from './types/time-before.js';

/** What an identifier limits by itself. */
export type LimitingFacts = Pick<IdentifierFacts, 'expiresAtMs' | 'actions'>;

/** What the caveats of one type allow together. */
export interface HeldType {
  readonly type: CaveatType<unknown>;
  /** All of these must hold: one value, and more only where they exclude each other or the type failed to fold them. */
  readonly values: readonly unknown[];
  /** Two of them exclude each other, so nothing is allowed any more. */
  readonly isContradiction: boolean;
}

/** A fold over caveats in their order. */
export class InForce {
  readonly #byType = new Map<CaveatType<unknown>, HeldType>();

  /** Starts from the expiry and the actions of an identifier, where there is one. */
  constructor(facts?: LimitingFacts) {
    if (facts === undefined) return;
    this.#hold(timeBefore, [facts.expiresAtMs], false);
    this.#hold(action, [facts.actions], false);
  }

  /** Adds `caveat` and tells what it does to those of its type so far. A first one, and one whose type fails to tell, narrows. */
  add({ type, value }: ParsedCaveat): Narrowing<unknown>['kind'] {
    const held = this.#byType.get(type);
    if (held === undefined) {
      this.#hold(type, [value], false);
      return 'narrower';
    }
    const { values, isContradiction } = held;
    const narrowing = narrow(type, values[values.length - 1], value);
    if (narrowing?.kind === 'no-op') return 'no-op';
    if (narrowing?.kind === 'narrower') {
      this.#hold(type, [...values.slice(0, -1), narrowing.value], isContradiction);
      return 'narrower';
    }
    this.#hold(type, [...values, value], isContradiction || narrowing !== undefined);
    return narrowing?.kind ?? 'narrower';
  }

  /** What the caveats of `type` allow, `undefined` where there is none; `ifNothing` where they exclude each other. */
  value<Value>(type: CaveatType<Value>, ifNothing?: Value): Value | undefined {
    const held = this.#byType.get(type);
    if (held?.isContradiction && ifNothing !== undefined) return ifNothing;
    return held?.values[held.values.length - 1] as Value | undefined;
  }

  /** Whether no request can be allowed any more. */
  get canNeverHold(): boolean {
    return this.hasNoTimeLeft || [...this.#byType.values()].some((held) => held.isContradiction);
  }

  /** Whether `time-after` and `time-before` leave no time between them. */
  get hasNoTimeLeft(): boolean {
    const before = this.value(timeBefore);
    const after = this.value(timeAfter);
    return before !== undefined && after !== undefined && after >= before;
  }

  /** The types other than `types`, in the order in which they came. */
  othersThan(types: readonly CaveatType<unknown>[]): readonly HeldType[] {
    return [...this.#byType.values()].filter((held) => !types.includes(held.type));
  }

  #hold(type: CaveatType<unknown>, values: readonly unknown[], isContradiction: boolean): void {
    this.#byType.set(type, { type, values, isContradiction });
  }
}

/** What the type says, or `undefined` when it throws or says something else than it promised. */
function narrow(type: CaveatType<unknown>, inForce: unknown, added: unknown): Narrowing<unknown> | undefined {
  try {
    const narrowing = type.narrows(inForce, added);
    if (catchPromise(narrowing)) return undefined;
    return ['narrower', 'no-op', 'contradiction'].includes(narrowing.kind) ? narrowing : undefined;
  } catch {
    return undefined;
  }
}
