/** Proofs that are genuine and whose time is still to come: refused now, and used up, so that nobody who saw them can send them then. */
import type { NonceClaim } from '../../protocol/replay-store.js';

/** Of clocks that are wrong, and no more: what a store keeps for longer than a day would fill it for good. */
const maxClaimedAheadMs = 86_400_000;

/**
 * What of a refused proof is claimed all the same: nothing where it came too late, nor where it is for a time more than a day ahead, so that it
 * holds when its time comes.
 */
export function claimOfRefused(claim: NonceClaim, nowMs: number): NonceClaim | undefined {
  const aheadMs = claim.sentAtMs - nowMs;
  return aheadMs > 0 && aheadMs <= maxClaimedAheadMs ? claim : undefined;
}
