/**
 * Revoking: a token, a client's tokens up to a time, a root key generation, an audience key generation. It only takes away, so an
 * administrator may revoke what belongs to a wider one; a client may revoke its own tokens alone.
 */
import { formatRfc3339, parseRfc3339 } from '../../caveats/rfc3339.js';
import type { RevokeRequest, WireRevocation } from '../../protocol/wire.js';
import { advanceAudience } from './audiences.js';
import { record } from './audit-trail.js';
import { requireClient } from './authority.js';
import type { AdminCaller, ClientCaller } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import type { IssuerDependencies, StoreTransaction } from './ports.js';
import type { RevocationTarget } from './records.js';
import {
  insertRootKeyRevocation,
  type RevocationOutcome,
  revokeAudienceGeneration,
  revokeClientTokens,
  revokeOnce,
} from './revocation-entries.js';
import { replaceActiveRootKey } from './root-keys.js';
import { toWireRevocation } from './verifier-feed.js';

const maxReasonLength = 256;

/** Revokes what `request` names; what is revoked already is answered as it is, and nothing is written. Throws `not_found`, `forbidden`, `invalid_request`. */
export async function revoke(
  deps: IssuerDependencies,
  caller: AdminCaller | ClientCaller,
  request: RevokeRequest,
): Promise<WireRevocation> {
  if (request.reason !== undefined && request.reason.length > maxReasonLength) {
    throw new IssuerError('invalid_request', `a reason has at most ${maxReasonLength} characters`, '/reason');
  }
  // The reserve for a full disk is the administrator's alone: a client could spend it.
  return await deps.store.transaction(caller.kind === 'admin' ? 'revoke' : 'grow', async (tx) => {
    const nowMs = deps.clock();
    const { revocation, isNew } = await revokeWithin(deps, tx, caller, request, nowMs);
    if (!isNew) return toWireRevocation(revocation);
    const { kind: _, ...target } = revocation.target;
    await record(tx, nowMs, caller, `revoked.${request.kind}`, subjectOf(revocation.target), {
      ...target,
      ...(request.reason === undefined ? {} : { reason: request.reason }),
    });
    return toWireRevocation(revocation);
  });
}

async function revokeWithin(
  deps: IssuerDependencies,
  tx: StoreTransaction,
  caller: AdminCaller | ClientCaller,
  request: RevokeRequest,
  nowMs: number,
): Promise<RevocationOutcome> {
  const reason = request.reason ?? null;
  switch (request.kind) {
    case 'token': {
      const token = await tx.token(request.token_id);
      const isOwn = caller.kind === 'admin' || token?.client === caller.client;
      if (token === undefined || !isOwn) throw new IssuerError('not_found', 'there is no such token', '/token_id');
      const target = { kind: 'token', tokenId: token.tokenId, audience: token.audience } as const;
      return await revokeOnce(tx, target, nowMs, token.expiresAtMs, reason);
    }
    case 'client': {
      if (caller.kind === 'client' && caller.client !== request.client) {
        throw new IssuerError('forbidden', 'a client revokes its own tokens alone', '/client');
      }
      const client = await requireClient(tx, request.client);
      return await revokeClientTokens(tx, client, nowMs, timeOf(request.before, nowMs), reason);
    }
    case 'root_key':
      requireAdmin(caller);
      return await revokeRootKey(deps, tx, request.root_key_id, nowMs, reason);
    case 'audience_key':
      requireAdmin(caller);
      return await revokeAudienceKey(tx, request.audience, request.generation, nowMs, reason);
  }
}

async function revokeRootKey(
  deps: IssuerDependencies,
  tx: StoreTransaction,
  rootKeyId: string,
  nowMs: number,
  reason: string | null,
): Promise<RevocationOutcome> {
  const rootKey = await tx.rootKey(rootKeyId);
  if (rootKey === undefined) throw new IssuerError('not_found', 'there is no such root key', '/root_key_id');
  const known = await tx.findRevocation({ kind: 'root_key', rootKeyId });
  if (known !== undefined) return { revocation: known, isNew: false };
  if (rootKey.state === 'active') await replaceActiveRootKey(deps, tx, rootKey.client, nowMs);
  return { revocation: await insertRootKeyRevocation(tx, rootKeyId, nowMs, reason), isNew: true };
}

async function revokeAudienceKey(
  tx: StoreTransaction,
  audienceName: string,
  generation: number,
  nowMs: number,
  reason: string | null,
): Promise<RevocationOutcome> {
  const audience = await tx.audience(audienceName);
  const known = (await tx.audienceGenerations(audienceName)).some((one) => one.generation === generation);
  if (audience === undefined || !known)
    throw new IssuerError('not_found', 'there is no such audience key generation', '/generation');
  const already = await tx.findRevocation({ kind: 'audience_key', audience: audienceName, generation });
  if (already !== undefined) return { revocation: already, isNew: false };
  if (generation === audience.generation) await advanceAudience(tx, audience);
  return { revocation: await revokeAudienceGeneration(tx, audienceName, generation, nowMs, reason), isNew: true };
}

function timeOf(before: string | undefined, nowMs: number): number {
  if (before === undefined) return nowMs;
  const timeMs = parseRfc3339(before);
  if (timeMs === undefined) {
    throw new IssuerError('invalid_request', `before must be a time such as ${formatRfc3339(nowMs)}`, '/before');
  }
  if (timeMs > nowMs) throw new IssuerError('invalid_request', 'before must not lie in the future', '/before');
  return timeMs;
}

function requireAdmin(caller: AdminCaller | ClientCaller): void {
  if (caller.kind !== 'admin') throw new IssuerError('forbidden', 'a client revokes its own tokens alone', '/kind');
}

function subjectOf(target: RevocationTarget): { client?: string; audience?: string; tokenId?: string } {
  switch (target.kind) {
    case 'token':
      return { tokenId: target.tokenId, audience: target.audience };
    case 'client':
      return { client: target.client };
    case 'audience_key':
      return { audience: target.audience };
    case 'root_key':
      return {};
  }
}
