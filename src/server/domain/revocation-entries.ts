/** Revocation entries as parts of other use cases: each is written in the transaction of what causes it. */
import type { StoreTransaction } from './ports.js';
import { type ClientRecord, longestTokenLifeMs, type RevocationRecord, type RevocationTarget } from './records.js';
import { issueStepMs } from './tokens.js';

/** How long a revocation is kept beyond the last expiry that it concerns: more than any clock that a verifier may have. */
const keptBeyondExpiryMs = 3_600_000;

/** A revocation, and whether it was made now or was there. */
export interface RevocationOutcome {
  readonly revocation: RevocationRecord;
  readonly isNew: boolean;
}

/** The revocation of `target`: the one that is there, or a new one. */
export async function revokeOnce(
  tx: StoreTransaction,
  target: RevocationTarget & { readonly kind: 'token' },
  nowMs: number,
  latestExpiryMs: number,
  reason: string | null,
): Promise<RevocationOutcome> {
  const known = await tx.findRevocation(target);
  if (known !== undefined) return { revocation: known, isNew: false };
  return { revocation: await insertRevocation(tx, target, nowMs, latestExpiryMs, reason), isNew: true };
}

/**
 * Revokes every token of `client` issued at `requestedUntilMs` or before. Never less than its highest issue time: a clock that was set back would
 * otherwise leave tokens alive. That time is not on record for each client, but it is neither above the client's `lastIssuedAtMs` nor above that of the
 * newest token of all. Nothing is added where no token was issued since the last time, up to a minute after it: a database that was restored from a backup
 * does not know of every token. `client` is written either way.
 */
export async function revokeClientTokens(
  tx: StoreTransaction,
  client: ClientRecord,
  nowMs: number,
  requestedUntilMs: number,
  reason: string | null,
): Promise<RevocationOutcome> {
  const known = await tx.findRevocation({ kind: 'client', client: client.name });
  const hasLiveTokens = client.lastIssuedAtMs > client.revokedUntilMs;
  const isSoonAfter = requestedUntilMs < client.revokedUntilMs + issueStepMs;
  if (known !== undefined && !hasLiveTokens && isSoonAfter) {
    await tx.updateClient(client);
    return { revocation: known, isNew: false };
  }
  const lastIssuedAtMs = boundOfIssue(client, nowMs, await tx.latestIssue());
  const untilMs = Math.max(requestedUntilMs, lastIssuedAtMs, client.revokedUntilMs);
  await tx.updateClient({ ...client, lastIssuedAtMs: untilMs, revokedUntilMs: untilMs });
  const target = { kind: 'client', client: client.name, untilMs } as const;
  return { revocation: await insertRevocation(tx, target, nowMs, await latestExpiry(tx, nowMs), reason), isNew: true };
}

/**
 * A time that no token of `client` was issued after. Where the newest token of all is older than the client's own, it was cut off from the audit log: the
 * client's time is then all that is known. Where the clock is right, what was cut off is no newer than it.
 */
function boundOfIssue({ lastIssuedAtMs }: ClientRecord, nowMs: number, latestIssueMs: number): number {
  const isCutOff = lastIssuedAtMs - issueStepMs > latestIssueMs;
  return isCutOff ? lastIssuedAtMs : Math.min(lastIssuedAtMs, Math.max(latestIssueMs, nowMs));
}

/** The revocation of a root key generation, in the caller's transaction. */
export async function insertRootKeyRevocation(
  tx: StoreTransaction,
  rootKeyId: string,
  nowMs: number,
  reason: string | null,
): Promise<RevocationRecord> {
  return await insertRevocation(tx, { kind: 'root_key', rootKeyId }, nowMs, await latestExpiry(tx, nowMs), reason);
}

/** Revokes one key generation of an audience, in the caller's transaction. */
export async function revokeAudienceGeneration(
  tx: StoreTransaction,
  audience: string,
  generation: number,
  nowMs: number,
  reason: string | null,
): Promise<RevocationRecord> {
  await tx.revokeAudienceGeneration(audience, generation, nowMs);
  const latestExpiryMs = await latestExpiry(tx, nowMs);
  return await insertRevocation(tx, { kind: 'audience_key', audience, generation }, nowMs, latestExpiryMs, reason);
}

/** A time that no token outlives, whatever its clock was: asking each for its expiry would take an index that every mint pays for. */
async function latestExpiry(tx: StoreTransaction, nowMs: number): Promise<number> {
  return Math.max(nowMs, await tx.latestIssue()) + longestTokenLifeMs;
}

/** Writes a revocation, kept until no token that it concerns can be alive. */
async function insertRevocation(
  tx: StoreTransaction,
  target: RevocationTarget,
  nowMs: number,
  latestExpiryMs: number,
  reason: string | null,
): Promise<RevocationRecord> {
  const expiresAtMs = Math.max(latestExpiryMs, nowMs) + keptBeyondExpiryMs;
  return await tx.insertRevocation({ target, revokedAtMs: nowMs, expiresAtMs, reason });
}
