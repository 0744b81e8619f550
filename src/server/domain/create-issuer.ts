/** Puts the use cases together over a store, a clock and a source of randomness. */

import { whenKnown } from '../../core/index.js';
import { createAudience, listAudiences, rotateAudience } from './audiences.js';
import { listAudit } from './audit-trail.js';
import { issueCertificate, listCertificates, revokeCertificate } from './certificates.js';
import { changePolicy } from './client-policy.js';
import { addVerifier, createClient, disableClient, listClients, showClient } from './clients.js';
import { addCredential, listCredentials, retireCredential } from './credentials.js';
import { enrol } from './enrolment.js';
import { createFailureLog } from './failures.js';
import { listGrants, putGrant, removeGrant } from './grants.js';
import { createInvitation, listInvitations, revokeInvitation } from './invitations.js';
import { adminClient, type Issuer, issuerAudience, type LoginAccount } from './issuer.js';
import type { IssuerDependencies, Known, StoreReader } from './ports.js';
import type { ClientRecord, CredentialRecord } from './records.js';
import { createRevocationLists } from './revocation-lists.js';
import { revoke } from './revoking.js';
import { destroyRootKey, listRootKeys, rotateRootKey } from './root-keys.js';
import { mintForClient } from './tokens.js';
import { audienceKey, audienceKeys, findKey, revocationOf, revocations } from './verifier-feed.js';

export function createIssuer(deps: IssuerDependencies): Issuer {
  const { read } = deps.store;
  const failures = createFailureLog(deps);
  return {
    mint: (caller, request) => mintForClient(deps, caller, request),
    findKey: (audience, reference) => findKey(read, audience, reference),
    revocationOf: (subject) => revocationOf(read, subject),
    isVerifierOf: (client, audience) =>
      audience !== issuerAudience && whenKnown(read.verifierAudiences(client), (audiences) => audiences.includes(audience)),
    verifierAudiences: (client) => read.verifierAudiences(client),
    audienceKeys: (audience, after) => audienceKeys(read, audience, after),
    audienceKey: (audience, rootKeyId, generation) => audienceKey(read, audience, rootKeyId, generation),
    revocations: (audiences, after) => revocations(read, audiences, after, deps.clock()),
    revoke: (caller, request) => revoke(deps, caller, request),
    createClient: (caller, request) => createClient(deps, caller, request),
    clients: () => listClients(read),
    client: (name) => showClient(read, name),
    changePolicy: (caller, name, request) => changePolicy(deps, caller, name, request),
    disableClient: (caller, name) => disableClient(deps, caller, name),
    addVerifier: (caller, name, audience) => addVerifier(deps, caller, name, audience),
    credentials: (client) => listCredentials(read, client),
    addCredential: (caller, client, request) => addCredential(deps, caller, client, request),
    retireCredential: (caller, credentialId, expectedClient) => retireCredential(deps, caller, credentialId, expectedClient),
    createInvitation: (caller, request) => createInvitation(deps, caller, request),
    invitations: () => listInvitations(read, deps.clock()),
    revokeInvitation: (caller, id) => revokeInvitation(deps, caller, id),
    enrol: (origin, proved) => enrol(deps, origin, proved),
    rootKeys: (client) => listRootKeys(read, client),
    rotateRootKey: (caller, client) => rotateRootKey(deps, caller, client),
    destroyRootKey: (caller, client, rootKeyId) => destroyRootKey(deps, caller, client, rootKeyId),
    grants: (client) => listGrants(read, client),
    putGrant: (caller, client, grant) => putGrant(deps, caller, client, grant),
    removeGrant: (caller, client, audience) => removeGrant(deps, caller, client, audience),
    audiences: () => listAudiences(read),
    createAudience: (caller, audience) => createAudience(deps, caller, audience),
    rotateAudience: (caller, audience, keepPrevious) => rotateAudience(deps, caller, audience, keepPrevious),
    issueCertificate: (caller, request) => issueCertificate(deps, caller, request),
    certificates: (client) => listCertificates(read, deps.clock(), client),
    revokeCertificate: (caller, thumbprint) => revokeCertificate(deps, caller, thumbprint),
    revocationList: createRevocationLists(deps),
    authorityPem: () => deps.certificates.authorityPem(),
    audit: (filter) => listAudit(read, filter),
    noteFailure: (note) => failures.note(note),
    flushFailures: () => failures.flush(),
    credential: async (id) => read.credential(id),
    credentialByBinding: (binding) => read.credentialByBinding(binding),
    credentialSecret: (id) => read.credentialSecret(id),
    invitationKey: (id) => read.invitationKey(id),
    certificate: (thumbprint) => read.certificate(thumbprint),
    credentialsForLogin: (name) => credentialsForLogin(read, name),
  };
}

function credentialsForLogin(read: StoreReader, name: string): Known<LoginAccount | undefined> {
  return whenKnown(read.client(name), (known) =>
    // An unknown name takes the work of a known one: another client's rows are read and checked in its place.
    whenKnown(known ?? read.client(adminClient), (client) =>
      whenKnown(read.credentials(client?.name ?? name), (credentials) => {
        const account = client === undefined ? undefined : accountOf(client, credentials);
        return known === undefined ? undefined : account;
      }),
    ),
  );
}

/** By client: put together once while its records are held, which the store lets go of with every change. */
const accounts = new WeakMap<
  ClientRecord,
  { readonly credentials: readonly CredentialRecord[]; readonly account: LoginAccount }
>();

function accountOf(client: ClientRecord, credentials: readonly CredentialRecord[]): LoginAccount {
  const kept = accounts.get(client);
  if (kept?.credentials === credentials) return kept.account;
  const live = credentials.filter((credential) => credential.retiredAtMs === null);
  const account = { state: client.state, authPolicy: client.authPolicy, ips: client.ips, live };
  accounts.set(client, { credentials, account });
  return account;
}
