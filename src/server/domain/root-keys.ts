/** Root keys by generation: the active one mints, passive ones still verify, a destroyed one is gone with everything minted under it. */
import { formatRfc3339 } from '../../caveats/rfc3339.js';
import { createUuidV7, encodeBase64url, RootKey } from '../../core/index.js';
import type { WireRootKey } from '../../protocol/wire.js';
import { record } from './audit-trail.js';
import { requireAuthorityOver, requireClient } from './authority.js';
import type { AdminCaller } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import type { IssuerDependencies, StoreDependencies, StoreReader, StoreTransaction } from './ports.js';
import type { RootKeyRecord } from './records.js';
import { insertRootKeyRevocation } from './revocation-entries.js';

/** A fresh active root key of `client`, in the caller's transaction. */
export async function insertActiveRootKey(
  deps: StoreDependencies,
  tx: StoreTransaction,
  client: string,
  generation: number,
  nowMs: number,
): Promise<RootKeyRecord> {
  const rootKey: RootKeyRecord = {
    id: encodeBase64url(createUuidV7(nowMs, deps.randomBytes)),
    client,
    generation,
    state: 'active',
    createdAtMs: nowMs,
    changeSeq: await tx.nextChangeSeq(),
  };
  await tx.insertRootKey(rootKey, new RootKey(deps.randomBytes(32)));
  return rootKey;
}

/** Makes the active root key of `client` passive and a fresh one active, in the caller's transaction. */
export async function replaceActiveRootKey(
  deps: StoreDependencies,
  tx: StoreTransaction,
  client: string,
  nowMs: number,
): Promise<RootKeyRecord> {
  const rootKeys = await tx.rootKeys(client);
  for (const rootKey of rootKeys) {
    if (rootKey.state === 'active') await tx.updateRootKey({ ...rootKey, state: 'passive', changeSeq: await tx.nextChangeSeq() });
  }
  const latest = Math.max(0, ...rootKeys.map((rootKey) => rootKey.generation));
  return await insertActiveRootKey(deps, tx, client, latest + 1, nowMs);
}

/** The root keys of a client, oldest first; never their secrets. Throws `not_found`. */
export async function listRootKeys(read: StoreReader, client: string): Promise<readonly WireRootKey[]> {
  await requireClient(read, client);
  return (await read.rootKeys(client)).map(toWire);
}

/** Rotates with overlap: what the old key minted verifies on until it is destroyed or expires. Throws `not_found`, `forbidden`. */
export async function rotateRootKey(deps: IssuerDependencies, caller: AdminCaller, client: string): Promise<WireRootKey> {
  return await deps.store.transaction('grow', async (tx) => {
    const nowMs = deps.clock();
    await requireAuthorityOver(tx, caller, client);
    const rootKey = await replaceActiveRootKey(deps, tx, client, nowMs);
    await record(tx, nowMs, caller, 'root_key.rotated', { client }, { root_key_id: rootKey.id, generation: rootKey.generation });
    return toWire(rootKey);
  });
}

/**
 * Erases a passive root key and revokes what it minted, in one transaction. Throws `not_found`, `forbidden`, and `conflict` for the
 * active key, which must be rotated first.
 */
export async function destroyRootKey(
  deps: IssuerDependencies,
  caller: AdminCaller,
  client: string,
  rootKeyId: string,
): Promise<WireRootKey> {
  return await deps.store.transaction('revoke', async (tx) => {
    const nowMs = deps.clock();
    await requireAuthorityOver(tx, caller, client);
    const rootKey = await tx.rootKey(rootKeyId);
    if (rootKey?.client !== client) throw new IssuerError('not_found', 'there is no such root key');
    if (rootKey.state === 'active') throw new IssuerError('conflict', 'the active root key cannot be destroyed: rotate it first');
    if (rootKey.state === 'destroyed') return toWire(rootKey);
    const destroyed: RootKeyRecord = { ...rootKey, state: 'destroyed', changeSeq: await tx.nextChangeSeq() };
    await insertRootKeyRevocation(tx, rootKeyId, nowMs, 'destroyed');
    await tx.updateRootKey(destroyed);
    await record(tx, nowMs, caller, 'root_key.destroyed', { client }, { root_key_id: rootKeyId, generation: rootKey.generation });
    return toWire(destroyed);
  });
}

function toWire(rootKey: RootKeyRecord): WireRootKey {
  const { id, client, generation, state, createdAtMs } = rootKey;
  return { root_key_id: id, client, generation, state, created_at: formatRfc3339(createdAtMs) };
}
