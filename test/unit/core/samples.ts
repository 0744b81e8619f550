/** Tokens, keys and assertions that the tests of core share. */
import {
  addFirstPartyCaveat,
  addThirdPartyCaveat,
  bindForRequest,
  createUuidV7,
  encodeIdentifier,
  encodeUtf8,
  type IdentifierParts,
  type Macaroon,
  MacaroonError,
  MacaroonKey,
  mint,
  type RandomBytes,
  type UnverifiedMacaroon,
} from '../../../src/core/index.js';
import { seededRandom } from '../../fuzz/mutate.js';

/** Repeatable bytes. */
export function testRandomBytes(seed = 1): RandomBytes {
  return seededRandom(seed).bytes;
}

export const key = new MacaroonKey(testRandomBytes(7)(32));
export const otherKey = new MacaroonKey(testRandomBytes(8)(32));
export const issuedAtMs = Date.UTC(2026, 10, 21, 22, 21);

export const identifierParts: IdentifierParts = {
  rootKeyId: testRandomBytes(2)(16),
  generation: 3,
  tokenId: createUuidV7(issuedAtMs, testRandomBytes(3)),
  expiresAtMs: issuedAtMs + 3_600_000,
  audience: 'invoice',
  client: 'mail',
  authMethods: ['client_secret_basic', 'ip'],
  actions: ['invoices:read', 'invoices:list'],
};

export const identifier = encodeIdentifier(identifierParts);

/** A macaroon under `key` with `conditions`. */
export function macaroonWith(...conditions: readonly string[]): Macaroon {
  return conditions.reduce((macaroon, condition) => addFirstPartyCaveat(macaroon, condition), mint(key, identifier));
}

/** A token without discharges. */
export function tokenOf(root: Macaroon, discharges: readonly Macaroon[] = []): UnverifiedMacaroon {
  return { root, discharges };
}

/** A third party: its name makes its key and its caveat's identifier. */
export function thirdParty(name: string): {
  readonly key: MacaroonKey;
  readonly identifier: Uint8Array;
  readonly location: string;
} {
  return {
    key: new MacaroonKey(encodeUtf8(`key of ${name}`)),
    identifier: encodeUtf8(`ask ${name}`),
    location: `https://${name}.example/`,
  };
}

/** `macaroon` with a caveat for each of the third parties `names`. */
export function asking(macaroon: Macaroon, ...names: readonly string[]): Macaroon {
  return names.reduce((asked, name) => addThirdPartyCaveat(asked, thirdParty(name), testRandomBytes(name.length)), macaroon);
}

/** The discharge that third party `name` mints, not bound. */
export function dischargeBy(name: string, ...conditions: readonly string[]): Macaroon {
  const party = thirdParty(name);
  return conditions.reduce(
    (discharge, condition) => addFirstPartyCaveat(discharge, condition),
    mint(party.key, party.identifier, party.location),
  );
}

/** A token of `root` with `discharges` bound to it. */
export function boundToken(root: Macaroon, discharges: readonly Macaroon[]): UnverifiedMacaroon {
  return tokenOf(
    root,
    discharges.map((discharge) => bindForRequest(root, discharge)),
  );
}

/** The `MacaroonError` that `act` throws. Anything else, or nothing, fails the test. */
export function errorOf(act: () => unknown): MacaroonError {
  try {
    act();
  } catch (error) {
    if (error instanceof MacaroonError) return error;
    throw error;
  }
  throw new Error('expected a MacaroonError, but nothing was thrown');
}

/** Code and offset of the `MacaroonError` that `act` throws. */
export function faultOf(act: () => unknown): { readonly code: string; readonly offset: number | undefined } {
  const { code, offset } = errorOf(act);
  return { code, offset };
}

/** `bytes` as a view in the middle of a larger buffer, as parsers often get them. */
export function asView(bytes: Uint8Array): Uint8Array {
  const wide = new Uint8Array(bytes.length + 11).fill(0xa5);
  wide.set(bytes, 5);
  return wide.subarray(5, 5 + bytes.length);
}

/** Hex as bytes. */
export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Bytes as hex. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
