/**
 * Loading better-sqlite3. It is an optional dependency, so nothing imports it before a database is opened, and a missing or unfit one is told in
 * words. The replay store and the issuer's store both open their files with it.
 */
import { createRequire } from 'node:module';
import type Database from 'better-sqlite3';
import { MacaroonError } from '../core/index.js';

/** SQLite before it can lose commits when two connections checkpoint (sqlite.org/wal.html#walresetbug). */
const oldestSqlite = [3, 51, 3] as const;
const require = createRequire(import.meta.url);

/** Loads better-sqlite3. Throws `ERR_STORE_UNAVAILABLE` with what to install when it is missing or does not fit this Node.js. */
export function loadSqlite(readManifest: () => unknown = readDriverManifest): typeof Database {
  try {
    // Before it is loaded: a driver that does not fit ends the process instead of throwing.
    requireFittingDriver(versionOf(readManifest()), process.versions['napi']);
    const loaded: typeof Database = require('better-sqlite3');
    return loaded;
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
  return require('better-sqlite3/package.json');
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

/** Settings of a connection: name, the value to set, the value that must be read back. */
export type SqliteRecipe = readonly (readonly [name: string, value: string, expected: string | number])[];

/**
 * Opens an existing file with `recipe`, each setting read back. That matters most for `synchronous`: the driver is built so that a file that is
 * in WAL mode already is opened with NORMAL, which can lose acknowledged commits in a power cut. Throws `ERR_STORE_UNAVAILABLE`, and SQLite's errors.
 */
export function openSqlite(
  Driver: typeof Database,
  path: string,
  options: { readonly readonly?: boolean; readonly timeout?: number },
  recipe: SqliteRecipe,
): Database.Database {
  const sqlite = loadBinding(() => new Driver(path, { ...options, fileMustExist: true }));
  try {
    applyRecipe(sqlite, recipe);
    return sqlite;
  } catch (error) {
    sqlite.close();
    throw error;
  }
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

function applyRecipe(sqlite: Database.Database, recipe: SqliteRecipe): void {
  requireSoundSqlite(String(sqlite.prepare('select sqlite_version()').pluck().get()));
  for (const [name, value, expected] of recipe) {
    sqlite.pragma(`${name} = ${value}`);
    if (sqlite.pragma(name, { simple: true }) !== expected) {
      throw new MacaroonError(
        'ERR_STORE_UNAVAILABLE',
        `SQLite does not accept ${name} = ${value}: is the file system a local disk?`,
      );
    }
  }
}
