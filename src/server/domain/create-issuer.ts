/** Puts the use cases together over a store, a clock and a source of randomness. */

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
import { adminClient, type Issuer, issuerAudience } from './issuer.js';
import type { IssuerDependencies } from './ports.js';
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
    isVerifierOf: async (client, audience) =>
      audience !== issuerAudience && (await read.verifierAudiences(client)).includes(audience),
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
    credentialsForLogin: async (name) => {
      const known = await read.client(name);
      // An unknown name takes the work of a known one: another client's rows are read and checked in its place.
      const client = known ?? (await read.client(adminClient));
      const credentials = await read.credentials(client?.name ?? name);
      if (known === undefined || client === undefined) return undefined;
      const live = credentials.filter((credential) => credential.retiredAtMs === null);
      return { state: client.state, authPolicy: client.authPolicy, ips: client.ips, live };
    },
  };
}
