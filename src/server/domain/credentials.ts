/** Credentials: server-made secrets, shown once and kept as their hash; two live at once, so that they rotate without an outage. */
import { formatRfc3339 } from '../../caveats/rfc3339.js';
import { encodeBase64url, encodeUtf8, sha256 } from '../../core/index.js';
import type { WireCredential, WireNewCredential } from '../../protocol/wire.js';
import { record } from './audit-trail.js';
import { requireAuthorityOver, requireClient } from './authority.js';
import type { AdminCaller } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import type { IssuerDependencies, StoreReader, StoreTransaction } from './ports.js';
import type { CredentialRecord } from './records.js';

const maxLiveCredentials = 2;
const authMethod = 'client_secret_basic';

/** base64url SHA-256 of a secret as shown: what is kept of it, and what a presented one is compared by. */
function hashSecret(secret: string): string {
  return encodeBase64url(sha256(encodeUtf8(secret)));
}

/** A fresh credential of `client` in the caller's transaction: 256 random bits behind a prefix that secret scanners find. */
export async function insertCredential(
  deps: IssuerDependencies,
  tx: StoreTransaction,
  client: string,
  nowMs: number,
): Promise<WireNewCredential> {
  const secret = `mcs_${encodeBase64url(deps.randomBytes(32))}`;
  const id = `crd_${encodeBase64url(deps.randomBytes(12))}`;
  await tx.insertCredential({
    id,
    client,
    authMethod,
    algorithm: null,
    secretHash: hashSecret(secret),
    publicKey: null,
    binding: null,
    ips: [],
    createdAtMs: nowMs,
    retiredAtMs: null,
  });
  return { client, credential_id: id, auth_method: authMethod, secret };
}

/** The client's credentials, oldest first; never their secrets. Throws `not_found`. */
export async function listCredentials(read: StoreReader, client: string): Promise<readonly WireCredential[]> {
  await requireClient(read, client);
  return (await read.credentials(client)).map(toWire);
}

/** A second live credential. Throws `not_found`, `forbidden`, and `conflict` when two are live. */
export async function addCredential(deps: IssuerDependencies, caller: AdminCaller, client: string): Promise<WireNewCredential> {
  return await deps.store.transaction('grow', async (tx) => {
    const nowMs = deps.clock();
    const { state } = await requireAuthorityOver(tx, caller, client);
    if (state === 'disabled') throw new IssuerError('conflict', 'the client is disabled');
    const live = (await tx.credentials(client)).filter((credential) => credential.retiredAtMs === null);
    if (live.length >= maxLiveCredentials) {
      throw new IssuerError('conflict', `${maxLiveCredentials} credentials are live: retire one first`);
    }
    const credential = await insertCredential(deps, tx, client, nowMs);
    await record(tx, nowMs, caller, 'credential.added', { client }, { credential_id: credential.credential_id });
    return credential;
  });
}

/** Ends a credential; tokens that it obtained live on. Throws `not_found`, `forbidden`. */
export async function retireCredential(
  deps: IssuerDependencies,
  caller: AdminCaller,
  client: string,
  credentialId: string,
): Promise<WireCredential> {
  return await deps.store.transaction('revoke', async (tx) => {
    const nowMs = deps.clock();
    await requireAuthorityOver(tx, caller, client);
    const credential = await tx.credential(credentialId);
    if (credential?.client !== client) throw new IssuerError('not_found', 'there is no such credential');
    if (credential.retiredAtMs !== null) return toWire(credential);
    const retired = { ...credential, retiredAtMs: nowMs };
    await tx.updateCredential(retired);
    await record(tx, nowMs, caller, 'credential.retired', { client }, { credential_id: credentialId });
    return toWire(retired);
  });
}

function toWire(credential: CredentialRecord): WireCredential {
  const { id, client, authMethod: auth_method, createdAtMs, retiredAtMs } = credential;
  const created_at = formatRfc3339(createdAtMs);
  if (retiredAtMs === null) return { credential_id: id, client, auth_method, state: 'live', created_at };
  return { credential_id: id, client, auth_method, state: 'retired', created_at, retired_at: formatRfc3339(retiredAtMs) };
}
