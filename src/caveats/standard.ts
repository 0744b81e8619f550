/** The caveat types that every verifier of this project knows. A service adds its own: `createCaveatRegistry([...standardCaveats, mine])`. */
import type { CaveatType } from './caveat-type.js';
import { type CaveatRegistry, createCaveatRegistry } from './registry.js';
import { action } from './types/action.js';
import { cnf } from './types/cnf.js';
import { ip } from './types/ip.js';
import { method } from './types/method.js';
import { path } from './types/path.js';
import { request } from './types/request.js';
import { requestRequired } from './types/request-required.js';
import { timeAfter } from './types/time-after.js';
import { timeBefore } from './types/time-before.js';

/** `time-before`, `time-after`, `action`, `ip`, `method`, `path`, `cnf`, `request-required`, `request`. */
export const standardCaveats: readonly CaveatType<unknown>[] = Object.freeze([
  timeBefore,
  timeAfter,
  action,
  ip,
  method,
  path,
  cnf,
  requestRequired,
  request,
]);

const standardTypes: ReadonlySet<unknown> = new Set(standardCaveats);

/** Whether `type` is one of `standardCaveats`, not another of its name. */
export function isStandardType(type: CaveatType<unknown>): boolean {
  return standardTypes.has(type);
}

/** A registry of `standardCaveats` alone. */
export const standardRegistry: CaveatRegistry = createCaveatRegistry(standardCaveats);
