/**
 * Adding conditions to a token from text to text: only what is new is hashed, under the signature that the text ends in, and what stands before it is taken
 * over as it is, so that no macaroon is made. For tokens of the usual form alone; every other text, good or bad, is for `decode`.
 */
import { readFlat } from './format/flat.js';
import { payload, payloadView, readPayload, textOfPayload } from './format/text.js';
import { bytesBeforeSignature, holdsConditions, writeLongerV2 } from './format/v2.js';
import { hmacStep } from './hmac.js';
import { limits } from './limits.js';
import { digestBytes, readState, stateWords, writeState } from './sha256.js';

const chain = new Int32Array(stateWords);

/**
 * The text of the token in `text` with `conditions` behind those that it has, as `addFirstPartyCaveat` and `encode` make it; `undefined` for a text that is
 * not of the usual form and for conditions that are too many, empty or too long. Throws `ERR_LIMIT_TEXT`. What it gives was read back.
 */
export function narrowText(text: string, conditions: readonly Uint8Array[]): string | undefined {
  const flat = typeof text === 'string' ? readFlat(text) : undefined;
  if (flat === undefined || !flat.isPlain || flat.caveatCount + conditions.length > limits.maxCaveats) return undefined;
  const { signatureStart } = flat;
  readState(payloadView, signatureStart, chain);
  for (let i = 0; i < conditions.length; i++) {
    const condition = conditions[i] as Uint8Array;
    if (condition.length === 0 || condition.length > limits.maxConditionBytes) return undefined;
    hmacStep(chain, condition);
  }
  const kept = signatureStart - bytesBeforeSignature;
  const newSignatureStart = writeLongerV2(payload, kept, conditions);
  const length = newSignatureStart + digestBytes;
  // Where there is no room, the text is too long.
  if (length <= payload.length) writeState(chain, payloadView, newSignatureStart);
  const longer = textOfPayload(kept, length);
  return readPayload(longer, kept) === length && holdsConditions(payload, kept, conditions) ? longer : undefined;
}
