/**
 * Which installation a database belongs to, and whether a master key is its own.
 *
 * The full check value is a row of `settings`, but to read a row SQLite makes files beside the database. So the header of the file
 * holds 32 bits of it too, as `user_version`: a wrong key is found out from 100 bytes before anything is touched.
 */
import type { KeyObject } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { encodeBase64url, MacaroonError, type RandomBytes } from '../../core/index.js';
import { deriveStoreKey, deriveStoreKeys, type StoreKeys } from './encryption.js';
import { hasOpenConnection, type SqliteConnection } from './open-sqlite.js';
import { equalText } from './row-mac.js';
import { settings } from './sqlite-schema.js';

const headerBytes = 100;
const headerMagic = 'SQLite format 3\0';
const userVersionOffset = 60;

/** Gives a new database its install id and makes it that of `masterKey`. */
export function writeInstallation({ sqlite, db }: SqliteConnection, masterKey: KeyObject, randomBytes: RandomBytes): void {
  const installId = encodeBase64url(randomBytes(16));
  db.insert(settings)
    .values([
      { name: 'install_id', value: installId },
      { name: 'key_check', value: deriveStoreKeys(masterKey, installId).keyCheck },
      { name: 'change_seq', value: '0' },
    ])
    .run();
  sqlite.pragma(`user_version = ${headerCheck(masterKey)}`);
}

/** Throws `ERR_MASTER_KEY` when the header of the file says that `masterKey` is not its key. Touches nothing. */
export function checkHeader(file: string, masterKey: KeyObject): void {
  // To close the file here would drop the locks of a connection that this process has; settings tell the same a moment later.
  if (hasOpenConnection(file)) return;
  const header = readHeader(file);
  if (header === undefined || !Buffer.from(header).toString('latin1').startsWith(headerMagic)) {
    throw new MacaroonError('ERR_STORE_CORRUPT', 'the database file is not a database: restore a backup');
  }
  if (new DataView(header.buffer).getInt32(userVersionOffset) !== headerCheck(masterKey)) throw wrongMasterKey();
}

/** The keys of the installation. Throws `ERR_MASTER_KEY` when `masterKey` is not its key. */
export function openInstallation({ db }: SqliteConnection, masterKey: KeyObject): StoreKeys {
  const rows = db.select().from(settings).all();
  const installId = rows.find((row) => row.name === 'install_id')?.value;
  const keyCheck = rows.find((row) => row.name === 'key_check')?.value;
  if (installId === undefined || keyCheck === undefined) {
    throw new MacaroonError('ERR_STORE_CORRUPT', 'the database does not say which installation it is: restore a backup');
  }
  const keys = deriveStoreKeys(masterKey, installId);
  if (!equalText(keys.keyCheck, keyCheck)) throw wrongMasterKey();
  return keys;
}

function readHeader(file: string): Uint8Array | undefined {
  const header = new Uint8Array(headerBytes);
  const descriptor = openSync(file, 'r');
  try {
    return readSync(descriptor, header, 0, headerBytes, 0) === headerBytes ? header : undefined;
  } finally {
    closeSync(descriptor);
  }
}

/** 32 bits; without the install id, which is not in the header. */
function headerCheck(masterKey: KeyObject): number {
  return new DataView(deriveStoreKey(masterKey, '', 'key-check').buffer).getInt32(0);
}

function wrongMasterKey(): MacaroonError {
  return new MacaroonError(
    'ERR_MASTER_KEY',
    'this is not the master key that the database was made with: restore master.key, or set MACAROOND_MASTER_KEY_FILE to it',
  );
}
