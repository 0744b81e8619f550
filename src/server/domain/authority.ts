/**
 * What an administrator may do with the clients that administrate: nothing beyond its own effective actions, so that a narrowed
 * administration token cannot be turned into a wider one.
 */
import { someCoverAction } from '../../core/index.js';
import { type AdminCaller, issuerAudience } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import type { StoreReader } from './ports.js';
import type { ClientRecord } from './records.js';

/**
 * Throws `forbidden` unless the caller may hand on administration by `actions`: its effective actions cover every one of them, and no other
 * caveat confines it, as a grant or a credential would outlive that caveat.
 */
export function requireHandingOn(caller: AdminCaller, actions: readonly string[]): void {
  requireActions(caller, actions);
  if (!caller.isConfined) return;
  throw new IssuerError('forbidden', 'a token with caveats other than action cannot change who administrates');
}

/** Throws `forbidden` unless the caller's effective actions cover every one of `actions`. */
export function requireActions(caller: AdminCaller, actions: readonly string[]): void {
  for (const action of actions) {
    if (!someCoverAction(caller.actions, action)) {
      throw new IssuerError('forbidden', `this goes beyond the actions of the token that asks for it: ${action}`);
    }
  }
}

/**
 * The client `name`, when the caller may change it. Throws `not_found`, and `forbidden` when the client holds a grant for the issuer's
 * own audience that goes beyond what the caller may hand on.
 */
export async function requireAuthorityOver(tx: StoreReader, caller: AdminCaller, name: string): Promise<ClientRecord> {
  const client = await requireClient(tx, name);
  const grant = await tx.grant(name, issuerAudience);
  if (grant !== undefined && grant.removedAtMs === null) requireHandingOn(caller, grant.actions);
  return client;
}

/**
 * The client `name`, when the caller may change what proves it. Throws `not_found`, and `forbidden` as above, and for a verifier other than the
 * caller unless its actions cover `audiences:write`: who can prove itself as a verifier has its audiences' keys.
 */
export async function requireAuthorityOverProof(tx: StoreReader, caller: AdminCaller, name: string): Promise<ClientRecord> {
  const client = await requireAuthorityOver(tx, caller, name);
  const isVerifier = (await tx.verifierAudiences(name)).length > 0;
  if (isVerifier && name !== caller.client) requireActions(caller, ['audiences:write']);
  return client;
}

/** The client `name`. Throws `not_found`. */
export async function requireClient(tx: StoreReader, name: string): Promise<ClientRecord> {
  const client = await tx.client(name);
  if (client === undefined) throw new IssuerError('not_found', 'there is no such client');
  return client;
}
