/** What both TLS methods have in common: the certificate's own faults, whether it was revoked, and the client behind a registered name of it. */
import type { Issuer } from '../domain/issuer.js';
import type { PresentedCertificate } from '../domain/presented-certificate.js';
import type { CredentialRecord } from '../domain/records.js';
import type { AuthenticationResult, FailureReason } from './client-authenticator.js';
import { standInAccount } from './stand-in.js';

/** What they ask the issuer. */
export type CertificateRegistry = Pick<Issuer, 'credentialsForLogin' | 'credentialByBinding' | 'certificate'>;

/**
 * What `certificate` proves by those of its names in `bindings` that are registered. One that our CA issued is its client's, and only names of that
 * client are looked at: whoever registers a name of it for somebody else neither takes it over nor makes it useless. All names of a foreign
 * one must be one client's. A name that was retired says nothing.
 */
export async function proveByCertificate(
  registry: CertificateRegistry,
  certificate: PresentedCertificate,
  bindings: readonly string[],
): Promise<AuthenticationResult> {
  const record = await registry.certificate(certificate.thumbprint);
  const holder = record?.client ?? undefined;
  const credentials: CredentialRecord[] = [];
  for (const binding of bindings) {
    const credential = await registry.credentialByBinding(binding);
    if (credential !== undefined && credential.client === (holder ?? credential.client)) credentials.push(credential);
  }
  const live = credentials.filter(({ retiredAtMs }) => retiredAtMs === null);
  const [credential] = live;
  const client = holder ?? (credential ?? credentials[0])?.client;
  const found = client === undefined ? undefined : await registry.credentialsForLogin(client);
  const account = found ?? standInAccount;
  const fail = (reason: FailureReason): AuthenticationResult => ({ ok: false, client, reason, account });
  if (record !== undefined && record.revokedAtMs !== null) return fail('certificate_revoked');
  if (live.some((one) => one.client !== client)) return fail('credentials_conflict');
  if (client === undefined || found === undefined || credentials.length === 0) return fail('certificate_unknown');
  if (credential === undefined) return fail('credential_retired');
  return { ok: true, client, credential, account, certificateThumbprint: certificate.thumbprint };
}

/** A certificate that proves nothing, whatever it names. */
export function refuseCertificate({ fault }: PresentedCertificate): AuthenticationResult {
  const reason = fault === undefined ? 'certificate_unknown' : (`certificate_${fault}` as const);
  return { ok: false, client: undefined, reason, account: standInAccount };
}
