/** Clients: machines that obtain tokens, or verify them for an audience. */
import { formatRange, parseRange } from '../../caveats/ip-address.js';
import { formatRfc3339 } from '../../caveats/rfc3339.js';
import { isName } from '../../core/index.js';
import type { NewClientRequest, WireClient, WireNewCredential } from '../../protocol/wire.js';
import { record } from './audit-trail.js';
import { requireActions, requireAuthorityOver, requireClient } from './authority.js';
import { insertCredential } from './credentials.js';
import { putGrantWithin, toWireGrant } from './grants.js';
import { type AdminCaller, issuerAudience } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import type { IssuerDependencies, StoreReader, StoreTransaction } from './ports.js';
import type { ClientRecord } from './records.js';
import { revokeClientTokens } from './revocation-entries.js';
import { insertActiveRootKey } from './root-keys.js';

const maxRanges = 64;

/**
 * A new client with a root key, a credential and, if asked, grants and audiences that it verifies for, in one transaction.
 * Throws `invalid_request`, `conflict` for a name that is or was in use, `not_found`, `forbidden`.
 */
export async function createClient(
  deps: IssuerDependencies,
  caller: AdminCaller,
  request: NewClientRequest,
): Promise<WireNewCredential> {
  const { client: name, grants = [], ips = [], verifier_of: audiences = [] } = request;
  if (!isName(name)) {
    throw new IssuerError(
      'invalid_request',
      'a client is named by lower-case letters, digits and inner ".", "_", "-"',
      '/client',
    );
  }
  if (grants.length > 0) requireActions(caller, ['grants:write']);
  if (audiences.length > 0) requireActions(caller, ['audiences:write']);
  const ranges = checkedRanges(ips);
  return await deps.store.transaction('grow', async (tx) => {
    const nowMs = deps.clock();
    if ((await tx.client(name)) !== undefined) {
      throw new IssuerError('conflict', 'there is or was a client of this name; names are never reused', '/client');
    }
    await record(
      tx,
      nowMs,
      caller,
      'client.created',
      { client: name },
      { ips_count: ranges.length, verifier_of: audiences.slice(0, 8) },
    );
    const credential = await insertClientWithin(deps, tx, name, ranges, nowMs);
    for (const [i, grant] of grants.entries()) await putGrantWithin(deps, tx, caller, name, grant, `/grants/${i}`);
    for (const [i, audience] of audiences.entries()) await putVerifierWithin(tx, name, audience, nowMs, `/verifier_of/${i}`);
    return credential;
  });
}

/** The client itself, its root key and its credential, in the caller's transaction. */
export async function insertClientWithin(
  deps: IssuerDependencies,
  tx: StoreTransaction,
  name: string,
  ips: readonly string[],
  nowMs: number,
): Promise<WireNewCredential> {
  await tx.insertClient({
    name,
    state: 'active',
    authPolicy: [ips.length === 0 ? ['client_secret_basic'] : ['client_secret_basic', 'ip']],
    ips,
    hosts: [],
    createdAtMs: nowMs,
    lastIssuedAtMs: 0,
    revokedUntilMs: 0,
  });
  await insertActiveRootKey(deps, tx, name, 1, nowMs);
  return await insertCredential(deps, tx, name, nowMs);
}

/** Every client, by name. */
export async function listClients(read: StoreReader): Promise<readonly WireClient[]> {
  return await Promise.all((await read.clients()).map((client) => toWire(read, client)));
}

/** One client. Throws `not_found`. */
export async function showClient(read: StoreReader, name: string): Promise<WireClient> {
  return await toWire(read, await requireClient(read, name));
}

/**
 * Ends a client for good: it proves itself no more and its tokens are revoked, in one transaction.
 * Throws `not_found`, `forbidden`, and `conflict` when a client would disable itself.
 */
export async function disableClient(deps: IssuerDependencies, caller: AdminCaller, name: string): Promise<WireClient> {
  return await deps.store.transaction('revoke', async (tx) => {
    const nowMs = deps.clock();
    const client = await requireAuthorityOver(tx, caller, name);
    if (name === caller.client) throw new IssuerError('conflict', 'a client cannot disable itself');
    if (client.state === 'disabled') return await toWire(tx, client);
    const disabled: ClientRecord = { ...client, state: 'disabled' };
    await revokeClientTokens(tx, disabled, nowMs, nowMs, 'disabled');
    await record(tx, nowMs, caller, 'client.disabled', { client: name });
    return await toWire(tx, disabled);
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
    return await toWire(tx, client);
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

function checkedRanges(ips: readonly string[]): readonly string[] {
  if (ips.length > maxRanges || new Set(ips).size !== ips.length) {
    throw new IssuerError('invalid_request', `ips must be at most ${maxRanges} different ranges`, '/ips');
  }
  ips.forEach((text, i) => {
    const range = parseRange(text);
    if (range === undefined || formatRange(range) !== text) {
      throw new IssuerError('invalid_request', 'not an address or range such as 10.0.0.0/8, without host bits', `/ips/${i}`);
    }
  });
  return ips;
}

async function toWire(read: StoreReader, client: ClientRecord): Promise<WireClient> {
  return {
    client: client.name,
    state: client.state,
    auth_methods: [...new Set(client.authPolicy.flat())],
    ips: client.ips,
    verifier_of: await read.verifierAudiences(client.name),
    grants: (await read.grants(client.name)).map(toWireGrant),
    created_at: formatRfc3339(client.createdAtMs),
  };
}
