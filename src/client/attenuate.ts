/** `attenuate`: the helper that people call to narrow a token, offline. No Node API and no other module of the client: runs in browsers. */
import { type AttenuateOptions, attenuateAt, type Restrictions } from '../caveats/attenuate.js';

/**
 * The text of a token that is `text` narrowed to `restrictions`, with `expiresIn` counted from the clock of this machine.
 * Throws as `attenuateAt` does: `ERR_ARGUMENT` with `argument`, `ERR_FORMAT_*`, `ERR_LIMIT_*`.
 */
export function attenuate(text: string, restrictions: Restrictions, options: AttenuateOptions = {}): string {
  return attenuateAt(text, restrictions, Date.now(), options);
}
