/**
 * Invitations: what an administrator hands over in person so that somebody can make an account and nothing else. One is for one name, once; a
 * group's is for any free name, a number of times. Each ends by itself.
 */
import { formatRfc3339 } from '../../caveats/rfc3339.js';
import { encodeBase64url } from '../../core/index.js';
import { macKeyBytes } from '../../protocol/shared-key-hmac.js';
import type { NewInvitationRequest, WireInvitation, WireNewInvitation } from '../../protocol/wire.js';
import { record } from './audit-trail.js';
import { requireNewName } from './clients.js';
import type { AdminCaller } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import type { StoreDependencies, StoreReader } from './ports.js';
import type { InvitationRecord } from './records.js';

const daySeconds = 86_400;
const defaultSeconds = daySeconds;
/** A group's key is in more hands, so it lives shorter unless told otherwise. */
const defaultGroupSeconds = 3_600;
const maxSeconds = 30 * daySeconds;
const maxUses = 1_000;

/**
 * A new invitation; its shared key is shown this once. Throws `invalid_request`, and `conflict` for a name that is or was a client's, as it could
 * not be taken.
 */
export async function createInvitation(
  deps: StoreDependencies,
  caller: AdminCaller,
  request: NewInvitationRequest,
): Promise<WireNewInvitation> {
  const { name } = request;
  const usesLeft = checkedUses(request);
  const seconds = request.expires_in ?? (name === undefined ? defaultGroupSeconds : defaultSeconds);
  if (seconds > maxSeconds) {
    throw new IssuerError(
      'invalid_request',
      `an invitation ends after ${maxSeconds} seconds, 30 days, at the latest`,
      '/expires_in',
    );
  }
  const sharedKey = deps.randomBytes(macKeyBytes);
  const id = `inv_${encodeBase64url(deps.randomBytes(12))}`;
  return await deps.store.transaction('grow', async (tx) => {
    const nowMs = deps.clock();
    if (name !== undefined) await requireNewName(tx, name, '/name');
    const expiresAtMs = nowMs + seconds * 1000;
    const invitation: InvitationRecord = { id, client: name ?? null, usesLeft, createdAtMs: nowMs, expiresAtMs };
    await tx.insertInvitation(invitation, sharedKey);
    const details = { invitation: id, uses: usesLeft, expires_at: formatRfc3339(expiresAtMs) };
    await record(tx, nowMs, caller, 'invitation.created', { client: name }, details);
    return { ...toWire(invitation, nowMs), shared_key: encodeBase64url(sharedKey) };
  });
}

/** Every invitation, oldest first; never their keys. */
export async function listInvitations(read: StoreReader, nowMs: number): Promise<readonly WireInvitation[]> {
  return (await read.invitations()).map((invitation) => toWire(invitation, nowMs));
}

/** Ends an invitation now; accounts that were made with it live on. Throws `not_found`. */
export async function revokeInvitation(deps: StoreDependencies, caller: AdminCaller, id: string): Promise<WireInvitation> {
  return await deps.store.transaction('revoke', async (tx) => {
    const nowMs = deps.clock();
    const invitation = await tx.invitation(id);
    if (invitation === undefined) throw new IssuerError('not_found', 'there is no such invitation');
    const { usesLeft, expiresAtMs } = invitation;
    if (usesLeft === 0 || expiresAtMs < 0) return toWire(invitation, nowMs);
    const revoked: InvitationRecord = { ...invitation, expiresAtMs: -Math.min(expiresAtMs, nowMs) };
    await tx.updateInvitation(revoked);
    await record(tx, nowMs, caller, 'invitation.revoked', { client: invitation.client ?? undefined }, { invitation: id });
    return toWire(revoked, nowMs);
  });
}

/** Whether somebody can still enrol by `invitation`. */
export function stateOf({ usesLeft, expiresAtMs }: InvitationRecord, nowMs: number): WireInvitation['state'] {
  if (usesLeft === 0) return 'used_up';
  return nowMs < expiresAtMs ? 'live' : 'ended';
}

/** A name is taken once, so only a group's invitation has more uses than one. */
function checkedUses({ name, uses }: NewInvitationRequest): number {
  if (name !== undefined) {
    if (uses === undefined || uses === 1) return 1;
    throw new IssuerError('invalid_request', 'an invitation for one name has one use: leave name out for a group', '/uses');
  }
  if (uses !== undefined && uses <= maxUses) return uses;
  throw new IssuerError('invalid_request', `give name, or for a group uses, 1 to ${maxUses}`, '/uses');
}

function toWire(invitation: InvitationRecord, nowMs: number): WireInvitation {
  const { id, client, usesLeft, createdAtMs, expiresAtMs } = invitation;
  return {
    invitation: id,
    ...(client === null ? {} : { name: client }),
    uses_left: usesLeft,
    state: stateOf(invitation, nowMs),
    created_at: formatRfc3339(createdAtMs),
    expires_at: formatRfc3339(Math.abs(expiresAtMs)),
  };
}
