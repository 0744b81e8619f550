/**
 * One long-lived writer per data directory. The lock is a transaction that is held open on a tiny database of its own: it rests on
 * the operating system's file locks, so it ends with its process however that ends, and nothing stale is ever left behind.
 */
import { MacaroonError } from '../../core/index.js';
import { createOwnerFile } from './data-files.js';
import type { SqliteDriver } from './open-sqlite.js';
import { storeFailure } from './store-failure.js';

export interface WriterLock {
  close(): void;
}

/** Takes the lock in `file`, which is made when it is not there. Throws `ERR_DATA_DIRECTORY` when another writer holds it. */
export function acquireWriterLock(driver: SqliteDriver, file: string): WriterLock {
  try {
    createOwnerFile(file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw storeFailure(error).error;
  }
  const sqlite = new driver.Database(file, { timeout: 0 });
  try {
    // Nothing is ever written, and a journal would need room that a full disk does not have.
    sqlite.pragma('journal_mode = MEMORY');
    sqlite.prepare('begin exclusive').run();
  } catch (cause) {
    sqlite.close();
    if (cause instanceof driver.Database.SqliteError && cause.code.startsWith('SQLITE_BUSY')) {
      throw new MacaroonError('ERR_DATA_DIRECTORY', 'another macaroond is running on this data directory: stop it first', {
        cause,
      });
    }
    throw storeFailure(cause).error;
  }
  return { close: () => sqlite.close() };
}
