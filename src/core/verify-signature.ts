/**
 * Whether a token is genuine: the root macaroon's chain under the key, then every discharge that its third-party caveats ask
 * for: found by identifier, bound, used once, none left over, no deeper than the limit. Clears no caveat.
 *
 * The root's signature is compared before any verification id is opened, so a stranger cannot make us decrypt.
 */
import { equalBytes } from './bytes.js';
import type { LimitErrorCode, SignatureErrorCode } from './errors.js';
import { hmacFromMidstate, hmacStep } from './hmac.js';
import type { MacaroonKey } from './keys.js';
import { limits } from './limits.js';
import {
  bindState,
  type Caveat,
  type Macaroon,
  type Signature,
  type ThirdPartyCaveat,
  thirdPartyStep,
  toSignature,
  type UnverifiedMacaroon,
} from './macaroon.js';
import { openVerificationId } from './secretbox.js';
import { bytesToState, digestBytes, isState, stateToBytes, stateWords } from './sha256.js';

/** A first-party condition of a genuine token, still to be cleared. */
export interface PendingCondition {
  readonly condition: Uint8Array;
  /** Position among the caveats of its macaroon, from 0. */
  readonly caveatIndex: number;
  /** Which discharge holds it (position in the token, from 0); absent for the root macaroon. */
  readonly dischargeIndex?: number;
  /** There when no caveat of its macaroon, of a third party neither, comes after it. */
  readonly isLast?: true;
}

export type SignatureResult =
  /** `conditions`: every first-party condition in order, root macaroon first; collected when they are asked for, so a spread of the result has none. */
  | { readonly ok: true; readonly conditions: readonly PendingCondition[] }
  | { readonly ok: false; readonly code: SignatureErrorCode | LimitErrorCode };

interface AskedDischarge {
  readonly caveat: ThirdPartyCaveat;
  /** 8 words: the key that the verification id is encrypted under. */
  readonly chainBefore: Int32Array;
}

/** Why a signature does not hold; `undefined` where it does. */
export type SignatureFault = SignatureErrorCode | LimitErrorCode | undefined;

const chain = new Int32Array(stateWords);
const rootSignature = new Int32Array(stateWords);

const noneUsed: readonly number[] = Object.freeze([]);
const nothingAsked: readonly AskedDischarge[] = Object.freeze([]);

/** Verifies the signatures of `token` under `key`. Compares in constant time; a token without third-party caveats costs no garbage but the result. */
export function verifySignature(token: UnverifiedMacaroon, key: MacaroonKey): SignatureResult {
  const { root, discharges } = token;
  hmacFromMidstate(key.midstate, root.identifier, chain);
  const asked = runCaveats(root.caveats);
  if (root.signature.length !== digestBytes || !isState(chain, root.signature))
    return { ok: false, code: 'ERR_SIGNATURE_MISMATCH' };
  if (asked.length === 0 && discharges.length === 0) return new HeldSignature(token, noneUsed);
  if (discharges.length > limits.maxDischarges) return { ok: false, code: 'ERR_LIMIT_DISCHARGES' };
  if (hasDuplicates(discharges)) return { ok: false, code: 'ERR_DISCHARGE_DUPLICATE' };
  const used: number[] = [];
  const failure = verifyDischarges(token, asked, used, 1);
  if (failure !== undefined) return { ok: false, code: failure };
  if (used.length < discharges.length) return { ok: false, code: 'ERR_DISCHARGE_UNUSED' };
  return new HeldSignature(token, used);
}

/**
 * The answer for `token` whose signatures hold. Whoever asks no more than that pays for no list of its conditions; macaroons are values, so the list tells
 * later what was verified now.
 */
class HeldSignature {
  readonly ok = true;
  readonly #token: UnverifiedMacaroon;
  readonly #used: readonly number[];
  #conditions: readonly PendingCondition[] | undefined;

  /** `used`: positions of the discharges, in the order in which they were asked for. */
  constructor(token: UnverifiedMacaroon, used: readonly number[]) {
    this.#token = token;
    this.#used = used;
    // What can still be changed is collected now: what was verified is what is cleared.
    if (used.length > 0 || !Object.isFrozen(token.root.caveats)) this.#conditions = this.#collect();
  }

  get conditions(): readonly PendingCondition[] {
    this.#conditions ??= this.#collect();
    return this.#conditions;
  }

