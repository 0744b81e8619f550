/** Whether a client that proved itself a moment ago still could: asked again inside of the transaction that acts on it. */
import type { ClientCaller } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import type { StoreReader } from './ports.js';
import type { ClientRecord } from './records.js';

/** The caller's client. Throws `invalid_client` when it was disabled, or a credential or certificate of its proof ended, meanwhile. */
export async function requireLiveCaller(tx: StoreReader, caller: ClientCaller): Promise<ClientRecord> {
  const client = await tx.client(caller.client);
  const ids = [caller.credentialId, caller.secondCredentialId].filter((id) => id !== undefined);
  const credentials = await Promise.all(ids.map((id) => tx.credential(id)));
  const areLive = credentials.every((one) => one?.client === caller.client && one.retiredAtMs === null);
  const { certificateThumbprint: thumbprint } = caller;
  const certificate = thumbprint === undefined ? undefined : await tx.certificate(thumbprint);
  const isRevoked = certificate !== undefined && certificate.revokedAtMs !== null;
  if (client?.state === 'active' && areLive && !isRevoked) return client;
  throw new IssuerError('invalid_client', 'the client could not be authenticated');
}
