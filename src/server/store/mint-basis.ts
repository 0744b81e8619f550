/** What a mint stands on beside its client and credential, read from four tables at once and kept as one record: each look-up is a part of its cost. */
import { RootKey } from '../../core/index.js';
import type { MintBasis } from '../domain/ports.js';
import { decryptSecret, type StoreKeys } from './encryption.js';
import { checkRowMac } from './row-mac.js';
import { rootKeyPlace } from './secret-places.js';
import type { ReadStatements } from './sqlite-queries.js';
import { fromAudienceRow, fromGrantRow, fromRootKeyRow } from './sqlite-records.js';
import { audiences, grants, rootKeys } from './sqlite-schema.js';

/** See `StoreReader.mintBasis`. */
export function findMintBasis(reads: ReadStatements, keys: StoreKeys, client: string, audience: string): MintBasis | undefined {
  const grant = reads.grant.get({ client, audience });
  const named = reads.audience.get({ name: audience });
  if (grant === undefined || named === undefined) return undefined;
  const own = reads.rootKeys.all({ client }).map((row) => checkRowMac(keys.rowKey, rootKeys, row));
  const active = own.find((row) => row.state === 'active');
  const secret = active?.encryptedKey ?? null;
  return {
    audience: fromAudienceRow(checkRowMac(keys.rowKey, audiences, named)),
    grant: fromGrantRow(checkRowMac(keys.rowKey, grants, grant)),
    rootKey: active && fromRootKeyRow(active),
    secret: active && secret !== null ? new RootKey(decryptSecret(keys, rootKeyPlace(active), secret)) : undefined,
  };
}
