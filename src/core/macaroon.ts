/**
 * Macaroons as values: minting, adding caveats, binding discharges. The chain is that of libmacaroons, so any macaroon
 * library that holds the key agrees. Every function returns a new macaroon; nothing here knows what a condition means.
 *
 * Source: Birgisson et al., NDSS 2014; libmacaroons; go-macaroon v2.
 */
import { copyBytes, copyPublicBytes, encodeUtf8 } from './bytes.js';
import { MacaroonError } from './errors.js';
import {
  hmacFromMidstate,
  hmacFromMidstateAt,
  hmacOfDigest,
  hmacOfPair,
  hmacStep,
  type KeyMidstate,
  newMidstate,
  setMidstate,
} from './hmac.js';
import { generateKey, type MacaroonKey, type RandomBytes } from './keys.js';
import { limits } from './limits.js';
import { sealVerificationId } from './secretbox.js';
import { bytesToState, stateToBytes, stateWords } from './sha256.js';

/** A condition that the verifying service clears itself. */
export interface FirstPartyCaveat {
  readonly kind: 'first-party';
  /** UTF-8 bytes of the condition, at most `limits.maxConditionBytes`. */
  readonly condition: Uint8Array;
}

/** A condition that a third party must discharge. */
export interface ThirdPartyCaveat {
  readonly kind: 'third-party';
  /** What the discharge's identifier must equal. */
  readonly identifier: Uint8Array;
  /** The discharge's key, encrypted under the signature so far: 24-byte nonce, then secretbox (72 bytes in all). */
  readonly verificationId: Uint8Array;
  /** Unauthenticated hint; never chooses a key or a URL. */
  readonly location: string;
}

export type Caveat = FirstPartyCaveat | ThirdPartyCaveat;

declare const signatureBrand: unique symbol;
/** 32 bytes at the end of a chain. */
export type Signature = Uint8Array & { readonly [signatureBrand]: true };

/** One macaroon. Holding it says nothing about its being genuine: see `verifySignature`. */
export interface Macaroon {
  /** Unauthenticated hint; never chooses a key or a URL. */
  readonly location: string;
  readonly identifier: Uint8Array;
  readonly caveats: readonly Caveat[];
  readonly signature: Signature;
}

/** A decoded token, of which nothing has been verified: the root macaroon and the discharges that came with it. */
export interface UnverifiedMacaroon {
  readonly root: Macaroon;
  readonly discharges: readonly Macaroon[];
}

/** `bytes` as a signature. Throws `ERR_FORMAT_SIGNATURE` when they are not 32. */
export function toSignature(bytes: Uint8Array): Signature {
  if (bytes.length !== 32) throw new MacaroonError('ERR_FORMAT_SIGNATURE', 'a signature has 32 bytes');
  return bytes as Signature;
}

const noCaveats: readonly FirstPartyCaveat[] = Object.freeze([]);
const noConditions: readonly string[] = Object.freeze([]);
/** The signature that is being made. */
const chain = new Int32Array(stateWords);

/**
 * A new macaroon under `key` with `identifier` (1 to `limits.maxIdentifierBytes` bytes), an optional location hint, and `conditions` as first-party
 * caveats from the start, as `addFirstPartyCaveat` adds them. Throws `ERR_ARGUMENT`, `ERR_LIMIT_IDENTIFIER`, `ERR_LIMIT_LOCATION`,
 * `ERR_LIMIT_CONDITION`, `ERR_LIMIT_CAVEATS`.
 */
export function mint(
  key: MacaroonKey,
  identifier: Uint8Array,
  location = '',
  conditions: readonly (string | Uint8Array)[] = noConditions,
): Macaroon {
  checkIdentifier(identifier);
  checkLocation(location);
  if (conditions.length > limits.maxCaveats) throw tooManyCaveats();
  const caveats = conditions.length === 0 ? noCaveats : Object.freeze(conditions.map(firstPartyCaveat));
  hmacFromMidstate(key.midstate, identifier, chain);
  for (let i = 0; i < caveats.length; i++) hmacStep(chain, (caveats[i] as FirstPartyCaveat).condition);
  return macaroonOf(location, copyPublicBytes(identifier), caveats);
}

/**
 * `macaroon` with one more first-party caveat. `condition` is text or its UTF-8 bytes, 1 to `limits.maxConditionBytes` bytes.
 * Throws `ERR_ARGUMENT`, `ERR_LIMIT_CONDITION`, `ERR_LIMIT_CAVEATS`.
 */
export function addFirstPartyCaveat(macaroon: Macaroon, condition: string | Uint8Array): Macaroon {
  const caveat = firstPartyCaveat(condition);
  checkRoomForCaveat(macaroon);
  bytesToState(toSignature(macaroon.signature), chain);
  hmacStep(chain, caveat.condition);
  return macaroonOf(macaroon.location, macaroon.identifier, Object.freeze([...macaroon.caveats, caveat]));
}

function firstPartyCaveat(condition: string | Uint8Array): FirstPartyCaveat {
  const bytes = typeof condition === 'string' ? encodeUtf8(condition) : copyBytes(condition);
  checkConditionLength(bytes, 'condition');
  return { kind: 'first-party', condition: bytes };
}

/** What a third-party caveat is made of. */
export interface ThirdPartyCaveatParts {
  /** The key that the third party mints the discharge under; any length but 0. */
  readonly key: MacaroonKey;
  /** What tells the third party the condition; 1 to `limits.maxConditionBytes` bytes. */
  readonly identifier: Uint8Array;
  /** Unauthenticated hint where the third party is. */
  readonly location?: string;
}

