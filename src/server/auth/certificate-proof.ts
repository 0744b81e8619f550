/** What both TLS methods have in common: the certificate's own faults, whether it was revoked, and the client behind a registered name of it. */
import type { Issuer } from '../domain/issuer.js';
import type { PresentedCertificate } from '../domain/presented-certificate.js';
import type { CredentialRecord } from '../domain/records.js';
import type { AuthenticationResult, FailureReason } from './client-authenticator.js';
import { standInAccount } from './stand-in.js';

/** What they ask the issuer. */
export type CertificateRegistry = Pick<Issuer, 'credentialsForLogin' | 'credentialByBinding' | 'certificate'>;

/**
 * What `certificate` proves by those of its names in `bindings`. All of them must belong to one client, and to no other than the one that our CA
 * issued the certificate to: a name that went from one client to another must not take the old certificate along.
 */
export async function proveByCertificate(
  registry: CertificateRegistry,
  certificate: PresentedCertificate,
  bindings: readonly string[],
): Promise<AuthenticationResult> {
  const record = await registry.certificate(certificate.thumbprint);
  const credentials: CredentialRecord[] = [];
  for (const binding of bindings) {
    const credential = await registry.credentialByBinding(binding);
    if (credential !== undefined) credentials.push(credential);
  }
  const owners = new Set(credentials.map(({ client }) => client));
  const [client] = owners;
  const found = client === undefined ? undefined : await registry.credentialsForLogin(client);
  const account = found ?? standInAccount;
  const fail = (reason: FailureReason): AuthenticationResult => ({ ok: false, client, reason, account });
  if (record !== undefined && record.revokedAtMs !== null) return fail('certificate_revoked');
  if (record !== undefined && record.client !== null) owners.add(record.client);
  if (owners.size > 1) return fail('credentials_conflict');
  if (client === undefined || found === undefined) return fail('certificate_unknown');
  const credential = credentials.find(({ retiredAtMs }) => retiredAtMs === null);
  if (credential === undefined) return fail('credential_retired');
  return { ok: true, client, credential, account, certificateThumbprint: certificate.thumbprint };
}

/** A certificate that proves nothing, whatever it names. */
export function refuseCertificate({ fault }: PresentedCertificate): AuthenticationResult {
  const reason = fault === undefined ? 'certificate_unknown' : (`certificate_${fault}` as const);
  return { ok: false, client: undefined, reason, account: standInAccount };
}
