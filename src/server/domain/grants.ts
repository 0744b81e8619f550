/** Grants: what a client may obtain for an audience. */
import { encodeUtf8, isActionPattern, limits } from '../../core/index.js';
import type { GrantBinding, WireGrant, WireGrantRequest } from '../../protocol/wire.js';
import { record } from './audit-trail.js';
import { requireAuthorityOver, requireClient, requireHandingOn } from './authority.js';
import { type AdminCaller, issuerAudience } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import type { IssuerDependencies, StoreReader, StoreTransaction } from './ports.js';
import { type GrantRecord, longestTokenLifeMs } from './records.js';
import { requireConditions } from './tokens.js';

const defaultMaxExpiresSeconds = 86_400;
const longestMaxExpiresSeconds = longestTokenLifeMs / 1000;
/** Caveats that a grant may require: room is left for what clients add. */
export const maxRequiredCaveats = 16;
const maxRequiredCaveatBytes = 2048;

/** The client's grants. Throws `not_found`. */
export async function listGrants(read: StoreReader, client: string): Promise<readonly WireGrant[]> {
  await requireClient(read, client);
  return (await read.grants(client)).map(toWireGrant);
}

/** Adds or replaces a grant. Throws `not_found`, `invalid_request`, and `forbidden` beyond the caller's effective actions. */
export async function putGrant(
  deps: IssuerDependencies,
  caller: AdminCaller,
  client: string,
  request: WireGrantRequest,
): Promise<WireGrant> {
  return await deps.store.transaction('grow', async (tx) => {
    await requireAuthorityOver(tx, caller, client);
    return toWireGrant(await putGrantWithin(deps, tx, caller, client, request, ''));
  });
}

/** The same inside the caller's transaction, for a client that it may change; `pointer` is where the grant stands in the request. */
export async function putGrantWithin(
  deps: IssuerDependencies,
  tx: StoreTransaction,
  caller: AdminCaller,
  client: string,
  request: WireGrantRequest,
  pointer: string,
): Promise<GrantRecord> {
  const nowMs = deps.clock();
  if ((await tx.audience(request.audience)) === undefined) {
    throw new IssuerError('not_found', 'there is no such audience: add it first', `${pointer}/audience`);
  }
  checkActions(request.actions, `${pointer}/actions`);
  if (request.audience === issuerAudience) requireHandingOn(caller, request.actions);
  const requiredCaveats = request.required_caveats ?? [];
  checkRequiredCaveats(requiredCaveats, `${pointer}/required_caveats`);
  const grant: GrantRecord = {
    client,
    audience: request.audience,
    actions: request.actions,
    maxExpiresMs: checkedLife(request.max_expires_in ?? defaultMaxExpiresSeconds, `${pointer}/max_expires_in`) * 1000,
    requiredCaveats,
    bind: checkedBindings(request.bind ?? [], `${pointer}/bind`),
    createdAtMs: nowMs,
    removedAtMs: null,
    changeSeq: await tx.nextChangeSeq(),
  };
  await tx.putGrant(grant);
  await record(
    tx,
    nowMs,
    caller,
    'grant.put',
    { client, audience: request.audience },
    {
      actions: request.actions.slice(0, 8),
      actions_count: request.actions.length,
      max_expires_in: grant.maxExpiresMs / 1000,
      required_caveats_count: requiredCaveats.length,
      bind: grant.bind,
    },
  );
  return grant;
}

/** Ends a grant: nothing new is minted under it; what was minted lives on. Throws `not_found`, `forbidden`. */
export async function removeGrant(
  deps: IssuerDependencies,
  caller: AdminCaller,
  client: string,
  audience: string,
): Promise<void> {
  await deps.store.transaction('revoke', async (tx) => {
    const nowMs = deps.clock();
    await requireAuthorityOver(tx, caller, client);
    const grant = await tx.grant(client, audience);
    if (grant === undefined || grant.removedAtMs !== null) throw new IssuerError('not_found', 'there is no such grant');
    await tx.putGrant({ ...grant, removedAtMs: nowMs });
    await record(tx, nowMs, caller, 'grant.removed', { client, audience });
  });
}

/** `grant` in the names of the wire. */
export function toWireGrant(grant: GrantRecord): WireGrant {
  return {
    audience: grant.audience,
    actions: grant.actions,
    max_expires_in: grant.maxExpiresMs / 1000,
    required_caveats: grant.requiredCaveats,
    bind: grant.bind,
  };
}

function checkActions(actions: readonly string[], pointer: string): void {
  if (actions.length === 0 || actions.length > limits.maxActions || new Set(actions).size !== actions.length) {
    throw new IssuerError('invalid_request', `actions must be 1 to ${limits.maxActions} different actions`, pointer);
  }
  actions.forEach((action, i) => {
    if (!isActionPattern(action)) {
      throw new IssuerError('invalid_request', 'not an action such as invoices:read or invoices:*', `${pointer}/${i}`);
    }
  });
  const totalBytes = actions.reduce((sum, action) => sum + action.length + 3, 0);
  if (totalBytes > limits.maxIdentifierBytes - 256) {
    throw new IssuerError(
      'invalid_request',
      'the actions would not fit into an identifier: use a pattern such as invoices:*',
      pointer,
    );
  }
}

function checkRequiredCaveats(conditions: readonly string[], pointer: string): void {
  requireConditions(conditions, pointer);
  if (conditions.length > maxRequiredCaveats) {
    throw new IssuerError('invalid_request', `a grant requires at most ${maxRequiredCaveats} caveats`, pointer);
  }
  if (new Set(conditions).size !== conditions.length) throw new IssuerError('invalid_request', 'a caveat is repeated', pointer);
  if (encodeUtf8(conditions.join('')).length > maxRequiredCaveatBytes) {
    throw new IssuerError('invalid_request', `required caveats have at most ${maxRequiredCaveatBytes} bytes together`, pointer);
  }
}

function checkedLife(seconds: number, pointer: string): number {
  if (Number.isSafeInteger(seconds) && seconds >= 1 && seconds <= longestMaxExpiresSeconds) return seconds;
  throw new IssuerError('invalid_request', `max_expires_in must be 1 to ${longestMaxExpiresSeconds} seconds`, pointer);
}

function checkedBindings(bind: readonly GrantBinding[], pointer: string): readonly GrantBinding[] {
  if (new Set(bind).size === bind.length) return bind;
  throw new IssuerError('invalid_request', 'a binding is repeated', pointer);
}
