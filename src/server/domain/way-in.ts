/** Keeps administrators from shutting themselves out: who has no way in cannot undo it, but on the issuer's own machine. */
import type { WireAuthPolicy } from '../../protocol/wire.js';
import { isFulfilledBy } from './auth-policy.js';
import { type AdminCaller, adminClient } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import type { StoreReader } from './ports.js';
import type { ClientRecord } from './records.js';

/** A change to what proves a client. */
export type WayInChange = { readonly policy: WireAuthPolicy; readonly ips: readonly string[] } | { readonly without: string };

/**
 * Throws `conflict` when, after `change`, no live credentials fulfil the policy of `client`, which is the caller's own or `admin`.
 * Any other client may be left without a way in: its administrator can mend that.
 */
export async function requireWayIn(
  tx: StoreReader,
  caller: AdminCaller,
  client: ClientRecord,
  change: WayInChange,
): Promise<void> {
  if (client.name !== adminClient && client.name !== caller.client) return;
  const retired = 'without' in change ? change.without : undefined;
  const live = (await tx.credentials(client.name)).filter(({ id, retiredAtMs }) => retiredAtMs === null && id !== retired);
  const { policy, ips } = 'policy' in change ? change : { policy: client.authPolicy, ips: client.ips };
  if (isFulfilledBy(policy, live, ips)) return;
  throw new IssuerError('conflict', `nothing that is left would prove ${client.name}: add a credential for it first`);
}
