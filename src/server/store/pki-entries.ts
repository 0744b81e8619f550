/** Certificates of the company CA and the server, with their private keys encrypted: what `server/pki` keeps in the store. */
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import { decodeUtf8, encodeUtf8, type RandomBytes } from '../../core/index.js';
import { decryptSecret, encryptSecret, type SecretPlace, type StoreKeys } from './encryption.js';
import { addRowMac, checkRowMac } from './row-mac.js';
import type { ReadStatements } from './sqlite-queries.js';
import { pki } from './sqlite-schema.js';

export interface PkiEntry {
  /** `ca`, `server`, … */
  readonly name: string;
  readonly certificatePem: string;
  readonly notAfterMs: number;
  readonly createdAtMs: number;
}

export interface PkiEntryWithKey extends PkiEntry {
  /** PKCS#8 PEM. */
  readonly privateKeyPem: string;
}

function placeOf(name: string): SecretPlace {
  return { table: 'pki', rowId: name, purpose: 'private-key', owner: 'issuer', generation: 0 };
}

/** The entry `name`, decrypted. Throws `ERR_STORE_CORRUPT`. */
export function readPkiEntry(reads: ReadStatements, keys: StoreKeys, name: string): PkiEntryWithKey | undefined {
  const row = reads.pki.get({ name });
  if (row === undefined) return undefined;
  const { certificatePem, encryptedPrivateKey, notAfterMs, createdAtMs } = checkRowMac(keys.rowKey, pki, row);
  const privateKeyPem = decodeUtf8(decryptSecret(keys, placeOf(name), encryptedPrivateKey));
  return { name, certificatePem, notAfterMs, createdAtMs, privateKeyPem };
}

/** Inserts or replaces the entry. */
export function writePkiEntry(
  db: BetterSQLite3Database,
  keys: StoreKeys,
  randomBytes: RandomBytes,
  entry: PkiEntry,
  privateKeyPem: string,
): void {
  const { name, certificatePem, notAfterMs, createdAtMs } = entry;
  const encryptedPrivateKey = encryptSecret(keys, placeOf(name), encodeUtf8(privateKeyPem), randomBytes);
  const row = addRowMac(keys.rowKey, pki, { name, certificatePem, encryptedPrivateKey, notAfterMs, createdAtMs });
  db.insert(pki).values(row).onConflictDoUpdate({ target: pki.name, set: row }).run();
}
