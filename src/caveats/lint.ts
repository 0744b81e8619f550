/** Tells the author of a token which of its caveats are of no use: they change nothing, can never hold, or cannot be read. */
import { InForce, type LimitingFacts } from './in-force.js';
import type { CaveatRegistry, ParsedCaveat } from './registry.js';
import { action } from './types/action.js';
import { timeBefore } from './types/time-before.js';

/** What is remarkable about one caveat. None of it makes a token less safe. */
export interface LintFinding {
  readonly kind:
    | 'no-op' // forbids nothing that was not forbidden already
    | 'contradiction' // with it no request can be allowed any more
    | 'unknown' // a verifier that does not know it denies
    | 'malformed'; // every verifier denies
  /** Position in the list that was given, from 0. */
  readonly caveatIndex: number;
  /** For people; quotes no condition. */
  readonly message: string;
}

/**
 * Findings for `conditions` (text or UTF-8 bytes) in their order, each judged against those before it and, where `facts` are given,
 * against the identifier's expiry and actions.
 */
export function lintConditions(
  registry: CaveatRegistry,
  conditions: readonly (string | Uint8Array)[],
  facts?: LimitingFacts,
): readonly LintFinding[] {
  const findings: LintFinding[] = [];
  const inForce = new InForce(facts);
  for (const [caveatIndex, condition] of conditions.entries()) {
    const parsed = registry.parse(condition);
    if (parsed.ok) {
      const found = lintCaveat(inForce, parsed.caveat, facts !== undefined);
      if (found !== undefined) findings.push({ ...found, caveatIndex });
    } else {
      const kind = parsed.code === 'ERR_CAVEAT_UNKNOWN' ? 'unknown' : 'malformed';
      findings.push({ kind, caveatIndex, message: parsed.message });
    }
  }
  return findings;
}

function lintCaveat(
  inForce: InForce,
  caveat: ParsedCaveat,
  hasFacts: boolean,
): Pick<LintFinding, 'kind' | 'message'> | undefined {
  const { type } = caveat;
  const couldHold = !inForce.canNeverHold;
  const kind = inForce.add(caveat);
  const others = hasFacts && (type === timeBefore || type === action) ? 'the identifier and the caveats' : 'the caveats';
  if (kind === 'contradiction') return { kind, message: `${type.name} allows nothing that ${others} before it allow` };
  if (kind === 'no-op') return { kind, message: `${type.name} forbids nothing that ${others} before it do not forbid already` };
  if (couldHold && inForce.hasNoTimeLeft)
    return { kind: 'contradiction', message: 'time-after leaves no time before time-before' };
  return undefined;
}
