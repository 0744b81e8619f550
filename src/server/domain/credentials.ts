/** Credentials: what a client proves itself with. Two of each auth method may be live, so that they rotate without an outage. */
import { formatRfc3339 } from '../../caveats/rfc3339.js';
import { encodeBase64url, encodeUtf8, sha256 } from '../../core/index.js';
import type { NewCredentialRequest, WireCredential, WireNewCredential } from '../../protocol/wire.js';
import { checkedRanges } from './addresses.js';
import { record } from './audit-trail.js';
import { requireAuthorityOver, requireAuthorityOverProof, requireClient } from './authority.js';
import { type CredentialMaterial, keyThumbprintOf, materialOf } from './credential-material.js';
import type { AdminCaller } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import type { IssuerDependencies, StoreDependencies, StoreReader, StoreTransaction } from './ports.js';
import type { ClientState, CredentialRecord } from './records.js';
import { requireWayIn } from './way-in.js';

const maxLiveCredentials = 2;

/** The client's credentials, oldest first; never their secrets. Throws `not_found`. */
export async function listCredentials(read: StoreReader, client: string): Promise<readonly WireCredential[]> {
  const { state } = await requireClient(read, client);
  return (await read.credentials(client)).map((credential) => toWire(credential, state));
}

/**
 * Another credential. Throws `invalid_request`, `not_found`, `forbidden`, and `conflict` when two of its method are live, when its key is
 * or was the client's, and when its name is or was anyone's.
 */
export async function addCredential(
  deps: IssuerDependencies,
  caller: AdminCaller,
  client: string,
  request: NewCredentialRequest,
): Promise<WireNewCredential> {
  const ips = checkedRanges(request.ips ?? []);
  const material = await materialOf(deps, client, request);
  return await deps.store.transaction('grow', async (tx) => {
    const nowMs = deps.clock();
    const { state } = await requireAuthorityOverProof(tx, caller, client);
    if (state === 'disabled') throw new IssuerError('conflict', 'the client is disabled');
    await requireRoom(tx, client, material);
    const credential = await insertCredential(deps, tx, client, material, nowMs, ips);
    await record(tx, nowMs, caller, 'credential.added', { client }, auditDetails(credential, material, ips));
    return credential;
  });
}

/**
 * Ends a credential; tokens that it obtained live on. Throws `not_found`, also where it is not one of `expectedClient`, `forbidden`, and `conflict`
 * for the last way in.
 */
export async function retireCredential(
  deps: IssuerDependencies,
  caller: AdminCaller,
  credentialId: string,
  expectedClient?: string,
): Promise<WireCredential> {
  return await deps.store.transaction('revoke', async (tx) => {
    const nowMs = deps.clock();
    const credential = await tx.credential(credentialId);
    if (credential === undefined || credential.client !== (expectedClient ?? credential.client)) {
      throw new IssuerError('not_found', 'there is no such credential');
    }
    const { client } = credential;
    const holder = await requireAuthorityOver(tx, caller, client);
    if (credential.retiredAtMs !== null) return toWire(credential, holder.state);
    await requireWayIn(tx, caller, holder, { without: credentialId });
    const retired = { ...credential, retiredAtMs: nowMs };
    await tx.updateCredential(retired);
    await record(tx, nowMs, caller, 'credential.retired', { client }, { credential_id: credentialId });
    return toWire(retired, holder.state);
  });
}

/**
 * Keeps a new credential of `client` in the caller's transaction: a secret that is only ever compared as its hash, one that proofs are
 * computed with under the master key. Throws `conflict` for a name that is or was in use.
 */
