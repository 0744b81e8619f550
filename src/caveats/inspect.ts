/**
 * What a token says, read without any key. Nothing of it is verified: anyone could have written it, so no part may be taken as a
 * decision. For people and for `inspect` of the command line.
 */
import {
  type Caveat,
  decodeIdentifier,
  encodeBase64url,
  type FormatErrorCode,
  type IdentifierFacts,
  importToken,
  limits,
  type Macaroon,
  MacaroonError,
  printable,
  type UnverifiedMacaroon,
} from '../core/index.js';
import type { CaveatType } from './caveat-type.js';
import { type CaveatPlace, describeCaveat } from './clear-caveats.js';
import { type EffectiveLimits, effectiveLimits } from './effective-limits.js';
import { type LintFinding, lintConditions } from './lint.js';
import { printCondition } from './print-condition.js';
import type { CaveatRegistry, ParsedCaveat } from './registry.js';
import { standardRegistry } from './standard.js';
import { request } from './types/request.js';
import { requestRequired } from './types/request-required.js';

/** One caveat of a token that nobody verified. */
export interface InspectedCaveat extends CaveatPlace {
  /** `first`: the verifier clears it. `third`: a discharge must come from elsewhere. */
  readonly party: 'first' | 'third';
  /** The condition, printable; of a third-party caveat its identifier, base64url. */
  readonly condition: string;
  /** Whether the registry knows its name and can read it. */
  readonly known: boolean;
  /** In words; for an unknown one, why it is not known. */
  readonly description: string;
}

/** What the identifier states, or why it cannot be read. */
export type InspectedIdentifier =
  | { readonly readable: true; readonly facts: IdentifierFacts }
  | {
      readonly readable: false;
      readonly code: FormatErrorCode;
      readonly message: string;
      /** Its bytes, base64url. */
      readonly bytes: string;
    };

/** A discharge that came with the token. */
export interface InspectedDischarge {
  /** Its bytes, base64url. */
  readonly identifier: string;
  /** Unauthenticated hint, printable. */
  readonly location: string;
  readonly caveats: readonly InspectedCaveat[];
}

/** A finding of the linter and the place of its caveat in the token. */
export type InspectedFinding = CaveatPlace & Pick<LintFinding, 'kind' | 'message'>;

export interface Inspection {
  readonly verified: false;
  readonly identifier: InspectedIdentifier;
  /** Unauthenticated hint of the root macaroon, printable. */
  readonly location: string;
  /** Caveats of the root macaroon. */
  readonly caveats: readonly InspectedCaveat[];
  readonly discharges: readonly InspectedDischarge[];
  /** Of the identifier and all first-party caveats, those of the discharges too. */
  readonly effective: EffectiveLimits;
  readonly findings: readonly InspectedFinding[];
  /** Characters of the text that was inspected. */
  readonly textLength: number;
  /** What a person should know before using the token. */
  readonly warnings: readonly string[];
}

export interface InspectOptions {
  /** Unix milliseconds; only the warnings depend on it. */
  readonly nowMs: number;
  /** The caveat types that are known; `standardRegistry` when absent. */
  readonly registry?: CaveatRegistry | undefined;
}

/**
 * What `text` says: a token in its text form, bare, or in a foreign form that `importToken` reads.
 * Throws `ERR_FORMAT_*` and `ERR_LIMIT_*` when it is no token at all, `ERR_ARGUMENT` for what is no text and for a time that is none.
 */
export function inspect(text: string, options: InspectOptions): Inspection {
  if (!Number.isFinite(options?.nowMs)) {
    throw new MacaroonError('ERR_ARGUMENT', 'nowMs must be Unix milliseconds', { argument: 'nowMs' });
  }
  const registry = options.registry ?? standardRegistry;
  const token = importToken(text);
  const identifier = readIdentifier(token.root.identifier);
  const facts = identifier.readable ? identifier.facts : undefined;
  const conditions = conditionsOf(token);
  const parsed: ParsedCaveat[] = [];
  const misplaced: InspectedFinding[] = [];
  for (const { condition, place, isLast } of conditions) {
    const result = registry.parse(condition);
    if (!result.ok) continue;
    parsed.push(result.caveat);
    const message = placeFault(result.caveat.type, place, isLast);
    if (message !== undefined) misplaced.push({ ...place, kind: 'contradiction', message });
  }
  const allowed = effectiveLimits(facts, parsed);
  const effective = { ...allowed, canHold: allowed.canHold && misplaced.length === 0 };
  return {
    verified: false,
    identifier,
    location: printable(token.root.location),
    caveats: inspectCaveats(registry, token.root),
    discharges: token.discharges.map((discharge, dischargeIndex) => ({
      identifier: encodeBase64url(discharge.identifier),
      location: printable(discharge.location),
      caveats: inspectCaveats(registry, discharge, dischargeIndex),
    })),
    effective,
    findings: [...findingsOf(registry, conditions, facts), ...misplaced],
    textLength: text.length,
    warnings: warningsOf(token, text.length, effective, facts, options.nowMs),
  };
}

