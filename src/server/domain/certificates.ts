/**
 * Certificates of the company CA: issued to clients, for themselves or by an administrator, with the names that the registry has for them and
 * no other; revoked one by one, and with their client.
 */
import { formatRfc3339 } from '../../caveats/rfc3339.js';
import type { NewCertificateRequest, WireCertificate, WireNewCertificate } from '../../protocol/wire.js';
import { record } from './audit-trail.js';
import { requireAuthorityOver, requireAuthorityOverProof, requireClient } from './authority.js';
import type { LeafRequest } from './certificate-tools.js';
import { clientUri } from './credential-material.js';
import type { AdminCaller, ClientCaller } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import { requireLiveCaller } from './live-caller.js';
import type { IssuerDependencies, StoreDependencies, StoreReader, StoreTransaction } from './ports.js';
import type { CertificateRecord, ClientRecord } from './records.js';

const dayMs = 86_400_000;
const defaultDays = 1;
/** What an administrator may ask for; the longest profile there is. */
export const maxCertificateDays = 365;
/** What a client may ask for by itself, unless it renews a certificate that was given for longer. */
const maxOwnDays = 1;
/** A foreign certificate that was revoked says nothing to us about its end. */
const unknownEndMs = Date.UTC(9999, 11, 31);

type Names = Pick<LeafRequest, 'uris' | 'hosts'>;

/**
 * A certificate for the key in `request.csr`, which proves to be in the hands of who asks. A client asks for itself, for at most a day or the life
 * of a live certificate of its own; an administrator for any client whose proofs it may change. Throws `invalid_request`, `forbidden`, `not_found`,
 * `invalid_client`, and `conflict` for a disabled client and for names that changed meanwhile.
 */
export async function issueCertificate(
  deps: IssuerDependencies,
  caller: AdminCaller | ClientCaller,
  request: NewCertificateRequest,
): Promise<WireNewCertificate> {
  const { csr, days = defaultDays } = request;
  const name = subjectOf(caller, request);
  const publicKey = await deps.certificates.readSigningRequest(csr);
  if (publicKey === undefined) {
    const expected = 'one PKCS #10 request in PEM, signed by its own key: P-256, Ed25519, or RSA of 2048 to 4096 bits';
    throw new IssuerError('invalid_request', `not ${expected}`, '/csr');
  }
  const names = await namesFor(deps, deps.store.read, caller, name, days);
  // Signing waits for more than the store, so it is done before the transaction, which then looks whether all is as it was.
  const leaf = await deps.certificates.issue({ client: name, publicKey, ...names, lifeMs: days * dayMs });
  return await deps.store.transaction('grow', async (tx) => {
    const nowMs = deps.clock();
    const present = await namesFor(deps, tx, caller, name, days);
    if (JSON.stringify(present) !== JSON.stringify(names)) {
      throw new IssuerError('conflict', 'the names of the client changed meanwhile: ask again');
    }
    const { thumbprint, serial, notBeforeMs, notAfterMs, certificatePem, chainPem } = leaf;
    const row: CertificateRecord = {
      ...{ thumbprint, serial, client: name, notBeforeMs, notAfterMs },
      ...{ issuedAtMs: nowMs, revokedAtMs: null },
    };
    await tx.insertCertificate(row);
    const details = { thumbprint, serial, days, not_after: formatRfc3339(notAfterMs), names_count: countOf(names) };
    await record(tx, nowMs, caller, 'certificate.issued', { client: name }, details);
    return { ...toWire(row, nowMs), ...names, certificate: certificatePem, chain: chainPem };
  });
}

/** Certificates that did not end, newest first: those of one client, or all. Throws `not_found`. */
export async function listCertificates(read: StoreReader, nowMs: number, client?: string): Promise<readonly WireCertificate[]> {
  if (client !== undefined) await requireClient(read, client);
  const rows = await read.certificates(client);
  return rows.filter(({ notAfterMs }) => notAfterMs > nowMs).map((row) => toWire(row, nowMs));
}

/**
 * Ends a certificate at once, also on connections that are open. A client may end its own; an administrator any, foreign ones too. Throws
 * `not_found`, `forbidden`.
 */
export async function revokeCertificate(
  deps: IssuerDependencies,
  caller: AdminCaller | ClientCaller,
  thumbprint: string,
): Promise<WireCertificate> {
  return await deps.store.transaction('revoke', async (tx) => {
    const nowMs = deps.clock();
    if (caller.kind === 'client') await requireLiveCaller(tx, caller);
    const known = await tx.certificate(thumbprint);
    if (caller.kind === 'client' && known?.client !== caller.client) {
      throw new IssuerError('not_found', 'the client has no such certificate');
    }
    // One that a client pinned has no row before it is revoked, and is that client's all the same.
    const holder = known?.client ?? (await tx.credentialByBinding(`x5t:${thumbprint}`))?.client;
    if (caller.kind === 'admin' && holder !== undefined) await requireAuthorityOver(tx, caller, holder);
    if (known !== undefined && known.revokedAtMs !== null) return toWire(known, nowMs);
    const revoked: CertificateRecord =
      known === undefined ? foreignCertificate(thumbprint, nowMs) : { ...known, revokedAtMs: nowMs };
    await (known === undefined ? tx.insertCertificate(revoked) : tx.updateCertificate(revoked));
    await record(tx, nowMs, caller, 'certificate.revoked', { client: holder }, { thumbprint });
    return toWire(revoked, nowMs);
  });
}

