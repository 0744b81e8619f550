/** What a token asks of the request that brings it: that it is sealed to it, that a certificate was shown, that a key signed it. Bearer tokens ask nothing. */
import { type ReadCondition, readConditions } from '../caveats/clear-caveats.js';
import { standardRegistry } from '../caveats/standard.js';
import { type Confirmation, cnf } from '../caveats/types/cnf.js';
import { request, type Seal } from '../caveats/types/request.js';
import { requestRequired } from '../caveats/types/request-required.js';
import type { UnverifiedMacaroon } from '../core/index.js';

export interface Binding {
  /** Whether a caveat looks at the request as a whole. */
  readonly asksRequest: boolean;
  /** Whether a caveat names the certificate that the peer must show. */
  readonly asksCertificate: boolean;
  /** Thumbprints of the keys that caveats name; whoever signs must be all of them, so of two that differ none will do. */
  readonly keys: readonly string[];
  /** The seal at the end of the root macaroon. */
  readonly seal: Seal | undefined;
  /** Its place there. */
  readonly sealIndex: number | undefined;
}

const noKeys: readonly string[] = Object.freeze([]);

/** The binding of `conditions` that follow those with the binding `before`; `undefined` when none of them asks anything of the kind. */
export function bindingOf(conditions: readonly ReadCondition[], before?: Binding): Binding | undefined {
  return asksAnything(conditions) ? newBinding(conditions, before) : before;
}

/** The binding of a token that ends in `seal`, whose other conditions have the binding `before`. */
export function sealedBinding(seal: Seal, sealIndex: number, before: Binding | undefined): Binding {
  return { asksRequest: true, asksCertificate: before?.asksCertificate === true, keys: before?.keys ?? noKeys, seal, sealIndex };
}

function asksAnything(conditions: readonly ReadCondition[]): boolean {
  for (let i = 0; i < conditions.length; i++) {
    const { reading } = conditions[i] as ReadCondition;
    if ('code' in reading) continue;
    const { type } = reading;
    if (type === request || type === requestRequired || type === cnf) return true;
  }
  return false;
}

function newBinding(conditions: readonly ReadCondition[], before: Binding | undefined): Binding {
  let asksRequest = before?.asksRequest === true;
  let asksCertificate = before?.asksCertificate === true;
  let keys = before?.keys ?? noKeys;
  let seal: Seal | undefined;
  let sealIndex: number | undefined;
  for (let i = 0; i < conditions.length; i++) {
    const { reading, isLast, dischargeIndex, caveatIndex } = conditions[i] as ReadCondition;
    if ('code' in reading) continue;
    const { type, value } = reading;
    if (type === request || type === requestRequired) asksRequest = true;
    if (type === cnf) {
      const { certificate, key } = value as Confirmation;
      asksCertificate ||= certificate !== undefined;
      if (key !== undefined) keys = [...keys, key];
    }
    if (type === request && isLast && dischargeIndex === undefined) {
      seal = value as Seal;
      sealIndex = caveatIndex;
    }
  }
  return { asksRequest, asksCertificate, keys, seal, sealIndex };
}

/** What `token` claims to ask. Nothing of it is verified. */
export function claimedBinding({ root, discharges }: UnverifiedMacaroon): Binding | undefined {
  const conditions = [root, ...discharges].flatMap(({ caveats }, i) =>
    caveats.flatMap((caveat, caveatIndex) => {
      if (caveat.kind !== 'first-party') return [];
      const place = i === 0 ? { caveatIndex } : { caveatIndex, dischargeIndex: i - 1 };
      const { condition } = caveat;
      return [caveatIndex === caveats.length - 1 ? { condition, ...place, isLast: true as const } : { condition, ...place }];
    }),
  );
  return bindingOf(readConditions(standardRegistry, conditions));
}
