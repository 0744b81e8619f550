/** Brings a database to the schema of this version; refuses one that a newer version made. */
import { fileURLToPath } from 'node:url';
import { migrate } from 'drizzle-orm/better-sqlite3/migrator';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { MacaroonError } from '../../core/index.js';
import type { SqliteConnection } from './open-sqlite.js';
import { storeFailure } from './store-failure.js';

/** The same from src/server/store and from dist/server/store. */
const migrationsFolder = fileURLToPath(new URL('../../../migrations/sqlite', import.meta.url));

/** How many migrations wait to be applied. Throws `ERR_DATA_DIRECTORY` when one was applied that this version does not know. */
export function countPendingMigrations({ sqlite }: SqliteConnection): number {
  const known = new Set(readMigrationFiles({ migrationsFolder }).map((migration) => migration.folderMillis));
  const isMigrated = sqlite.prepare("select 1 from sqlite_schema where name = '__drizzle_migrations'").get() !== undefined;
  const applied = isMigrated ? sqlite.prepare('select created_at from __drizzle_migrations').pluck().all().map(Number) : [];
  if (applied.some((made) => !known.has(made))) {
    throw new MacaroonError('ERR_DATA_DIRECTORY', 'the database was made by a newer version of macaroond: update this one');
  }
  return known.size - applied.length;
}

/** Applies what waits, in one transaction. Throws `ERR_STORE_CORRUPT`, and changes nothing, for a row that no version ever wrote. */
export function applyMigrations({ db }: SqliteConnection): void {
  try {
    migrate(db, { migrationsFolder });
  } catch (cause) {
    const { error } = storeFailure(cause);
    if (!(error instanceof MacaroonError && error.code === 'ERR_ARGUMENT')) throw error;
    throw new MacaroonError('ERR_STORE_CORRUPT', 'a row of the database holds what macaroond never writes: restore a backup', {
      cause: error,
    });
  }
}
