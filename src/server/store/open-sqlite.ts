/**
 * The connections of the issuer's store: the one place that opens its database file. Every connection gets the same settings, and each is read
 * back.
 */
import { resolve } from 'node:path';
import type Database from 'better-sqlite3';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import { loadSqlite, openSqlite, type SqliteRecipe } from '../../verifier/sqlite-driver.js';

const busyTimeoutMs = 5000;

const recipe: SqliteRecipe = [
  ['journal_mode', 'WAL', 'wal'],
  ['synchronous', 'FULL', 2],
  ['foreign_keys', 'ON', 1],
  ['busy_timeout', String(busyTimeoutMs), busyTimeoutMs],
  ['trusted_schema', 'OFF', 0],
  ['cell_size_check', 'ON', 1],
  ['mmap_size', '0', 0],
  ['secure_delete', 'ON', 1],
];

/** The driver and drizzle over it, loaded. */
export interface SqliteDriver {
  readonly Database: typeof Database;
  readonly drizzle: (client: Database.Database) => BetterSQLite3Database;
}

/** An open connection and drizzle over it. */
export interface SqliteConnection {
  readonly sqlite: Database.Database;
  readonly db: BetterSQLite3Database;
  close(): void;
}

/** Loads better-sqlite3 and drizzle. Throws `ERR_STORE_UNAVAILABLE` with what to install when the driver is missing or does not fit this Node.js. */
export async function loadDriver(): Promise<SqliteDriver> {
  const Database = loadSqlite();
  const { drizzle } = await import('drizzle-orm/better-sqlite3');
  return { Database, drizzle: (client) => drizzle(client) };
}

/** How many connections this process has to a file. */
const openCounts = new Map<string, number>();

/** Opens an existing database file with the settings above. Throws `ERR_STORE_UNAVAILABLE` when one does not hold, and SQLite's errors. */
export function openConnection(driver: SqliteDriver, file: string, mode: 'write' | 'read'): SqliteConnection {
  const path = resolve(file);
  const sqlite = openSqlite(driver.Database, path, { readonly: mode === 'read' }, recipe);
  openCounts.set(path, (openCounts.get(path) ?? 0) + 1);
  const close = () => {
    if (!sqlite.open) return;
    sqlite.close();
    openCounts.set(path, (openCounts.get(path) ?? 1) - 1);
  };
  return { sqlite, db: driver.drizzle(sqlite), close };
}

/** Whether this process has a connection to the file. */
export function hasOpenConnection(file: string): boolean {
  return (openCounts.get(resolve(file)) ?? 0) > 0;
}
