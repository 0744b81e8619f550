/** Audiences: the services that tokens are for, each with key generations of its own. */
import { formatRfc3339 } from '../../caveats/rfc3339.js';
import { isName, someCoverAction } from '../../core/index.js';
import type { WireAudience } from '../../protocol/wire.js';
import { record } from './audit-trail.js';
import { requireActions } from './authority.js';
import { type AdminCaller, issuerAudience } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import type { IssuerDependencies, StoreReader, StoreTransaction } from './ports.js';
import type { AudienceRecord } from './records.js';
import { revokeAudienceGeneration } from './revocation-entries.js';

/** Every audience, the issuer's own included. */
export async function listAudiences(read: StoreReader): Promise<readonly WireAudience[]> {
  return (await read.audiences()).map(toWire);
}

/** A new audience at key generation 0; a caller that may add clients verifies for it. Throws `invalid_request`, and `conflict` for a name that is or was in use. */
export async function createAudience(deps: IssuerDependencies, caller: AdminCaller, name: string): Promise<WireAudience> {
  if (!isName(name)) {
    throw new IssuerError(
      'invalid_request',
      'an audience is named by lower-case letters, digits and inner ".", "_", "-"',
      '/audience',
    );
  }
  return await deps.store.transaction('grow', async (tx) => {
    const nowMs = deps.clock();
    if ((await tx.audience(name)) !== undefined)
      throw new IssuerError('conflict', 'there is an audience of this name', '/audience');
    const audience: AudienceRecord = { name, generation: 0, createdAtMs: nowMs, changeSeq: await tx.nextChangeSeq() };
    await tx.insertAudience(audience);
    await record(tx, nowMs, caller, 'audience.created', { audience: name });
    // Who may add clients could make itself a verifier anyway; so it can verify what it just made without a second credential.
    if (someCoverAction(caller.actions, 'clients:write')) {
      await tx.putVerifier(caller.client, name, nowMs);
      await record(tx, nowMs, caller, 'verifier.added', { client: caller.client, audience: name });
    }
    return toWire(audience);
  });
}

/**
 * A new key generation for new tokens; the one before it is revoked in the same transaction unless `keepPrevious`.
 * Throws `not_found`, and `forbidden` for the issuer's own audience unless the caller holds all that its tokens could hold.
 */
export async function rotateAudience(
  deps: IssuerDependencies,
  caller: AdminCaller,
  name: string,
  keepPrevious: boolean,
): Promise<WireAudience> {
  return await deps.store.transaction(keepPrevious ? 'grow' : 'revoke', async (tx) => {
    const nowMs = deps.clock();
    const audience = await tx.audience(name);
    if (audience === undefined) throw new IssuerError('not_found', 'there is no such audience');
    if (name === issuerAudience) requireActions(caller, ['audiences:write', 'revocations:write']);
    const advanced = await advanceAudience(tx, audience);
    if (!keepPrevious) await revokeAudienceGeneration(tx, name, audience.generation, nowMs, 'rotated');
    const details = { generation: advanced.generation, previous_kept: keepPrevious };
    await record(tx, nowMs, caller, 'audience.rotated', { audience: name }, details);
    return toWire(advanced);
  });
}

/** The next key generation of `audience`, in the caller's transaction. */
export async function advanceAudience(tx: StoreTransaction, audience: AudienceRecord): Promise<AudienceRecord> {
  const advanced = { ...audience, generation: audience.generation + 1, changeSeq: await tx.nextChangeSeq() };
  await tx.updateAudience(advanced);
  return advanced;
}

function toWire(audience: AudienceRecord): WireAudience {
  return { audience: audience.name, generation: audience.generation, created_at: formatRfc3339(audience.createdAtMs) };
}