export async function insertCredential(
  deps: StoreDependencies,
  tx: StoreTransaction,
  client: string,
  material: CredentialMaterial,
  nowMs: number,
  ips: readonly string[] = [],
): Promise<WireNewCredential> {
  const { secret, ...members } = material;
  if (members.binding !== null) await requireFreeBinding(tx, client, members.binding);
  const isCompared = members.authMethod === 'client_secret_basic' && secret !== undefined;
  const id = newCredentialId(deps);
  await tx.insertCredential(
    {
      id,
      client,
      ...members,
      secretHash: isCompared ? encodeBase64url(sha256(encodeUtf8(secret))) : null,
      ips,
      createdAtMs: nowMs,
      retiredAtMs: null,
    },
    isCompared || secret === undefined ? undefined : encodeUtf8(secret),
  );
  return {
    client,
    credential_id: id,
    auth_method: members.authMethod,
    ...(members.algorithm === null ? {} : { algorithm: members.algorithm }),
    ...(secret === undefined ? {} : { secret }),
    ...(members.binding === null ? {} : { binding: members.binding }),
  };
}

/** An id that no credential has. */
export function newCredentialId({ randomBytes }: Pick<StoreDependencies, 'randomBytes'>): string {
  return `crd_${encodeBase64url(randomBytes(12))}`;
}

async function requireRoom(tx: StoreReader, client: string, { authMethod, publicKey }: CredentialMaterial): Promise<void> {
  const credentials = await tx.credentials(client);
  const live = credentials.filter((one) => one.authMethod === authMethod && one.retiredAtMs === null);
  if (live.length >= maxLiveCredentials) {
    throw new IssuerError('conflict', `${maxLiveCredentials} credentials of ${authMethod} are live: retire one first`);
  }
  // A key serves one credential, once: one that was retired does not come back, and one that signs does not decrypt.
  if (publicKey !== null && credentials.some((one) => one.publicKey === publicKey)) {
    throw new IssuerError('conflict', 'the client has or had a credential with this key: make a new key', '/public_key');
  }
}

async function requireFreeBinding(tx: StoreReader, client: string, binding: string): Promise<void> {
  if ((await tx.credentialByBinding(binding)) !== undefined) {
    throw new IssuerError('conflict', `a credential with ${binding} is or was there; none can have it again`);
  }
  const named = /^dn:CN=([^,+\\]+)$/.exec(binding)?.[1];
  if (named !== undefined && named !== client && (await tx.client(named)) !== undefined) {
    throw new IssuerError('conflict', 'this is the subject that certificates of another client have', '/subject');
  }
  if (!binding.startsWith('dns:')) return;
  const servers = await tx.clientsOfHost(binding.slice('dns:'.length));
  if (servers.some((name) => name !== client)) throw new IssuerError('conflict', 'this name is a host of another client', '/san');
}

/** What the audit log tells of a new credential. */
function auditDetails(made: WireNewCredential, { publicKey }: CredentialMaterial, ips: readonly string[]) {
  return {
    credential_id: made.credential_id,
    auth_method: made.auth_method,
    algorithm: made.algorithm,
    binding: made.binding,
    key_thumbprint: keyThumbprintOf(publicKey),
    ips_count: ips.length,
  };
}

function toWire(credential: CredentialRecord, clientState: ClientState): WireCredential {
  const { id, client, authMethod, algorithm, binding, publicKey, ips, createdAtMs, retiredAtMs } = credential;
  const keyThumbprint = keyThumbprintOf(publicKey);
  const unretired = clientState === 'active' ? 'live' : 'disabled';
  return {
    credential_id: id,
    client,
    auth_method: authMethod,
    ...(algorithm === null ? {} : { algorithm }),
    // What an enrolment is known by is of no use to anybody else.
    ...(binding === null || authMethod === 'shared_key_hmac' ? {} : { binding }),
    ...(keyThumbprint === undefined ? {} : { key_thumbprint: keyThumbprint }),
    ips,
    state: retiredAtMs === null ? unretired : 'retired',
    created_at: formatRfc3339(createdAtMs),
    ...(retiredAtMs === null ? {} : { retired_at: formatRfc3339(retiredAtMs) }),
  };
}
