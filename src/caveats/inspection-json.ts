/** An inspection as JSON, in the names of the issuer's HTTP API: what `inspect --json` prints and scripts rely on. */
import type { CaveatPlace } from './clear-caveats.js';
import type { EffectiveLimits } from './effective-limits.js';
import type { InspectedCaveat, Inspection } from './inspect.js';
import type { LintFinding } from './lint.js';
import { formatRfc3339, isRfc3339Time } from './rfc3339.js';

interface WirePlace {
  readonly caveat_index: number;
  /** Which discharge holds the caveat; absent for the root macaroon. */
  readonly discharge_index?: number;
}

interface WireInspectedCaveat extends WirePlace {
  readonly condition: string;
  readonly party: 'first' | 'third';
  readonly known: boolean;
  readonly description: string;
}

interface WireFinding extends WirePlace {
  readonly kind: LintFinding['kind'];
  readonly message: string;
}

/** Absent: no limit. An empty list: nothing is allowed any more. */
interface WireEffectiveLimits {
  readonly expires_at?: string;
  readonly not_before?: string;
  readonly actions?: readonly string[];
  readonly ips?: readonly string[];
  readonly methods?: readonly string[];
  readonly paths?: readonly string[];
  readonly others: readonly string[];
  readonly can_hold: boolean;
}

/** The members of the identifier are absent when it cannot be read; `identifier_error` is there then. Times are RFC 3339 in UTC. */
export interface WireInspection {
  readonly verified: false;
  readonly token_id?: string;
  readonly root_key_id?: string;
  readonly generation?: number;
  readonly client?: string;
  readonly audience?: string;
  readonly auth_methods?: readonly string[];
  readonly actions?: readonly string[];
  readonly issued_at?: string;
  readonly expires_at?: string;
  readonly identifier_error?: { readonly code: string; readonly message: string; readonly identifier: string };
  readonly location: string;
  /** First-party conditions of the root macaroon. */
  readonly caveats: readonly string[];
  /** Every caveat of the root macaroon, third-party ones too. */
  readonly caveat_details: readonly WireInspectedCaveat[];
  readonly discharges: readonly {
    readonly identifier: string;
    readonly location: string;
    readonly caveat_details: readonly WireInspectedCaveat[];
  }[];
  readonly effective: WireEffectiveLimits;
  readonly findings: readonly WireFinding[];
  readonly text_length: number;
  readonly warnings: readonly string[];
}

/** `inspection` in the names of the HTTP API. */
export function inspectToWire(inspection: Inspection): WireInspection {
  const { caveats, discharges, findings } = inspection;
  return {
    verified: false,
    ...identifierToWire(inspection),
    location: inspection.location,
    caveats: caveats.filter(({ party }) => party === 'first').map(({ condition }) => condition),
    caveat_details: caveats.map(caveatToWire),
    discharges: discharges.map(({ identifier, location, caveats: held }) => ({
      identifier,
      location,
      caveat_details: held.map(caveatToWire),
    })),
    effective: limitsToWire(inspection.effective),
    findings: findings.map(({ kind, message, ...place }) => ({ kind, message, ...placeToWire(place) })),
    text_length: inspection.textLength,
    warnings: inspection.warnings,
  };
}

function identifierToWire({ identifier }: Inspection): Partial<WireInspection> {
  if (!identifier.readable) {
    const { code, message, bytes } = identifier;
    return { identifier_error: { code, message, identifier: bytes } };
  }
  const { facts } = identifier;
  return {
    token_id: facts.tokenId,
    root_key_id: facts.rootKeyId,
    generation: facts.generation,
    client: facts.client,
    audience: facts.audience,
    auth_methods: facts.authMethods,
    actions: facts.actions,
    issued_at: timeText(facts.issuedAtMs),
    expires_at: timeText(facts.expiresAtMs),
  };
}

function caveatToWire({ condition, party, known, description, ...place }: InspectedCaveat): WireInspectedCaveat {
  return { condition, party, known, description, ...placeToWire(place) };
}

function placeToWire({ caveatIndex, dischargeIndex }: CaveatPlace): WirePlace {
  return { caveat_index: caveatIndex, ...(dischargeIndex === undefined ? {} : { discharge_index: dischargeIndex }) };
}

function limitsToWire(limits: EffectiveLimits): WireEffectiveLimits {
  const { expiresAtMs, notBeforeMs, actions, ips, methods, paths } = limits;
  return {
    ...(expiresAtMs === undefined ? {} : { expires_at: timeText(expiresAtMs) }),
    ...(notBeforeMs === undefined ? {} : { not_before: timeText(notBeforeMs) }),
    ...(actions === undefined ? {} : { actions }),
    ...(ips === undefined ? {} : { ips }),
    ...(methods === undefined ? {} : { methods }),
    ...(paths === undefined ? {} : { paths }),
    others: limits.others,
    can_hold: limits.canHold,
  };
}

/** A forged identifier can hold a time that RFC 3339 has no spelling for; it is shown all the same, in ISO 8601's longer form. */
function timeText(timeMs: number): string {
  return isRfc3339Time(timeMs) ? formatRfc3339(timeMs) : new Date(timeMs).toISOString();
}
