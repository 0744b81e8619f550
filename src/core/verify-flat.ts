/**
 * What `verify-signature.ts` does, for tokens that are read by offsets: the same verdicts, on words and offsets, as most of what the general way costs beside
 * hashing is what it allocates.
 */
import type { FlatMacaroon, FlatToken } from './format/flat.js';
import { type FirstBlock, hmacFromMidstateAt, hmacStepAt, type KeyMidstate, newMidstate, setMidstate } from './hmac.js';
import type { MacaroonKey } from './keys.js';
import { limits } from './limits.js';
import { bindState, type Signature, thirdPartyStepAt, toSignature } from './macaroon.js';
import { openVerificationIdAt } from './secretbox.js';
import { isStateAt, readState, stateToBytes, stateWords } from './sha256.js';
import type { SignatureFault } from './verify-signature.js';

/** What a chain comes to after the first caveats of a token. */
export interface ChainPosition {
  readonly caveatCount: number;
  /** 8 words. */
  readonly chain: Int32Array;
  /** That of the chain, which is the key of the next step; made when it is first needed. */
  midstate: KeyMidstate | undefined;
  /** Of the last condition that came next and held, where it had so many bytes. */
  firstBlock: FirstBlock | undefined;
}

interface AskedDischarge {
  readonly caveat: number;
  /** 8 words: the key that the verification id is encrypted under. */
  readonly chainBefore: Int32Array;
}

const chain = new Int32Array(stateWords);
const rootSignature = new Int32Array(stateWords);
/** What the chain was before the last caveat of the root macaroon that was looked at last. */
const chainBeforeLast = new Int32Array(stateWords);
const noneUsed: readonly number[] = Object.freeze([]);
let used: readonly number[] = noneUsed;

/**
 * Why the signatures of `token` do not hold under `key`, `undefined` when they do; the same verdict as that of `verifySignature`. `known`: what the chain of
 * this token, which is plain, under this key comes to before its last caveat or earlier, where that is known. Compares in constant time; a plain token costs
 * no garbage.
 */
export function flatSignatureFault(token: FlatToken, key: MacaroonKey, known?: ChainPosition): SignatureFault {
  const { view, signatureStart } = token;
  used = noneUsed;
  const asked: AskedDischarge[] | undefined = token.isPlain ? undefined : [];
  const last = token.caveatCount - 1;
  let done = 0;
  if (known === undefined) hmacFromMidstateAt(key.midstate, view, token.identifierStart, token.identifierEnd, chain);
  else done = runFrom(known, token);
  runCaveats(token, done, last, asked);
  if (done <= last) {
    copyState(chain, chainBeforeLast);
    runCaveats(token, last, last + 1, asked);
  }
  if (!isStateAt(chain, view, signatureStart)) return 'ERR_SIGNATURE_MISMATCH';
  if (asked === undefined) return undefined;
  if (hasDuplicates(token)) return 'ERR_DISCHARGE_DUPLICATE';
  readState(view, signatureStart, rootSignature);
  const usedSoFar: number[] = [];
  used = usedSoFar;
  return (
    verifyDischarges(token, asked, usedSoFar, 1) ?? (used.length < token.dischargeCount ? 'ERR_DISCHARGE_UNUSED' : undefined)
  );
}

/** Runs `chain` from `known` through the next caveat of `token`, which has one; gives how many it went through then. */
function runFrom(known: ChainPosition, { view, starts, ends, caveatCount }: FlatToken): number {
  const next = known.caveatCount;
  if (next === caveatCount - 1) copyState(known.chain, chainBeforeLast);
  hmacFromMidstateAt(midstateOf(known), view, starts[next] as number, ends[next] as number, chain);
  return next + 1;
}

/** That of the chain at `position`, for the next step. */
export function midstateOf(position: ChainPosition): KeyMidstate {
  if (position.midstate === undefined) {
    position.midstate = newMidstate();
    setMidstate(position.midstate, position.chain);
  }
  return position.midstate;
}

/** A loop, as `set` is a call into the platform that takes several times as long. */
function copyState(from: Int32Array, to: Int32Array): void {
  for (let i = 0; i < stateWords; i++) to[i] = from[i] as number;
}

