/** Whether a client that proved itself a moment ago still could: asked again inside of the transaction that acts on it. */
import type { ClientCaller } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import type { StoreReader } from './ports.js';
import type { ClientRecord, CredentialRecord } from './records.js';

/** The caller's client. Throws `invalid_client` when it was disabled, or a credential or certificate of its proof ended, meanwhile. */
export async function requireLiveCaller(tx: StoreReader, caller: ClientCaller): Promise<ClientRecord> {
  const client = await tx.client(caller.client);
  const { credentialId, secondCredentialId } = caller;
  const isFirstLive = isLive(await tx.credential(credentialId), caller);
  const isSecondLive = secondCredentialId === undefined || isLive(await tx.credential(secondCredentialId), caller);
  const { certificateThumbprint: thumbprint } = caller;
  const certificate = thumbprint === undefined ? undefined : await tx.certificate(thumbprint);
  const isRevoked = certificate !== undefined && certificate.revokedAtMs !== null;
  if (client?.state === 'active' && isFirstLive && isSecondLive && !isRevoked) return client;
  throw new IssuerError('invalid_client', 'the client could not be authenticated');
}

function isLive(credential: CredentialRecord | undefined, caller: ClientCaller): boolean {
  return credential?.client === caller.client && credential.retiredAtMs === null;
}
