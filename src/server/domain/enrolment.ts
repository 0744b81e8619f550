/**
 * Enrolment: the holder of an invitation becomes a client that proves itself by `shared_key_hmac`, without any grant. Whether the holder has the
 * shared key is found out before, in `auth/enrolments.ts`; all else is decided here, in one transaction, so that no use is counted twice.
 */
import { encodeBase64url, sha256 } from '../../core/index.js';
import { record } from './audit-trail.js';
import { insertClient } from './clients.js';
import { newCredentialId } from './credentials.js';
import { stateOf } from './invitations.js';
import type { EnrolmentOutcome, EnrolmentRefusal, Origin, ProvedEnrolment } from './issuer.js';
import type { StoreDependencies, StoreReader } from './ports.js';
import type { InvitationRecord } from './records.js';

const method = 'shared_key_hmac';
/** What a credential of another method would hold. */
const nothingElse = { algorithm: null, secretHash: null, publicKey: null, ips: [], retiredAtMs: null } as const;

/** Makes the client, its root key and its credential, and uses the invitation. The nonce is never taken again, also after a restart. */
export async function enrol(deps: StoreDependencies, origin: Origin, proved: ProvedEnrolment): Promise<EnrolmentOutcome> {
  const { name, nonce, privateKey } = proved;
  const binding = `enrolment:${encodeBase64url(sha256(nonce))}`;
  return await deps.store.transaction('grow', async (tx) => {
    const nowMs = deps.clock();
    const invitation = await tx.invitation(proved.invitation);
    if (invitation === undefined) return { ok: false, reason: 'invitation_ended' };
    const reason = await reasonToRefuse(tx, invitation, { name, binding, nowMs });
    if (reason !== undefined) return { ok: false, reason };
    await tx.updateInvitation({ ...invitation, usesLeft: invitation.usesLeft - 1 });
    await insertClient(deps, tx, { name, authPolicy: [[method]], ips: [], hosts: [] }, nowMs);
    const credential = { id: newCredentialId(deps), client: name, authMethod: method, binding, createdAtMs: nowMs } as const;
    await tx.insertCredential({ ...credential, ...nothingElse }, privateKey);
    const details = { invitation: invitation.id, is_group: invitation.client === null, credential_id: credential.id };
    await record(tx, nowMs, { ...origin, client: '(anonymous)' }, 'client.enrolled', { client: name }, details);
    return { ok: true, enrolled: { client: name, credential_id: credential.id } };
  });
}

async function reasonToRefuse(
  tx: StoreReader,
  invitation: InvitationRecord,
  { name, binding, nowMs }: { readonly name: string; readonly binding: string; readonly nowMs: number },
): Promise<EnrolmentRefusal | undefined> {
  const state = stateOf(invitation, nowMs);
  if (state !== 'live') return state === 'used_up' ? 'invitation_used_up' : 'invitation_ended';
  if (invitation.client !== null && invitation.client !== name) return 'name_not_invited';
  if ((await tx.credentialByBinding(binding)) !== undefined) return 'replayed';
  if ((await tx.client(name)) !== undefined) return 'name_taken';
  return invitation.client === null && (await isPromised(tx, name, nowMs)) ? 'name_taken' : undefined;
}

/** Whether somebody else is invited by `name`: what an administrator then grants to that name is not meant for a group's members. */
async function isPromised(tx: StoreReader, name: string, nowMs: number): Promise<boolean> {
  return (await tx.invitations()).some((other) => other.client === name && stateOf(other, nowMs) === 'live');
}
