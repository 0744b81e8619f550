/**
 * Clears the conditions of a token whose signature holds. Every doubt is a denial: an unknown name, an argument that cannot be read,
 * a fact that the verifier was not told, and a caveat type that throws or answers anything but `holds: true`.
 */
import { type CaveatErrorCode, type PendingCondition, printable } from '../core/index.js';
import { catchPromise } from './catch-promise.js';
import type { RequestContext } from './caveat-type.js';
import { printCondition } from './print-condition.js';
import type { CaveatRegistry, ConditionResult, ParsedCaveat } from './registry.js';

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

type Verdict =
  | { readonly holds: true; readonly caveat: ParsedCaveat }
  | { readonly holds: false; readonly code: CaveatErrorCode; readonly message: string };

/** Clears `conditions` for `context` and stops at the first that does not hold. Never throws for what a token or a type does. */
export function clearCaveats(
  registry: CaveatRegistry,
  conditions: readonly PendingCondition[],
  context: RequestContext,
): ClearResult {
  const caveats: ParsedCaveat[] = [];
  for (const pending of conditions) {
    const verdict = judge(registry, pending.condition, context);
    if (!verdict.holds) return { ok: false, code: verdict.code, message: verdict.message, ...placeOf(pending) };
    caveats.push(verdict.caveat);
  }
  return { ok: true, caveats };
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

/** How every one of `conditions` fares for `context`; the same verdicts as `clearCaveats`. */
export function checkCaveats(
  registry: CaveatRegistry,
  conditions: readonly PendingCondition[],
  context: RequestContext,
): readonly CheckedCaveat[] {
  return conditions.map((pending) => {
    const verdict = judge(registry, pending.condition, context);
    const common = { ...placeOf(pending), text: printCondition(pending.condition) };
    return verdict.holds ? { ...common, ...verdict, message: describeCaveat(verdict.caveat) } : { ...common, ...verdict };
  });
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

function judge(registry: CaveatRegistry, condition: Uint8Array, context: RequestContext): Verdict {
  const parsed = registry.parse(condition);
  if (!parsed.ok) return { holds: false, code: parsed.code, message: whyUnread(parsed, condition) };
  const { caveat } = parsed;
  const { name } = caveat.type;
  try {
    const result = caveat.type.check(caveat.value, context);
    if (catchPromise(result)) return { holds: false, code: 'ERR_CAVEAT_DENIED', message: `${name}: its check must not be async` };
    if (result.holds === true) return { holds: true, caveat };
    if (result.reason === 'missing-context') {
      const message = `${name}: the verifier was not told the request's ${printable(result.needs)}`;
      return { holds: false, code: 'ERR_CAVEAT_CONTEXT', message };
    }
    const message = `${name}: needs ${printable(result.expected)}, got ${printable(result.actual)}`;
    return { holds: false, code: 'ERR_CAVEAT_DENIED', message };
  } catch {
    return { holds: false, code: 'ERR_CAVEAT_DENIED', message: `${name}: its check failed` };
  }
}

/** The signature held when conditions are cleared, so the name may be told; its grammar admits letters, digits and `-` only. */
function whyUnread(parsed: ConditionResult & { readonly ok: false }, condition: Uint8Array): string {
  if (parsed.code !== 'ERR_CAVEAT_UNKNOWN') return parsed.message;
  return `${parsed.message} ${printCondition(condition).split(' ', 1)[0]}`;
}

function placeOf({ caveatIndex, dischargeIndex }: CaveatPlace): CaveatPlace {
  return dischargeIndex === undefined ? { caveatIndex } : { caveatIndex, dischargeIndex };
}
