/**
 * Adding conditions to a token from text to text: only what is new is hashed, under the signature that the text ends in, and what stands before it is taken
 * over as it is, so that no macaroon is made. For tokens of the usual form alone; every other text, good or bad, is for `decode`.
 */
import { readFlat } from './format/flat.js';
import { textOf } from './format/text.js';
import { writeLongerV2 } from './format/v2.js';
import { hmacStep } from './hmac.js';
import { limits } from './limits.js';
import { bytesToState, digestBytes, stateToBytes, stateWords } from './sha256.js';

const chain = new Int32Array(stateWords);

/**
 * The text of the token in `text` with `conditions` behind those that it has, as `addFirstPartyCaveat` and `encode` make it; `undefined` for a text that is
 * not of the usual form and for conditions that are too many, empty or too long. Throws `ERR_LIMIT_TEXT`. What it gives was read back.
 */
export function narrowText(text: string, conditions: readonly Uint8Array[]): string | undefined {
  const flat = typeof text === 'string' ? readFlat(text) : undefined;
  if (flat === undefined || flat.caveatCount + conditions.length > limits.maxCaveats) return undefined;
  const { bytes, signatureStart, caveatCount } = flat;
  bytesToState(bytes.subarray(signatureStart, signatureStart + digestBytes), chain);
  for (const condition of conditions) {
    if (condition.length === 0 || condition.length > limits.maxConditionBytes) return undefined;
    hmacStep(chain, condition);
  }
  const longer = textOf(writeLongerV2(bytes, signatureStart, conditions, stateToBytes(chain)));
  return hasConditions(longer, caveatCount, conditions) ? longer : undefined;
}

/** Whether the token in `text` holds `conditions`, byte for byte, behind the first `before` ones, and no more. */
function hasConditions(text: string, before: number, conditions: readonly Uint8Array[]): boolean {
  const flat = readFlat(text);
  if (flat === undefined || flat.caveatCount !== before + conditions.length) return false;
  const { bytes, starts, ends } = flat;
  let index = before;
  for (const condition of conditions) {
    const start = starts[index] as number;
    if ((ends[index++] as number) - start !== condition.length) return false;
    for (let i = 0; i < condition.length; i++) if (bytes[start + i] !== condition[i]) return false;
  }
  return true;
}
