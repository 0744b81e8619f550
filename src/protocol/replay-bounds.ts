/** What every replay store keeps to: how many nonces, of what length, and what counts as a time. */
import { encodeHex, encodeUtf8, MacaroonError, sha256 } from '../core/index.js';

/** UTF-8 bytes up to which a scope or a nonce is kept as it is. */
export const maxKeyBytes = 64;
const mostNonces = 100_000_000;

/** How many nonces a store keeps at once: in all, and of one scope, so that one sender cannot take the room of all others. */
export interface ReplayBounds {
  readonly maxNonces: number;
  readonly maxNoncesPerScope: number;
}

/** The bounds of a store for `maxNonces` (1 to 100,000,000; a million when absent): a tenth of them for a scope. Throws `ERR_ARGUMENT`. */
export function replayBounds(maxNonces = 1_000_000): ReplayBounds {
  if (!Number.isSafeInteger(maxNonces) || maxNonces < 1 || maxNonces > mostNonces) {
    throw new MacaroonError('ERR_ARGUMENT', `maxNonces must be a whole number from 1 to ${mostNonces}`, {
      argument: 'maxNonces',
    });
  }
  return { maxNonces, maxNoncesPerScope: Math.ceil(maxNonces / 10) };
}

/**
 * What is kept of a scope or a nonce: itself up to 64 bytes, else `#` and its SHA-256 in hexadecimal, which is longer and so never the text of
 * another. Throws `ERR_FORMAT_UTF8` for a lone surrogate.
 */
export function replayKey(text: string): string {
  if (text.length <= maxKeyBytes && isAscii(text)) return text;
  const bytes = encodeUtf8(text);
  return bytes.length <= maxKeyBytes ? text : `#${encodeHex(sha256(bytes))}`;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** Unix milliseconds, whole. Throws `ERR_ARGUMENT` for what is no time: no comparison with it would hold. */
export function wholeMs(value: number, argument: string): number {
  if (Number.isFinite(value) && Math.abs(value) <= 8.64e15) return Math.ceil(value);
  throw new MacaroonError('ERR_ARGUMENT', `${argument} must tell Unix milliseconds`, { argument });
}

/** When a store that knows nothing yet was made. Never 0, which says that there was nothing to know. */
export function birthMs(nowMs: number): number {
  return Math.max(1, nowMs);
}

/** What a claim beyond the bounds is answered with. */
export function replayStoreFull(which: keyof ReplayBounds): MacaroonError {
  const message =
    which === 'maxNonces'
      ? 'the replay store holds as many nonces as it may: try again in a minute, or raise maxNonces'
      : 'this sender has used as many nonces as it may in the time that they are kept: try again in a minute, or raise maxNonces';
  return new MacaroonError('ERR_STORE_FULL', message);
}