  #collect(): readonly PendingCondition[] {
    const { root, discharges } = this.#token;
    const conditions: PendingCondition[] = [];
    collectConditions(conditions, root);
    for (const index of this.#used) collectConditions(conditions, discharges[index] as Macaroon, index);
    return Object.freeze(conditions);
  }
}

/**
 * Signature of `root`, whose own holds under `key`, before its last caveat: what its holder had before adding that. Secret, as with it every other
 * caveat could take the place of the last one. A root without caveats has none before: it gives its own.
 */
export function signatureBeforeLastCaveat(root: Macaroon, key: MacaroonKey): Signature {
  hmacFromMidstate(key.midstate, root.identifier, chain);
  runCaveats(root.caveats.slice(0, -1));
  return toSignature(stateToBytes(chain));
}

/** Runs `chain` on through `caveats` and returns what the third-party ones ask for. */
function runCaveats(caveats: readonly Caveat[]): readonly AskedDischarge[] {
  let asked: AskedDischarge[] | undefined;
  // By index: an iterator leaves an object for each caveat.
  for (let i = 0; i < caveats.length; i++) {
    const caveat = caveats[i] as Caveat;
    if (caveat.kind === 'first-party') {
      hmacStep(chain, caveat.condition);
    } else {
      asked ??= [];
      asked.push({ caveat, chainBefore: chain.slice() });
      thirdPartyStep(chain, caveat.verificationId, caveat.identifier);
    }
  }
  return asked ?? nothingAsked;
}

/** Verifies what is `asked` for at `depth`, and what that asks for; adds the positions of the discharges to `used`, as they are come by. */
function verifyDischarges(
  token: UnverifiedMacaroon,
  asked: readonly AskedDischarge[],
  used: number[],
  depth: number,
): SignatureFault {
  const { root, discharges } = token;
  for (const { caveat, chainBefore } of asked) {
    const index = indexOfIdentifier(discharges, caveat.identifier, 0);
    const discharge = discharges[index];
    if (discharge === undefined) return 'ERR_DISCHARGE_MISSING';
    if (used.includes(index)) return 'ERR_DISCHARGE_REUSED';
    if (depth > limits.maxDischargeDepth) return 'ERR_LIMIT_DEPTH';
    used.push(index);
    if (!openVerificationId(chainBefore, caveat.verificationId, chain)) return 'ERR_SIGNATURE_VERIFICATION_ID';
    hmacStep(chain, discharge.identifier);
    const askedNext = runCaveats(discharge.caveats);
    bytesToState(root.signature, rootSignature);
    bindState(chain, rootSignature);
    if (discharge.signature.length !== digestBytes || !isState(chain, discharge.signature)) return 'ERR_DISCHARGE_MISMATCH';
    const failure = verifyDischarges(token, askedNext, used, depth + 1);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

/** Adds the conditions of `macaroon`, at `dischargeIndex` when it is a discharge, to `conditions`. */
function collectConditions(conditions: PendingCondition[], macaroon: Macaroon, dischargeIndex?: number): void {
  const last = macaroon.caveats.length - 1;
  for (let caveatIndex = 0; caveatIndex <= last; caveatIndex++) {
    const caveat = macaroon.caveats[caveatIndex];
    if (caveat?.kind !== 'first-party') continue;
    conditions.push(pendingCondition(caveat.condition, caveatIndex, dischargeIndex, caveatIndex === last));
  }
}

/** Written out, as V8 takes several times as long to add members after a spread. */
function pendingCondition(
  condition: Uint8Array,
  caveatIndex: number,
  dischargeIndex: number | undefined,
  isLast: boolean,
): PendingCondition {
  if (dischargeIndex === undefined) {
    return isLast ? { condition, caveatIndex, isLast: true } : { condition, caveatIndex };
  }
  return isLast ? { condition, caveatIndex, dischargeIndex, isLast: true } : { condition, caveatIndex, dischargeIndex };
}

function hasDuplicates(discharges: readonly Macaroon[]): boolean {
  for (let i = 1; i < discharges.length; i++) {
    if (indexOfIdentifier(discharges, (discharges[i - 1] as Macaroon).identifier, i) >= 0) return true;
  }
  return false;
}

/** Position of the first discharge at or after `from` whose identifier is `identifier`; -1 when there is none. */
function indexOfIdentifier(discharges: readonly Macaroon[], identifier: Uint8Array, from: number): number {
  for (let i = from; i < discharges.length; i++) {
    if (equalBytes((discharges[i] as Macaroon).identifier, identifier)) return i;
  }
  return -1;
}
