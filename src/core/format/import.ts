/**
 * Reads a token in whatever form it was found: for `inspect` and for import, never on a request. What came in a foreign form is the
 * same value as if it had come as V2 binary, and is written as V2 binary only.
 */
import { decodeBase64Any } from '../base64url.js';
import { MacaroonError } from '../errors.js';
import { limits } from '../limits.js';
import type { UnverifiedMacaroon } from '../macaroon.js';
import { decode, textPrefix } from './text.js';
import { decodeV1Token, startsV1 } from './v1.js';
import { decodeV2Token } from './v2.js';
import { decodeV2Json } from './v2-json.js';

const jsonStart = /^[ \t\n\r]*[[{]/;

/**
 * The token in `input`; nothing of it is verified. Text: the text form with or without prefix and checksum, V2 JSON, or base64 (either
 * alphabet, padded or not) of V2 or V1 binary. Bytes: V2 or V1 binary. At most `limits.maxImportLength` characters or bytes.
 * Throws `ERR_FORMAT_*` and `ERR_LIMIT_*`; offsets count characters for faults of a text, bytes for faults of what base64 held.
 * Throws `ERR_ARGUMENT` for what is neither text nor bytes.
 */
export function importToken(input: string | Uint8Array): UnverifiedMacaroon {
  if (typeof input !== 'string' && !(input instanceof Uint8Array)) {
    throw new MacaroonError('ERR_ARGUMENT', 'input must be the text or the bytes of a token', { argument: 'input' });
  }
  if (input.length === 0) throw new MacaroonError('ERR_FORMAT_EMPTY', 'the token is empty', { offset: 0 });
  if (input.length > limits.maxImportLength) {
    throw new MacaroonError('ERR_LIMIT_TEXT', `a token to import has at most ${limits.maxImportLength} characters`, {
      limit: limits.maxImportLength,
      offset: limits.maxImportLength,
    });
  }
  if (typeof input !== 'string') return decodeBinary(input);
  if (input.startsWith(textPrefix)) return decode(input);
  if (jsonStart.test(input)) return decodeV2Json(input);
  return decodeBinary(decodeBase64Any(input));
}

function decodeBinary(bytes: Uint8Array): UnverifiedMacaroon {
  return startsV1(bytes[0] as number) ? decodeV1Token(bytes) : decodeV2Token(bytes);
}