function readIdentifier(bytes: Uint8Array): InspectedIdentifier {
  try {
    return { readable: true, facts: decodeIdentifier(bytes) };
  } catch (cause) {
    if (!(cause instanceof MacaroonError)) throw cause;
    return { readable: false, code: 'ERR_FORMAT_IDENTIFIER', message: cause.message, bytes: encodeBase64url(bytes) };
  }
}

interface PlacedCondition {
  readonly condition: Uint8Array;
  readonly place: CaveatPlace;
  /** Whether nothing comes after it in its macaroon. */
  readonly isLast: boolean;
}

/** Every first-party condition, root macaroon first. */
function conditionsOf(token: UnverifiedMacaroon): readonly PlacedCondition[] {
  const read = (caveats: readonly Caveat[], dischargeIndex?: number) =>
    caveats.flatMap((caveat, caveatIndex) =>
      caveat.kind === 'first-party'
        ? [
            {
              condition: caveat.condition,
              place: placeOf(caveatIndex, dischargeIndex),
              isLast: caveatIndex === caveats.length - 1,
            },
          ]
        : [],
    );
  return [...read(token.root.caveats), ...token.discharges.flatMap((discharge, i) => read(discharge.caveats, i))];
}

/** Why no request can be allowed by a caveat of `type` at `place`. */
function placeFault(type: CaveatType<unknown>, { dischargeIndex }: CaveatPlace, isLast: boolean): string | undefined {
  if (dischargeIndex !== undefined && (type === request || type === requestRequired)) {
    return `${type.name} has no place in a discharge: every verifier denies it there`;
  }
  return type === request && !isLast ? 'request must be the last caveat of its token: what comes after it denies' : undefined;
}

function placeOf(caveatIndex: number, dischargeIndex: number | undefined): CaveatPlace {
  return dischargeIndex === undefined ? { caveatIndex } : { caveatIndex, dischargeIndex };
}

function inspectCaveats(registry: CaveatRegistry, macaroon: Macaroon, dischargeIndex?: number): readonly InspectedCaveat[] {
  return macaroon.caveats.map((caveat, caveatIndex) => {
    const place = placeOf(caveatIndex, dischargeIndex);
    if (caveat.kind === 'third-party') {
      const where = caveat.location === '' ? '' : `, said to be at ${printable(caveat.location)}`;
      const description = `needs a discharge of a third party${where}`;
      return { ...place, party: 'third', condition: encodeBase64url(caveat.identifier), known: true, description };
    }
    const parsed = registry.parse(caveat.condition);
    const description = parsed.ok ? describeCaveat(parsed.caveat) : parsed.message;
    return { ...place, party: 'first', condition: printCondition(caveat.condition), known: parsed.ok, description };
  });
}

function findingsOf(
  registry: CaveatRegistry,
  conditions: readonly PlacedCondition[],
  facts: IdentifierFacts | undefined,
): readonly InspectedFinding[] {
  const findings = lintConditions(
    registry,
    conditions.map(({ condition }) => condition),
    facts,
  );
  return findings.map(({ kind, message, caveatIndex }) => ({
    ...(conditions[caveatIndex]?.place ?? { caveatIndex }),
    kind,
    message,
  }));
}

function warningsOf(
  token: UnverifiedMacaroon,
  textLength: number,
  effective: EffectiveLimits,
  facts: IdentifierFacts | undefined,
  nowMs: number,
): readonly string[] {
  const warnings: string[] = [];
  if (facts === undefined)
    warnings.push('the identifier is not one of this issuer: no verifier of this project accepts the token');
  if (effective.expiresAtMs !== undefined && effective.expiresAtMs <= nowMs) warnings.push('the token has expired');
  const startsAtMs = Math.max(effective.notBeforeMs ?? nowMs, facts?.issuedAtMs ?? nowMs);
  if (startsAtMs > nowMs) warnings.push('the token does not hold yet');
  if (!effective.canHold) warnings.push('the caveats exclude each other: no request can be allowed');
  const dischargesNeeded = [token.root, ...token.discharges].flatMap(({ caveats }) =>
    caveats.filter(({ kind }) => kind === 'third-party'),
  ).length;
  if (dischargesNeeded !== token.discharges.length) {
    warnings.push(`third-party caveats: ${dischargesNeeded}; discharges that came with the token: ${token.discharges.length}`);
  }
  if (textLength > limits.maxTextLength) {
    warnings.push(`the text is longer than ${limits.maxTextLength} characters: verifiers refuse it`);
  } else if (textLength >= limits.warnTextLength) {
    warnings.push(`the text is longer than ${limits.warnTextLength} characters: proxies may refuse a header of that size`);
  }
  return warnings;
}
