/** The first state of a new issuer, and the way back in for who lost the administrator's credential but has the machine. */

import { someCoverAction } from '../../core/index.js';
import type { MintResponse, WireNewCredential } from '../../protocol/wire.js';
import { record } from './audit-trail.js';
import { defaultPolicy } from './auth-policy.js';
import { insertClient } from './clients.js';
import { secretMaterial } from './credential-material.js';
import { insertCredential } from './credentials.js';
import { adminActions, adminClient, issuerAudience } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import type { StoreDependencies, StoreReader } from './ports.js';
import { mintWithin } from './tokens.js';

const local = { client: '(local)' };
const adminMaxExpiresMs = 86_400_000;
const recoveryExpiresSeconds = 600;

/** The credential of client `admin`. */
export type FirstCredential = WireNewCredential & { readonly secret: string };

/** Creates the issuer's own audience and client `admin` with a grant for all of it. Returns the credential: shown this once. */
export async function createFirstAdmin(deps: StoreDependencies): Promise<FirstCredential> {
  return await deps.store.transaction('grow', async (tx) => {
    const nowMs = deps.clock();
    const subject = { client: adminClient, audience: issuerAudience };
    await record(tx, nowMs, local, 'issuer.initialised', subject, { actions: adminActions });
    await tx.insertAudience({ name: issuerAudience, generation: 0, createdAtMs: nowMs, changeSeq: await tx.nextChangeSeq() });
    await insertClient(deps, tx, { name: adminClient, authPolicy: defaultPolicy([]), ips: [], hosts: [] }, nowMs);
    const material = secretMaterial(deps, 'client_secret_basic');
    const credential = await insertCredential(deps, tx, adminClient, material, nowMs);
    await tx.putGrant({
      client: adminClient,
      audience: issuerAudience,
      actions: adminActions,
      maxExpiresMs: adminMaxExpiresMs,
      requiredCaveats: [],
      bind: [],
      createdAtMs: nowMs,
      removedAtMs: null,
      changeSeq: await tx.nextChangeSeq(),
    });
    return { ...credential, secret: material.secret };
  });
}

/** What client `admin` was granted by issuers that did not say so in their audit log. */
const firstActions: readonly string[] = [
  'clients:read',
  'clients:write',
  'root-keys:read',
  'root-keys:write',
  'grants:read',
  'grants:write',
  'audiences:read',
  'audiences:write',
  'revocations:write',
  'audit:read',
];

/**
 * Gives client `admin` the actions that came with a newer program, once each: what an administrator took away from it since stays away, and an
 * `admin` whose grant was narrowed before gets nothing.
 */
export async function grantNewAdminActions(deps: StoreDependencies): Promise<void> {
  const { read } = deps.store;
  const given = new Set([...(await actionsIn(read, 'issuer.initialised')), ...(await actionsIn(read, 'admin.extended'))]);
  if (given.size === 0) for (const action of firstActions) given.add(action);
  const missing = adminActions.filter((action) => !given.has(action));
  if (missing.length === 0) return;
  await deps.store.transaction('grow', async (tx) => {
    const grant = await tx.grant(adminClient, issuerAudience);
    const isWhole = grant?.removedAtMs === null && [...given].every((action) => someCoverAction(grant.actions, action));
    if (grant === undefined || !isWhole) return;
    const actions = [...grant.actions, ...missing.filter((action) => !someCoverAction(grant.actions, action))];
    await tx.putGrant({ ...grant, actions, changeSeq: await tx.nextChangeSeq() });
    // All of them from now on, so that the first entries need not be known any more.
    const subject = { client: adminClient, audience: issuerAudience };
    await record(tx, deps.clock(), local, 'admin.extended', subject, { actions: adminActions });
  });
}

async function actionsIn(read: StoreReader, event: string): Promise<readonly string[]> {
  const entries = await read.audit({ event, limit: 100 });
  return entries.flatMap(({ details }) => (Array.isArray(details['actions']) ? details['actions'].map(String) : []));
}

/** A ten-minute administration token for whoever can read the master key and the database of this machine. */
export async function mintRecoveryToken(deps: StoreDependencies): Promise<MintResponse> {
  return await deps.store.transaction('revoke', async (tx) => {
    const client = await tx.client(adminClient);
    if (client === undefined) throw new IssuerError('not_found', 'this issuer has no client admin');
    const request = { audience: issuerAudience, expires_in: recoveryExpiresSeconds };
    return await mintWithin(deps, tx, client, request, { actor: local, authMethods: ['local'], credentialId: null });
  });
}
