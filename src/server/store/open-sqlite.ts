/**
 * The SQLite driver and its connections: the one place that opens a database file. better-sqlite3 is optional, so it is loaded here,
 * when a store is opened, and a missing one is told in words.
 *
 * Every connection gets the same settings and each is read back. That matters most for `synchronous`: the driver is built so that a
 * file that is in WAL mode already is opened with NORMAL, which can lose acknowledged commits in a power cut.
 */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import type Database from 'better-sqlite3';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import { MacaroonError } from '../../core/index.js';

/** SQLite before it can lose commits when two connections checkpoint (sqlite.org/wal.html#walresetbug). */
const oldestSqlite = [3, 51, 3] as const;
const busyTimeoutMs = 5000;

/** Settings of every connection: name, the value to set, the value that must be read back. */
const recipe: readonly (readonly [string, string, string | number])[] = [
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

/** Loads better-sqlite3. Throws `ERR_STORE_UNAVAILABLE` with what to install when it is missing or does not fit this Node.js. */
export async function loadDriver(readManifest: () => unknown = readDriverManifest): Promise<SqliteDriver> {
  try {
    // Before it is loaded: a driver that does not fit ends the process instead of throwing.
    const version = versionOf(readManifest());
    requireFittingDriver(version, process.versions['napi']);
    const { default: Database } = await import('better-sqlite3');
    const { drizzle } = await import('drizzle-orm/better-sqlite3');
    return { Database, drizzle: (client) => drizzle(client) };
  } catch (cause) {
    if (cause instanceof MacaroonError) throw cause;
    throw new MacaroonError(
      'ERR_STORE_UNAVAILABLE',
      'the SQLite driver is not installed: run "npm install better-sqlite3@12" beside macaroond (it may need a C compiler)',
      { cause },
    );
  }
}

function readDriverManifest(): unknown {
  return createRequire(import.meta.url)('better-sqlite3/package.json');
}

function versionOf(manifest: unknown): string {
  const isManifest = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
  return isManifest && typeof manifest.version === 'string' ? manifest.version : '';
}

/** Throws `ERR_STORE_UNAVAILABLE` for a better-sqlite3 that would crash this Node.js: 13 and later need Node-API 10. */
export function requireFittingDriver(version: string, nodeApi: string | undefined): void {
  if (Number.parseInt(version, 10) < 13 || Number(nodeApi ?? 0) >= 10) return;
  throw new MacaroonError(
    'ERR_STORE_UNAVAILABLE',
    'this better-sqlite3 needs Node.js 22.14 or later: run "npm install better-sqlite3@12", or update Node.js',
  );
}

/** Throws `ERR_STORE_UNAVAILABLE` for a version of SQLite, such as `3.51.2`, that can lose commits. */
export function requireSoundSqlite(version: string): void {
  const parts = version.split('.').map(Number);
  for (const [i, oldest] of oldestSqlite.entries()) {
    const part = parts[i] ?? 0;
    if (part > oldest) return;
    if (!(part >= oldest)) {
      throw new MacaroonError(
        'ERR_STORE_UNAVAILABLE',
        `SQLite must be ${oldestSqlite.join('.')} or later: update better-sqlite3`,
      );
    }
  }
}

/** How many connections this process has to a file. */
const openCounts = new Map<string, number>();

/** Opens an existing database file with the settings above. Throws `ERR_STORE_UNAVAILABLE` when one does not hold, and SQLite's errors. */
export function openConnection(driver: SqliteDriver, file: string, mode: 'write' | 'read'): SqliteConnection {
  const path = resolve(file);
  const sqlite = loadBinding(() => new driver.Database(path, { readonly: mode === 'read', fileMustExist: true }));
  try {
    applyRecipe(sqlite);
  } catch (error) {
    sqlite.close();
    throw error;
  }
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

function loadBinding(open: () => Database.Database): Database.Database {
  try {
    return open();
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause) throw cause;
    throw new MacaroonError('ERR_STORE_UNAVAILABLE', 'the SQLite driver cannot be loaded: run "npm rebuild better-sqlite3"', {
      cause,
    });
  }
}

function applyRecipe(sqlite: Database.Database): void {
  requireSoundSqlite(String(sqlite.prepare('select sqlite_version()').pluck().get()));
  for (const [name, value, expected] of recipe) {
    sqlite.pragma(`${name} = ${value}`);
    const actual = sqlite.pragma(name, { simple: true });
    if (actual !== expected) {
      throw new MacaroonError(
        'ERR_STORE_UNAVAILABLE',
        `SQLite does not accept ${name} = ${value}: is the file system a local disk?`,
      );
    }
  }
}
