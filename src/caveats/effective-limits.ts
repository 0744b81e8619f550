/** What a token allows once its identifier and all its caveats are taken together. */
import { printable } from '../core/index.js';
import { type CaveatType, formatCondition } from './caveat-type.js';
import type { HeldType, LimitingFacts } from './in-force.js';
import { InForce } from './in-force.js';
import { formatRange } from './ip-address.js';
import type { ParsedCaveat } from './registry.js';
import { action } from './types/action.js';
import { ip } from './types/ip.js';
import { method } from './types/method.js';
import { path } from './types/path.js';
import { timeAfter } from './types/time-after.js';
import { timeBefore } from './types/time-before.js';

/** `undefined` means no limit; an empty list means that nothing is allowed any more. */
export interface EffectiveLimits {
  /** The earliest of the identifier's expiry and every `time-before`, Unix milliseconds. */
  readonly expiresAtMs: number | undefined;
  /** The latest `time-after`, Unix milliseconds. */
  readonly notBeforeMs: number | undefined;
  readonly actions: readonly string[] | undefined;
  /** Ranges such as `10.0.0.0/8`. */
  readonly ips: readonly string[] | undefined;
  readonly methods: readonly string[] | undefined;
  readonly paths: readonly string[] | undefined;
  /** What all other caveat types demand, those of a service itself too, as conditions that must all hold. */
  readonly others: readonly string[];
  /** `false` when the caveats exclude each other, so that no request can be allowed. */
  readonly canHold: boolean;
}

const limitTypes: readonly CaveatType<unknown>[] = [timeBefore, timeAfter, action, ip, method, path];

/** The limits of `caveats`, together with those of the identifier where `facts` are given. */
export function effectiveLimits(facts: LimitingFacts | undefined, caveats: readonly ParsedCaveat[]): EffectiveLimits {
  const inForce = new InForce(facts);
  for (const caveat of caveats) inForce.add(caveat);
  return {
    expiresAtMs: inForce.value(timeBefore),
    notBeforeMs: inForce.value(timeAfter),
    actions: inForce.value(action, []),
    ips: inForce.value(ip, [])?.map(formatRange),
    methods: inForce.value(method, []),
    paths: inForce.value(path, []),
    others: inForce.othersThan(limitTypes).flatMap(conditionsOf),
    canHold: !inForce.canNeverHold,
  };
}

function conditionsOf({ type, values }: HeldType): readonly string[] {
  return values.map((value) => {
    try {
      return printable(formatCondition(type, value));
    } catch {
      return type.name;
    }
  });
}
