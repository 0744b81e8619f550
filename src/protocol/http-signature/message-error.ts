/** The one fault of what this folder reads: headers that are not what RFC 8941, RFC 9421 or RFC 9530 says, or not within our bounds. */
import { MacaroonError } from '../../core/index.js';

/** `ERR_MESSAGE_SIGNATURE`; `message` holds nothing of what was read. */
export function messageFault(message: string): MacaroonError {
  return new MacaroonError('ERR_MESSAGE_SIGNATURE', message);
}
