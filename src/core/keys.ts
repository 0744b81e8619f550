/** Secret keys that never print themselves, and the derivation of a service's key from the root key of a client. */
import { concatBytes, copyBytes, encodeUtf8, lengthPrefixed, uint32Bytes } from './bytes.js';
import { MacaroonError } from './errors.js';
import { hkdfSha256, hmacSha256, type KeyMidstate, newMidstate, setMidstate } from './hmac.js';
import { bytesToState, stateWords } from './sha256.js';

/** Source of randomness: `length` fresh, unpredictable bytes. Passed in, so that core runs anywhere and tests are repeatable. */
export type RandomBytes = (length: number) => Uint8Array;
/** Source of time: milliseconds since 1970-01-01T00:00:00Z. */
export type Clock = () => number;

const keyGenerator = encodeUtf8('macaroons-key-generator');
const redacted = '[redacted]';
const keyWords = new Int32Array(stateWords);

/** Bytes that `JSON.stringify`, `util.inspect` and string templates cannot show. */
export abstract class SecretBytes {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = copyBytes(bytes);
  }

  /** A copy of the secret bytes. Call it only where they are used. */
  reveal(): Uint8Array {
    return this.#bytes.slice();
  }

  toJSON(): string {
    return redacted;
  }

  toString(): string {
    return redacted;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return redacted;
  }
}

/** A client's root key: 32 bytes, known to the issuer alone. Throws `ERR_ARGUMENT` for another length. */
export class RootKey extends SecretBytes {
  declare protected readonly rootKeyBrand: never;

  constructor(bytes: Uint8Array) {
    if (bytes.length !== 32) throw new MacaroonError('ERR_ARGUMENT', 'a root key has 32 bytes', { argument: 'bytes' });
    super(bytes);
  }
}

/**
 * The key that a macaroon chain is made and verified under, in the sense of libmacaroons (any length but 0; this project uses 32
 * bytes). An audience key K_a is one. Throws `ERR_ARGUMENT` when empty.
 */
export class MacaroonKey extends SecretBytes {
  declare protected readonly macaroonKeyBrand: never;
  #midstate: KeyMidstate | undefined;

  constructor(bytes: Uint8Array) {
    if (bytes.length === 0) throw new MacaroonError('ERR_ARGUMENT', 'a macaroon key must not be empty', { argument: 'bytes' });
    super(bytes);
  }

  /** HMAC state of the derived key HMAC("macaroons-key-generator", key); kept, as every verification starts from it. */
  get midstate(): KeyMidstate {
    this.#midstate ??= midstateOf(generateKey(this.reveal()));
    return this.#midstate;
  }
}

/** HMAC("macaroons-key-generator", `secret`): the 32-byte key that libmacaroons starts a chain with. */
export function generateKey(secret: Uint8Array): Uint8Array {
  return hmacSha256(keyGenerator, secret);
}

/** HMAC state of an already derived 32-byte key, as a third-party caveat carries it. */
function midstateOf(derivedKey: Uint8Array): KeyMidstate {
  bytesToState(derivedKey, keyWords);
  const midstate = newMidstate();
  setMidstate(midstate, keyWords);
  keyWords.fill(0);
  return midstate;
}

/**
 * K_a: the key of audience `audience` at key generation `generation` (0 to 2^32-1) under a client's root key.
 * HKDF-SHA-256 with empty salt and info LP("macaroond/v1/audience") ‖ LP(audience) ‖ u32be(generation).
 * Throws `ERR_ARGUMENT` for another generation, `ERR_FORMAT_UTF8` for an audience that UTF-8 cannot hold.
 */
export function deriveAudienceKey(rootKey: RootKey, audience: string, generation: number): MacaroonKey {
  const info = concatBytes(lengthPrefixed('macaroond/v1/audience', audience), uint32Bytes(generation));
  return new MacaroonKey(hkdfSha256(rootKey.reveal(), new Uint8Array(0), info, 32));
}
