/** Tokens verified as values and by offsets, which must come to the same, so that every attack is tried on both. */
import { expect } from 'vitest';
import {
  decode,
  encode,
  flatSignatureFault,
  MacaroonError,
  type MacaroonKey,
  readFlat,
  type SignatureResult,
  type UnverifiedMacaroon,
  usedDischarges,
  verifySignature,
} from '../../../src/core/index.js';
import { toHex } from './samples.js';

/** What `verifySignature` says of `token`; fails where reading its text by offsets comes to anything else. Locations must be ASCII. */
export function verifyBothWays(token: UnverifiedMacaroon, key: MacaroonKey): SignatureResult {
  const expected = verifySignature(token, key);
  const text = textOf(token);
  if (text === undefined) return expected;
  expect(flatResult(text, key), text).toEqual(isReadable(text) ? resultOf(expected) : 'unreadable');
  return expected;
}

/** Code, or the conditions with their places, in order. */
function resultOf(result: SignatureResult): unknown {
  return result.ok ? result.conditions.map((one) => ({ ...one, condition: toHex(one.condition) })) : result.code;
}

/** The same of the token in `text`, by offsets. */
function flatResult(text: string, key: MacaroonKey): unknown {
  const flat = readFlat(text);
  if (flat === undefined) return 'unreadable';
  const fault = flatSignatureFault(flat, key);
  if (fault !== undefined) return fault;
  const { bytes, starts, ends, verificationIdStarts, discharges } = flat;
  const conditions: unknown[] = [];
  for (const dischargeIndex of [undefined, ...usedDischarges()]) {
    const macaroon = dischargeIndex === undefined ? flat : discharges[dischargeIndex];
    if (macaroon === undefined) throw new Error('a discharge was used that is not there');
    for (let caveatIndex = 0; caveatIndex < macaroon.caveatCount; caveatIndex++) {
      const at = macaroon.firstCaveat + caveatIndex;
      if (verificationIdStarts[at] !== 0) continue;
      conditions.push({
        condition: toHex(bytes.subarray(starts[at], ends[at])),
        caveatIndex,
        ...(dischargeIndex !== undefined && { dischargeIndex }),
        ...(caveatIndex === macaroon.caveatCount - 1 && { isLast: true }),
      });
    }
  }
  return conditions;
}

/** `undefined` for what has no text. */
function textOf(token: UnverifiedMacaroon): string | undefined {
  try {
    return encode(token);
  } catch (error) {
    if (error instanceof MacaroonError) return undefined;
    throw error;
  }
}

function isReadable(text: string): boolean {
  try {
    decode(text);
    return true;
  } catch (error) {
    if (error instanceof MacaroonError) return false;
    throw error;
  }
}
