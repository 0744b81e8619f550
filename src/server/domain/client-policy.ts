/** Changes how a client is to prove itself. As strong as a new credential: who may not add one may not do this either. */
import type { ClientPolicyRequest, WireClient } from '../../protocol/wire.js';
import { checkedHosts, checkedRanges, requireFreeHosts } from './addresses.js';
import { record } from './audit-trail.js';
import { asksForAddress, checkedPolicy } from './auth-policy.js';
import { requireAuthorityOverProof } from './authority.js';
import { policyDetails, toWireClient } from './clients.js';
import type { AdminCaller } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import type { IssuerDependencies, StoreReader } from './ports.js';
import type { ClientRecord } from './records.js';
import { requireWayIn } from './way-in.js';

/**
 * Changes what `request` names; effective at once, tokens that were minted live on. Throws `invalid_request`, `not_found`, `forbidden`, and
 * `conflict` for a disabled client, for a host that proves another one, and for a policy that would shut its own administrator out.
 */
export async function changePolicy(
  deps: IssuerDependencies,
  caller: AdminCaller,
  name: string,
  request: ClientPolicyRequest,
): Promise<WireClient> {
  const { auth, ips, hosts } = request;
  if (auth === undefined && ips === undefined && hosts === undefined) {
    throw new IssuerError('invalid_request', 'nothing to change: give auth, ips or hosts');
  }
  if (ips !== undefined) checkedRanges(ips);
  if (hosts !== undefined) checkedHosts(hosts);
  return await deps.store.transaction('grow', async (tx) => {
    const client = await requireAuthorityOverProof(tx, caller, name);
    if (client.state === 'disabled') throw new IssuerError('conflict', 'the client is disabled');
    const ranges = ips ?? client.ips;
    const changed: ClientRecord = {
      ...client,
      ips: ranges,
      authPolicy: auth === undefined && ips === undefined ? client.authPolicy : checkedPolicy(auth ?? client.authPolicy, ranges),
      hosts: hosts ?? client.hosts,
    };
    if (auth?.flat().includes('shared_key_hmac') === true) await requireEnrolled(tx, name);
    if (hosts !== undefined) await requireFreeHosts(tx, name, hosts);
    if (ips?.length === 0 && asksForAddress(changed.authPolicy)) {
      throw new IssuerError(
        'invalid_request',
        'auth asks for ip, so nobody would get in without ips: take ip out of auth',
        '/ips',
      );
    }
    if (auth !== undefined) await requireWayIn(tx, caller, client, { policy: changed.authPolicy, ips: ranges });
    await tx.updateClient(changed);
    await record(tx, deps.clock(), caller, 'client.policy_changed', { client: name }, policyDetails(changed));
    return await toWireClient(tx, changed);
  });
}

/** Throws `conflict` for a client that has no key of `shared_key_hmac`, as it cannot get one any more. */
async function requireEnrolled(tx: StoreReader, name: string): Promise<void> {
  const isEnrolled = (await tx.credentials(name)).some((one) => one.authMethod === 'shared_key_hmac' && one.retiredAtMs === null);
  if (isEnrolled) return;
  throw new IssuerError(
    'conflict',
    'the client did not enrol, so it has no key of shared_key_hmac: invite another name',
    '/auth',
  );
}
