/** Whether a client that proved itself a moment ago still could: asked again inside of the transaction that acts on it. */
import { whenKnown } from '../../core/index.js';
import type { ClientCaller } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import type { Known, StoreReader } from './ports.js';
import type { ClientRecord, CredentialRecord } from './records.js';

/** The caller's client. Throws `invalid_client` when it was disabled, or a credential or certificate of its proof ended, meanwhile. */
export function requireLiveCaller(tx: StoreReader, caller: ClientCaller): Known<ClientRecord> {
  return whenKnown(tx.client(caller.client), (client) =>
    whenKnown(isProofLive(tx, caller), (isProved) => {
      if (client?.state === 'active' && isProved) return client;
      throw new IssuerError('invalid_client', 'the client could not be authenticated');
    }),
  );
}

function isProofLive(tx: StoreReader, caller: ClientCaller): Known<boolean> {
  const { credentialId, secondCredentialId, certificateThumbprint } = caller;
  return whenKnown(tx.credential(credentialId), (credential) => {
    if (!isLive(credential, caller)) return false;
    if (secondCredentialId === undefined && certificateThumbprint === undefined) return true;
    return isRestLive(tx, caller);
  });
}

/** Whether what was shown beside the first credential still counts. */
async function isRestLive(tx: StoreReader, caller: ClientCaller): Promise<boolean> {
  const { secondCredentialId, certificateThumbprint } = caller;
  if (secondCredentialId !== undefined && !isLive(await tx.credential(secondCredentialId), caller)) return false;
  const certificate = certificateThumbprint === undefined ? undefined : await tx.certificate(certificateThumbprint);
  return certificate === undefined || certificate.revokedAtMs === null;
}

function isLive(credential: CredentialRecord | undefined, caller: ClientCaller): boolean {
  return credential?.client === caller.client && credential.retiredAtMs === null;
}
