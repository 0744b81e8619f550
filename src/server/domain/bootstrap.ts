/** The first state of a new issuer, and the way back in for who lost the administrator's credential but has the machine. */

import type { MintResponse, WireNewCredential } from '../../protocol/wire.js';
import { record } from './audit-trail.js';
import { defaultPolicy } from './auth-policy.js';
import { insertClient } from './clients.js';
import { secretMaterial } from './credential-material.js';
import { insertCredential } from './credentials.js';
import { adminActions, adminClient, issuerAudience } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import type { StoreDependencies } from './ports.js';
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
    await record(tx, nowMs, local, 'issuer.initialised', { client: adminClient, audience: issuerAudience });
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

/** A ten-minute administration token for whoever can read the master key and the database of this machine. */
export async function mintRecoveryToken(deps: StoreDependencies): Promise<MintResponse> {
  return await deps.store.transaction('revoke', async (tx) => {
    const client = await tx.client(adminClient);
    if (client === undefined) throw new IssuerError('not_found', 'this issuer has no client admin');
    const request = { audience: issuerAudience, expires_in: recoveryExpiresSeconds };
    return await mintWithin(deps, tx, client, request, { actor: local, authMethods: ['local'], credentialId: null });
  });
}