/** Ends every certificate of `client`, in the caller's transaction; how many there were. */
export async function revokeCertificatesOf(tx: StoreTransaction, client: string, nowMs: number): Promise<number> {
  const live = (await tx.certificates(client)).filter((row) => row.revokedAtMs === null && row.notAfterMs > nowMs);
  for (const row of live) await tx.updateCertificate({ ...row, revokedAtMs: nowMs });
  return live.length;
}

/** Notes in the audit log, before it is done, that another CA is to sign from now on; `thumbprint` is that of its certificate. */
export async function noteImportedAuthority(deps: StoreDependencies, thumbprint: string): Promise<void> {
  await deps.store.transaction('grow', (tx) =>
    record(tx, deps.clock(), { client: '(local)' }, 'authority.imported', {}, { thumbprint }),
  );
}

function subjectOf(caller: AdminCaller | ClientCaller, { client }: NewCertificateRequest): string {
  if (caller.kind === 'client') {
    if (client === undefined || client === caller.client) return caller.client;
    throw new IssuerError('forbidden', 'a client gets certificates for itself alone', '/client');
  }
  if (client !== undefined) return client;
  throw new IssuerError('invalid_request', 'say for which client', '/client');
}

/** The names of a certificate for client `name`, when the caller may have one for so many days. */
async function namesFor(
  deps: IssuerDependencies,
  read: StoreReader,
  caller: AdminCaller | ClientCaller,
  name: string,
  days: number,
): Promise<Names> {
  const client =
    caller.kind === 'client' ? await requireLiveCaller(read, caller) : await requireAuthorityOverProof(read, caller, name);
  if (client.state === 'disabled') throw new IssuerError('conflict', 'the client is disabled');
  const maxMs = caller.kind === 'client' ? await longestOwnLifeMs(read, name, deps.clock()) : maxCertificateDays * dayMs;
  if (!Number.isSafeInteger(days) || days < 1 || days * dayMs > maxMs) {
    const longest = Math.floor(maxMs / dayMs);
    throw new IssuerError('invalid_request', `days must be 1 to ${longest} for this caller`, '/days');
  }
  return await registeredNames(deps, read, client);
}

/** A client that has a certificate for a year may renew it for a year; what it was never given it cannot give itself. */
async function longestOwnLifeMs(read: StoreReader, client: string, nowMs: number): Promise<number> {
  const live = (await read.certificates(client)).filter((row) => row.revokedAtMs === null && row.notAfterMs > nowMs);
  return Math.max(maxOwnDays * dayMs, ...live.map(({ notBeforeMs, notAfterMs }) => notAfterMs - notBeforeMs));
}

/** What the registry calls the client: URIs and DNS names that it proves itself by, hosts that it serves as. */
async function registeredNames(deps: IssuerDependencies, read: StoreReader, client: ClientRecord): Promise<Names> {
  const bindings = (await read.credentials(client.name))
    .filter(({ authMethod, retiredAtMs }) => authMethod === 'tls_client_auth' && retiredAtMs === null)
    .flatMap(({ binding }) => (binding === null ? [] : [binding]));
  const uris = bindings.filter((binding) => binding.startsWith('uri:')).map((binding) => binding.slice('uri:'.length));
  const dnsNames = bindings.filter((binding) => binding.startsWith('dns:')).map((binding) => binding.slice('dns:'.length));
  const names = {
    uris: uris.length > 0 ? uris : [clientUri(deps, client.name)],
    hosts: [...new Set([...dnsNames, ...client.hosts])],
  };
  for (const binding of [...names.uris.map((uri) => `uri:${uri}`), ...names.hosts.map((host) => `dns:${host}`)]) {
    const owner = (await read.credentialByBinding(binding))?.client ?? client.name;
    if (owner !== client.name) throw new IssuerError('conflict', 'a name of the client proves another client: change its hosts');
  }
  return names;
}

function countOf({ uris, hosts }: Names): number {
  return uris.length + hosts.length;
}

function foreignCertificate(thumbprint: string, nowMs: number): CertificateRecord {
  const nobody = { serial: null, client: null };
  return { thumbprint, ...nobody, notBeforeMs: nowMs, notAfterMs: unknownEndMs, issuedAtMs: nowMs, revokedAtMs: nowMs };
}

function toWire(row: CertificateRecord, nowMs: number): WireCertificate {
  const { thumbprint, serial, client, notBeforeMs, notAfterMs, issuedAtMs, revokedAtMs } = row;
  const state = revokedAtMs !== null ? 'revoked' : nowMs < notAfterMs ? 'valid' : 'expired';
  return {
    thumbprint,
    state,
    ...(client === null ? {} : { client }),
    ...(serial === null
      ? {}
      : {
          serial,
          not_before: formatRfc3339(notBeforeMs),
          not_after: formatRfc3339(notAfterMs),
          issued_at: formatRfc3339(issuedAtMs),
        }),
    ...(revokedAtMs === null ? {} : { revoked_at: formatRfc3339(revokedAtMs) }),
  };
}