/** Positions of the discharges of the token that `flatSignatureFault` found none in last, in the order in which they were asked for. */
export function usedDischarges(): readonly number[] {
  return used;
}

/**
 * What the chain was before the last caveat of the token, whose root macaroon has one, that `flatSignatureFault` looked at last: 8 words. Secret, as with it
 * every other caveat could take the place of the last one.
 */
export function chainBeforeLastCaveat(): Int32Array {
  return chainBeforeLast.slice();
}

/** The 8 `words` of a chain as a signature. */
export function signatureOfChain(words: Int32Array): Signature {
  return toSignature(stateToBytes(words));
}

/** What the chain of `token` comes to in the end, where its signature holds: 8 words. */
export function chainOfSignature({ view, signatureStart }: FlatToken): Int32Array {
  const words = new Int32Array(stateWords);
  readState(view, signatureStart, words);
  return words;
}

/** Runs `chain` on through the caveats of `token` (those of its discharges too) from `from` to `to`; adds what third-party ones ask for to `asked`. */
function runCaveats(token: FlatToken, from: number, to: number, asked: AskedDischarge[] | undefined): void {
  const { view, starts, ends, verificationIdStarts, verificationIdEnds } = token;
  for (let caveat = from; caveat < to; caveat++) {
    const start = starts[caveat] as number;
    const end = ends[caveat] as number;
    const verificationIdStart = verificationIdStarts[caveat] as number;
    if (verificationIdStart === 0) {
      hmacStepAt(chain, view, start, end);
    } else {
      asked?.push({ caveat, chainBefore: chain.slice() });
      thirdPartyStepAt(chain, view, verificationIdStart, verificationIdEnds[caveat] as number, start, end);
    }
  }
}

/** Verifies what is `asked` for at `depth`, and what that asks for; adds the positions of the discharges to `used`, as they are come by. */
function verifyDischarges(token: FlatToken, asked: readonly AskedDischarge[], used: number[], depth: number): SignatureFault {
  const { view, starts, ends, verificationIdStarts, verificationIdEnds } = token;
  for (const { caveat, chainBefore } of asked) {
    const index = indexOfIdentifier(token, starts[caveat] as number, ends[caveat] as number, 0);
    const discharge = token.discharges[index];
    if (discharge === undefined) return 'ERR_DISCHARGE_MISSING';
    if (used.includes(index)) return 'ERR_DISCHARGE_REUSED';
    if (depth > limits.maxDischargeDepth) return 'ERR_LIMIT_DEPTH';
    used.push(index);
    const verificationIdStart = verificationIdStarts[caveat] as number;
    const verificationIdEnd = verificationIdEnds[caveat] as number;
    if (!openVerificationIdAt(chainBefore, view, verificationIdStart, verificationIdEnd, chain)) {
      return 'ERR_SIGNATURE_VERIFICATION_ID';
    }
    hmacStepAt(chain, view, discharge.identifierStart, discharge.identifierEnd);
    const askedNext: AskedDischarge[] = [];
    runCaveats(token, discharge.firstCaveat, discharge.firstCaveat + discharge.caveatCount, askedNext);
    bindState(chain, rootSignature);
    if (!isStateAt(chain, view, discharge.signatureStart)) return 'ERR_DISCHARGE_MISMATCH';
    const fault = verifyDischarges(token, askedNext, used, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function hasDuplicates(token: FlatToken): boolean {
  for (let i = 1; i < token.dischargeCount; i++) {
    const { identifierStart, identifierEnd } = token.discharges[i - 1] as FlatMacaroon;
    if (indexOfIdentifier(token, identifierStart, identifierEnd, i) >= 0) return true;
  }
  return false;
}

/** Position of the first discharge at or after `from` whose identifier is what stands from `start` to `end`; -1 when there is none. */
function indexOfIdentifier({ bytes, discharges, dischargeCount }: FlatToken, start: number, end: number, from: number): number {
  for (let i = from; i < dischargeCount; i++) {
    const { identifierStart, identifierEnd } = discharges[i] as FlatMacaroon;
    if (identifierEnd - identifierStart === end - start && areSame(bytes, identifierStart, start, end)) return i;
  }
  return -1;
}

/** Not in constant time: identifiers are no secrets. */
function areSame(bytes: Uint8Array, other: number, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== bytes[other + i - start]) return false;
  return true;
}
