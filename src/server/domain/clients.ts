/** Clients: machines that obtain tokens, or verify them for an audience. */
import { formatRfc3339 } from '../../caveats/rfc3339.js';
import { isName } from '../../core/index.js';
import type { NewClientRequest, WireClient, WireNewClient, WireNewCredential } from '../../protocol/wire.js';
import { checkedHosts, checkedRanges, requireFreeHosts } from './addresses.js';
import { record } from './audit-trail.js';
import { checkedPolicy, defaultPolicy, proofsOfPolicy } from './auth-policy.js';
import { requireActions, requireAuthorityOver, requireClient } from './authority.js';
import { revokeCertificatesOf } from './certificates.js';
import { isSelfMade, selfMadeMaterial } from './credential-material.js';
import { insertCredential } from './credentials.js';
import { putGrantWithin, toWireGrant } from './grants.js';
import { type AdminCaller, issuerAudience } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import type { IssuerDependencies, StoreDependencies, StoreReader, StoreTransaction } from './ports.js';
import type { ClientRecord } from './records.js';
import { revokeClientTokens } from './revocation-entries.js';
import { insertActiveRootKey } from './root-keys.js';

/** What a new client is. */
export type NewClient = Pick<ClientRecord, 'name' | 'authPolicy' | 'ips' | 'hosts'>;

/**
 * A new client with a root key, the credentials of its policy that need nothing of it and, if asked, grants and audiences that it verifies
 * for, in one transaction. Throws `invalid_request`, `conflict` for a name that is or was in use, `not_found`, `forbidden`.
 */
export async function createClient(
  deps: IssuerDependencies,
  caller: AdminCaller,
  request: NewClientRequest,
): Promise<WireNewClient> {
  const { client: name, grants = [], verifier_of: audiences = [] } = request;
  if (grants.length > 0) requireActions(caller, ['grants:write']);
  if (audiences.length > 0) requireActions(caller, ['audiences:write']);
  if (request.auth?.flat().includes('shared_key_hmac') === true) {
    throw new IssuerError('invalid_request', 'a client of shared_key_hmac makes itself by an invitation: invite it', '/auth');
  }
  const ips = checkedRanges(request.ips ?? []);
  const hosts = checkedHosts(request.hosts ?? []);
  const client: NewClient = { name, ips, hosts, authPolicy: checkedPolicy(request.auth ?? defaultPolicy(ips), ips) };
  return await deps.store.transaction('grow', async (tx) => {
    const nowMs = deps.clock();
    await requireNewName(tx, name, '/client');
    await record(
      tx,
      nowMs,
      caller,
      'client.created',
      { client: name },
      { ...policyDetails(client), verifier_of: audiences.slice(0, 8) },
    );
    const created = await insertClient(deps, tx, client, nowMs);
    const credentials: WireNewCredential[] = [];
    for (const method of proofsOfPolicy(client.authPolicy).filter(isSelfMade)) {
      credentials.push(await insertCredential(deps, tx, name, selfMadeMaterial(deps, name, method), nowMs));
    }
    for (const [i, grant] of grants.entries()) await putGrantWithin(deps, tx, caller, name, grant, `/grants/${i}`);
    for (const [i, audience] of audiences.entries()) await putVerifierWithin(tx, name, audience, nowMs, `/verifier_of/${i}`);
    return { ...(await toWireClient(tx, created)), credentials };
  });
}

/** Throws `invalid_request` for what is no name, and `conflict` for one that is or was a client's. */
export async function requireNewName(tx: StoreReader, name: string, pointer: string): Promise<void> {
  if (!isName(name)) {
    throw new IssuerError('invalid_request', 'a client is named by lower-case letters, digits and inner ".", "_", "-"', pointer);
  }
  if ((await tx.client(name)) !== undefined) {
    throw new IssuerError('conflict', 'there is or was a client of this name; names are never reused', pointer);
  }
}

