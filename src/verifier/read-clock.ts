/** The verifier's time. A clock that does not tell a time would let tokens live for ever, as no comparison with it holds. */
import { type Clock, MacaroonError } from '../core/index.js';

/** Milliseconds that `clock` tells. Throws `ERR_ARGUMENT` when it tells no finite number. */
export function readClock(clock: Clock): number {
  const nowMs = clock();
  if (Number.isFinite(nowMs)) return nowMs;
  throw new MacaroonError('ERR_ARGUMENT', 'the clock must tell Unix milliseconds', { argument: 'clock' });
}