/**
 * `macaroon` with one more third-party caveat. `randomBytes` gives the 24-byte secretbox nonce.
 * Throws `ERR_ARGUMENT`, `ERR_LIMIT_CONDITION`, `ERR_LIMIT_LOCATION`, `ERR_LIMIT_CAVEATS`.
 */
export function addThirdPartyCaveat(macaroon: Macaroon, parts: ThirdPartyCaveatParts, randomBytes: RandomBytes): Macaroon {
  const location = parts.location ?? '';
  checkRoomForCaveat(macaroon);
  checkConditionLength(parts.identifier, 'identifier');
  checkLocation(location);
  const identifier = copyBytes(parts.identifier);
  const caveatKey = generateKey(parts.key.reveal());
  const signature = new Int32Array(stateWords);
  bytesToState(toSignature(macaroon.signature), signature);
  const verificationId = sealVerificationId(signature, caveatKey, randomBytes);
  chain.set(signature);
  thirdPartyStep(chain, verificationId, identifier);
  const caveat: ThirdPartyCaveat = { kind: 'third-party', identifier, verificationId, location };
  return macaroonOf(macaroon.location, macaroon.identifier, Object.freeze([...macaroon.caveats, caveat]));
}

const leftHash = new Int32Array(stateWords);
const rightHash = new Int32Array(stateWords);
const pairKey = newMidstate();

/** `state` = HMAC(k, HMAC(k, left) ‖ HMAC(k, right)) with k = `state`: the step for two inputs, as go-macaroon's keyedHash2. */
export function thirdPartyStep(state: Int32Array, left: Uint8Array, right: Uint8Array): void {
  setMidstate(pairKey, state);
  hmacFromMidstate(pairKey, left, leftHash);
  hmacFromMidstate(pairKey, right, rightHash);
  hmacOfPair(pairKey, leftHash, rightHash, state);
}

/** The same for what stands in `view` from `leftStart` to `leftEnd`, and from `rightStart` to `rightEnd`. */
export function thirdPartyStepAt(
  state: Int32Array,
  view: DataView,
  leftStart: number,
  leftEnd: number,
  rightStart: number,
  rightEnd: number,
): void {
  setMidstate(pairKey, state);
  hmacFromMidstateAt(pairKey, view, leftStart, leftEnd, leftHash);
  hmacFromMidstateAt(pairKey, view, rightStart, rightEnd, rightHash);
  hmacOfPair(pairKey, leftHash, rightHash, state);
}

/** Of the key of 32 zero bytes, which binds discharges; made when it is needed first. */
let zeroMidstate: KeyMidstate | undefined;

/**
 * `discharge` bound to `root`, so that it serves that token only. Do it last: a root that is attenuated afterwards needs
 * its discharges bound anew.
 */
export function bindForRequest(root: Macaroon, discharge: Macaroon): Macaroon {
  return Object.freeze({ ...discharge, signature: boundSignature(root.signature, discharge.signature) });
}

/** Signature of a discharge with signature `dischargeSignature` bound to a root with signature `rootSignature`. */
function boundSignature(rootSignature: Uint8Array, dischargeSignature: Uint8Array): Signature {
  bytesToState(toSignature(dischargeSignature), chain);
  const rootWords = new Int32Array(stateWords);
  bytesToState(toSignature(rootSignature), rootWords);
  bindState(chain, rootWords);
  return toSignature(stateToBytes(chain));
}

/** `state`, the signature of a discharge, bound to a root with signature `rootSignature` (8 words each): the step for the two under the zero key. */
export function bindState(state: Int32Array, rootSignature: Int32Array): void {
  if (zeroMidstate === undefined) {
    zeroMidstate = newMidstate();
    setMidstate(zeroMidstate, new Int32Array(stateWords));
  }
  hmacOfDigest(zeroMidstate, rootSignature, leftHash);
  hmacOfDigest(zeroMidstate, state, rightHash);
  hmacOfPair(zeroMidstate, leftHash, rightHash, state);
}

/** The macaroon whose signature is in `chain`; its `caveats` are frozen. */
function macaroonOf(location: string, identifier: Uint8Array, caveats: readonly Caveat[]): Macaroon {
  return Object.freeze({ location, identifier, caveats, signature: toSignature(stateToBytes(chain)) });
}

function checkIdentifier(identifier: Uint8Array): void {
  if (identifier.length === 0)
    throw new MacaroonError('ERR_ARGUMENT', 'an identifier must not be empty', { argument: 'identifier' });
  if (identifier.length > limits.maxIdentifierBytes) {
    throw new MacaroonError('ERR_LIMIT_IDENTIFIER', 'identifier too long', { limit: limits.maxIdentifierBytes });
  }
}

function checkLocation(location: string): void {
  if (location !== '' && encodeUtf8(location).length > limits.maxLocationBytes) {
    throw new MacaroonError('ERR_LIMIT_LOCATION', 'location too long', { limit: limits.maxLocationBytes });
  }
}

function checkRoomForCaveat(macaroon: Macaroon): void {
  if (macaroon.caveats.length >= limits.maxCaveats) throw tooManyCaveats();
}

function tooManyCaveats(): MacaroonError {
  const text = `a macaroon holds at most ${limits.maxCaveats} caveats`;
  return new MacaroonError('ERR_LIMIT_CAVEATS', text, { limit: limits.maxCaveats });
}

function checkConditionLength(bytes: Uint8Array, argument: string): void {
  if (bytes.length === 0) throw new MacaroonError('ERR_ARGUMENT', `the ${argument} of a caveat must not be empty`, { argument });
  if (bytes.length > limits.maxConditionBytes) {
    throw new MacaroonError('ERR_LIMIT_CONDITION', `the ${argument} of a caveat has at most ${limits.maxConditionBytes} bytes`, {
      limit: limits.maxConditionBytes,
    });
  }
}
