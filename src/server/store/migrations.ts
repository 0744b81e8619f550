/** Brings a database to the schema of this version; refuses one that a newer version made. */
import { fileURLToPath } from 'node:url';
import { migrate } from 'drizzle-orm/better-sqlite3/migrator';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { MacaroonError } from '../../core/index.js';
import type { SqliteConnection } from './open-sqlite.js';

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

/** Applies what waits, in one transaction. */
export function applyMigrations({ db }: SqliteConnection): void {
  migrate(db, { migrationsFolder });
}