/** The client itself and its root key, in the caller's transaction. Throws `conflict` for a host that proves another client. */
export async function insertClient(
  deps: StoreDependencies,
  tx: StoreTransaction,
  client: NewClient,
  nowMs: number,
): Promise<ClientRecord> {
  await requireFreeHosts(tx, client.name, client.hosts);
  const created: ClientRecord = { ...client, state: 'active', createdAtMs: nowMs, lastIssuedAtMs: 0, revokedUntilMs: 0 };
  await tx.insertClient(created);
  await insertActiveRootKey(deps, tx, client.name, 1, nowMs);
  return created;
}

/** Every client, by name. */
export async function listClients(read: StoreReader): Promise<readonly WireClient[]> {
  return await Promise.all((await read.clients()).map((client) => toWireClient(read, client)));
}

/** One client. Throws `not_found`. */
export async function showClient(read: StoreReader, name: string): Promise<WireClient> {
  return await toWireClient(read, await requireClient(read, name));
}

/**
 * Ends a client for good: it proves itself no more, its tokens and certificates are revoked, in one transaction.
 * Throws `not_found`, `forbidden`, and `conflict` when a client would disable itself.
 */
export async function disableClient(deps: IssuerDependencies, caller: AdminCaller, name: string): Promise<WireClient> {
  return await deps.store.transaction('revoke', async (tx) => {
    const nowMs = deps.clock();
    const client = await requireAuthorityOver(tx, caller, name);
    if (name === caller.client) throw new IssuerError('conflict', 'a client cannot disable itself');
    if (client.state === 'disabled') return await toWireClient(tx, client);
    const disabled: ClientRecord = { ...client, state: 'disabled' };
    await revokeClientTokens(tx, disabled, nowMs, nowMs, 'disabled');
    const revoked = await revokeCertificatesOf(tx, name, nowMs);
    await record(tx, nowMs, caller, 'client.disabled', { client: name }, { certificates_revoked: revoked });
    return await toWireClient(tx, disabled);
  });
}

/** Lets a client verify for an audience, which gives it the audience's keys. Throws `not_found`, `forbidden`. */
export async function addVerifier(
  deps: IssuerDependencies,
  caller: AdminCaller,
  name: string,
  audience: string,
): Promise<WireClient> {
  return await deps.store.transaction('grow', async (tx) => {
    const nowMs = deps.clock();
    requireActions(caller, ['audiences:write']);
    const client = await requireAuthorityOver(tx, caller, name);
    await putVerifierWithin(tx, name, audience, nowMs, '/audience');
    await record(tx, nowMs, caller, 'verifier.added', { client: name, audience });
    return await toWireClient(tx, client);
  });
}

async function putVerifierWithin(
  tx: StoreTransaction,
  name: string,
  audience: string,
  nowMs: number,
  pointer: string,
): Promise<void> {
  if (audience === issuerAudience)
    throw new IssuerError('forbidden', `${issuerAudience} is reserved: nobody verifies for it`, pointer);
  if ((await tx.audience(audience)) === undefined) {
    throw new IssuerError('not_found', 'there is no such audience: add it first', pointer);
  }
  await tx.putVerifier(name, audience, nowMs);
}

/** `client` in the names of the wire. */
export async function toWireClient(read: StoreReader, client: ClientRecord): Promise<WireClient> {
  return {
    client: client.name,
    state: client.state,
    auth: client.authPolicy,
    ips: client.ips,
    hosts: client.hosts,
    verifier_of: await read.verifierAudiences(client.name),
    grants: (await read.grants(client.name)).map(toWireGrant),
    created_at: formatRfc3339(client.createdAtMs),
  };
}

/** What the audit log tells of how a client proves itself. */
export function policyDetails({ authPolicy, ips, hosts }: Pick<ClientRecord, 'authPolicy' | 'ips' | 'hosts'>) {
  return { auth: authPolicy, ips: ips.slice(0, 8), ips_count: ips.length, hosts: hosts.slice(0, 4), hosts_count: hosts.length };
}
