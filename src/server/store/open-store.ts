/**
 * Opening and creating the issuer's store in a data directory. The order is the point: the master key is checked before anything
 * in the directory is touched, the writer's lock is taken before anything is written.
 */
import type { KeyObject } from 'node:crypto';
import { renameSync, rmSync } from 'node:fs';
import { type Clock, MacaroonError, type RandomBytes } from '../../core/index.js';
import {
  createOwnerFile,
  type DataFiles,
  dataFiles,
  ensureDataDirectory,
  hasStore,
  restrictToOwner,
  syncDirectory,
} from './data-files.js';
import type { StoreKeys } from './encryption.js';
import { checkHeader, openInstallation, writeInstallation } from './installation.js';
import { applyMigrations, countPendingMigrations } from './migrations.js';
import { loadDriver, openConnection, type SqliteConnection, type SqliteDriver } from './open-sqlite.js';
import { createReserve, defaultReserveBytes, type Reserve } from './reserve.js';
import { type IssuerStore, SqliteStore, type StoreWriter } from './sqlite-store.js';
import { isStoreFull, storeFailure } from './store-failure.js';
import { acquireWriterLock, type WriterLock } from './writer-lock.js';

export interface OpenStoreOptions {
  readonly dataDirectory: string;
  readonly masterKey: KeyObject;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /**
   * `serve`: the one long-lived writer. `local`: a short-lived writer, also beside a running server. `read`: reads alone, also
   * beside a running server.
   */
  readonly mode: 'serve' | 'local' | 'read';
  /** Size of the reserve for a full disk; 16 MiB when absent. */
  readonly reserveBytes?: number | undefined;
  /** Called once when the database can no longer be relied on: exit, and be started anew. */
  readonly onFatal?: ((error: MacaroonError) => void) | undefined;
}

/**
 * Opens the store of an initialised data directory and applies waiting migrations. Throws `ERR_DATA_DIRECTORY` (no database, made by
 * a newer version, or another server runs on it), `ERR_MASTER_KEY` (not the key it was made with), `ERR_STORE_UNAVAILABLE`,
 * `ERR_STORE_CORRUPT`, `ERR_STORE_FULL`.
 */
export async function openStore(options: OpenStoreOptions): Promise<IssuerStore> {
  const files = dataFiles(options.dataDirectory);
  if (!hasStore(options.dataDirectory)) {
    throw new MacaroonError('ERR_DATA_DIRECTORY', 'there is no database in the data directory: run "macaroond init"');
  }
  const opening: Opening = { driver: await loadDriver(), files, options, opened: [] };
  try {
    checkHeader(files.database, options.masterKey);
    return options.mode === 'read' ? openReading(opening) : openWriting(opening);
  } catch (error) {
    for (const one of opening.opened.reverse()) one.close();
    throw storeFailure(error).error;
  }
}

/** What the steps of opening share. */
interface Opening {
  readonly driver: SqliteDriver;
  readonly files: DataFiles;
  readonly options: OpenStoreOptions;
  /** To be closed again, last first, when a later step fails. */
  readonly opened: { close(): void }[];
}

/** Makes the database of a new data directory, and the directory. Throws `ERR_DATA_DIRECTORY` when there is a database already. */
export async function createStore(options: OpenStoreOptions): Promise<IssuerStore> {
  const driver = await loadDriver();
  ensureDataDirectory(options.dataDirectory);
  const files = dataFiles(options.dataDirectory);
  const lock = acquireWriterLock(driver, files.writerLock);
  try {
    if (hasStore(options.dataDirectory)) {
      throw new MacaroonError('ERR_DATA_DIRECTORY', 'there is a database in the data directory already: nothing was changed');
    }
    createDatabase(driver, files, options);
  } catch (error) {
    throw storeFailure(error).error;
  } finally {
    lock.close();
  }
  return await openStore(options);
}

/** Under another name first, so that a database that is found is a whole one. */
function createDatabase(driver: SqliteDriver, files: DataFiles, { masterKey, randomBytes }: OpenStoreOptions): void {
  const unfinished = `${files.database}.new`;
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${unfinished}${suffix}`, { force: true });
  createOwnerFile(unfinished);
  const connection = openConnection(driver, unfinished, 'write');
  try {
    applyMigrations(connection);
    writeInstallation(connection, masterKey, randomBytes);
  } finally {
    // The last connection to close writes the WAL into the file and removes it.
    connection.close();
  }
  renameSync(unfinished, files.database);
  syncDirectory(files.directory);
}

function openReading(opening: Opening): IssuerStore {
  const reader = connect(opening, 'read');
  const keys = openInstallation(reader, opening.options.masterKey);
  if (countPendingMigrations(reader) > 0) {
    throw new MacaroonError('ERR_DATA_DIRECTORY', 'the database is of an older version: run "macaroond db migrate"');
  }
  return assemble(opening, keys, reader);
}

function openWriting(opening: Opening): IssuerStore {
  const { driver, files, options, opened } = opening;
  const { clock, randomBytes, reserveBytes: bytes = defaultReserveBytes } = options;
  const lock = options.mode === 'serve' ? acquireWriterLock(driver, files.writerLock) : undefined;
  if (lock !== undefined) opened.push(lock);
  for (const suffix of ['', '-wal', '-shm']) restrictToOwner(`${files.database}${suffix}`);
  const reserve = createReserve({ file: files.reserve, bytes, clock, randomBytes });
  const connection = connectInReserve(opening, reserve);
  const keys = openInstallation(connection, options.masterKey);
  if (countPendingMigrations(connection) > 0) migrateAlone(opening, connection, lock);
  if (options.mode === 'serve') requireWholeFile(connection);
  const reader = connect(opening, 'read');
  reserve.restore();
  return assemble(opening, keys, reader, { connection, reserve }, lock);
}

function connect({ driver, files, opened }: Opening, mode: 'write' | 'read'): SqliteConnection {
  const connection = openConnection(driver, files.database, mode);
  opened.push(connection);
  return connection;
}

/** Even a start needs room, for SQLite's index of the WAL: a full disk must not keep a restarted issuer from revoking. */
function connectInReserve(opening: Opening, reserve: Reserve): SqliteConnection {
  try {
    return connect(opening, 'write');
  } catch (error) {
    if (!isStoreFull(storeFailure(error).error) || !reserve.isHeld()) throw error;
    reserve.giveUp();
    return connect(opening, 'write');
  }
}

/** A running server must not find its tables changed under it. */
function migrateAlone({ driver, files }: Opening, connection: SqliteConnection, held: WriterLock | undefined): void {
  const own = held === undefined ? acquireWriterLock(driver, files.writerLock) : undefined;
  try {
    applyMigrations(connection);
  } finally {
    own?.close();
  }
}

function requireWholeFile({ sqlite }: SqliteConnection): void {
  if (sqlite.pragma('quick_check(1)', { simple: true }) === 'ok') return;
  throw new MacaroonError('ERR_STORE_CORRUPT', 'the database file is damaged: restore a backup');
}

function assemble(
  { driver, files, options }: Opening,
  keys: StoreKeys,
  reader: SqliteConnection,
  writer?: StoreWriter,
  lock?: WriterLock,
): IssuerStore {
  return new SqliteStore({
    writer,
    reader,
    keys,
    clock: options.clock,
    randomBytes: options.randomBytes,
    directory: files.directory,
    openReader: () => openConnection(driver, files.database, 'read'),
    onFatal: options.onFatal,
    onClosed: () => lock?.close(),
  });
}
