/**
 * The file of used nonces: opening, making and writing it. A claim is an insert that either happens or finds the nonce there, under the lock of
 * the writer and on the disk (`synchronous = FULL`) before it is answered.
 *
 * The file is found by its name, so it may be deleted or exchanged under a process that has it open. That process would go on in a file that
 * nobody else reads: each transaction therefore looks whether the name still leads to the file that it writes.
 */
import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { MacaroonError } from '../core/index.js';
import { type ReplayBounds, replayStoreFull } from '../protocol/replay-bounds.js';
import { loadSqlite, openSqlite, type SqliteRecipe } from './sqlite-driver.js';
import { replayFileError } from './sqlite-failure.js';

/** "mcrp": tells the file from every other database. */
const applicationId = 0x6d637270;
const schemaVersion = 1;
/** How long opening waits for another process that opens or makes the file. */
const openTimeoutMs = 5000;
/** Expired nonces that a transaction drops: more than it adds, and few enough not to be felt. */
const droppedPerClaim = 2;
const droppedAtLeast = 16;

const recipe: SqliteRecipe = [
  ['journal_mode', 'WAL', 'wal'],
  ['synchronous', 'FULL', 2],
  ['trusted_schema', 'OFF', 0],
  ['cell_size_check', 'ON', 1],
  ['mmap_size', '0', 0],
];

/** The triggers keep the counts and the mark of what was forgotten, whoever deletes. */
const schema = `
  create table meta (name text primary key, value integer not null) strict, without rowid;
  create table replay (
    scope text not null, nonce text not null, expires_at_ms integer not null, primary key (scope, nonce)
  ) strict, without rowid;
  create index replay_by_expiry on replay (expires_at_ms);
  create table scopes (scope text primary key, nonces integer not null) strict, without rowid;
  create trigger replay_kept after insert on replay begin
    insert into scopes values (new.scope, 1) on conflict do update set nonces = nonces + 1;
    update meta set value = value + 1 where name = 'nonces';
  end;
  create trigger replay_forgotten after delete on replay begin
    update scopes set nonces = nonces - 1 where scope = old.scope;
    delete from scopes where scope = old.scope and nonces = 0;
    update meta set value = value - 1 where name = 'nonces';
    update meta set value = max(value, old.expires_at_ms) where name = 'forgotten_until_ms';
  end;
  pragma application_id = ${applicationId};
  pragma user_version = ${schemaVersion};`;

/** One nonce to be claimed, bounded. */
export interface FileClaim {
  readonly scope: string;
  readonly nonce: string;
  readonly expiresAtMs: number;
}

/** Whether the nonce was new, or why that cannot be kept. */
export type FileClaimOutcome = boolean | MacaroonError;

/** An open file of used nonces. */
export interface ReplayFile {
  readonly bornAtMs: number;
  /** Whether its name still leads to it. */
  isInPlace(): boolean;
  /** Claims all of `claims` in one transaction, in order. Throws SQLite's errors, `SQLITE_BUSY` at once where another process writes, with nothing claimed. */
  claimAll(claims: readonly FileClaim[], nowMs: number): readonly FileClaimOutcome[];
  close(): void;
}

/**
 * Opens the file at `path` (absolute), or makes it, born at `bornAtMs`. Throws `ERR_STORE_CORRUPT` for a file that is something else, and
 * `ERR_STORE_UNAVAILABLE`, `ERR_STORE_FULL`.
 */
export function openReplayFile(path: string, bornAtMs: number, bounds: ReplayBounds): ReplayFile {
  try {
    const Driver = loadSqlite();
    const lock = lockOpening(Driver, path);
    try {
      return openLocked(Driver, path, bornAtMs, bounds);
    } finally {
      lock.close();
    }
  } catch (error) {
    throw replayFileError(error, path);
  }
}

/**
 * One process at a time opens or makes the file, so that two cannot make it at once, nor one remove what the other has begun. The lock is
 * SQLite's on a file beside it, and ends with its process.
 */
function lockOpening(Driver: typeof Database, path: string): Database.Database {
  const file = `${path}.lock`;
  makeOwnerFile(file);
  const lock = openSqlite(Driver, file, { timeout: openTimeoutMs }, [['journal_mode', 'MEMORY', 'memory']]);
  try {
    lock.exec('begin exclusive');
    return lock;
  } catch (error) {
    lock.close();
    throw error;
  }
}

function openLocked(Driver: typeof Database, path: string, bornAtMs: number, bounds: ReplayBounds): ReplayFile {
  if (identityOf(path) === undefined) {
    // The newest part of a file that was deleted does not belong to the one that is made now.
    for (const suffix of ['-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    makeOwnerFile(path);
  }
  const identity = identityOf(path);
  // Before any setting is written: the file may be somebody else's.
  const isMade = isReplayFile(Driver, path);
  const sqlite = openSqlite(Driver, path, { timeout: openTimeoutMs }, recipe);
  try {
    if (!isMade) sqlite.transaction(() => makeSchema(sqlite, bornAtMs)).immediate();
    if (identity === undefined || identityOf(path) !== identity) throw moved(path);
    const file = replayFileOf(sqlite, { path, identity, bounds });
    // From here on who asks waits for another process: SQLite would stop the event loop for it.
    sqlite.pragma('busy_timeout = 0');
    return file;
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

/** Whether the file is one of used nonces; false for an empty one, such as an interrupted start leaves. Throws `ERR_STORE_CORRUPT` for another. */
function isReplayFile(Driver: typeof Database, path: string): boolean {
  const sqlite = openSqlite(Driver, path, { timeout: openTimeoutMs }, []);
  try {
    const isEmpty = sqlite.prepare('select count(*) from sqlite_schema').pluck().get() === 0;
    if (isEmpty && sqlite.pragma('application_id', { simple: true }) === 0) return false;
    const isOurs = sqlite.pragma('application_id', { simple: true }) === applicationId;
    if (isOurs && sqlite.pragma('user_version', { simple: true }) === schemaVersion) return true;
  } finally {
    sqlite.close();
  }
  throw new MacaroonError(
    'ERR_STORE_CORRUPT',
    `${path} is a database of something else or of a newer version: name another file for used nonces`,
  );
}

function makeSchema(sqlite: Database.Database, bornAtMs: number): void {
  sqlite.exec(schema);
  const insert = sqlite.prepare('insert into meta values (?, ?)');
  insert.run('born_at_ms', bornAtMs);
  insert.run('nonces', 0);
  insert.run('forgotten_until_ms', 0);
}

interface Place {
  readonly path: string;
  readonly identity: string;
  readonly bounds: ReplayBounds;
}

function replayFileOf(sqlite: Database.Database, { path, identity, bounds }: Place): ReplayFile {
  const meta = sqlite.prepare<[string], number>('select value from meta where name = ?').pluck();
  const read = (name: string): number => {
    const value = meta.get(name);
    if (value !== undefined) return value;
    throw new MacaroonError('ERR_STORE_CORRUPT', `${path} is damaged: delete it, and what was sent before is refused`);
  };
  const nonces = sqlite.prepare<[string], number>('select nonces from scopes where scope = ?').pluck();
  const insert = sqlite.prepare('insert into replay values (?, ?, ?) on conflict do nothing');
  const isUsed = sqlite.prepare<[string, string], number>('select 1 from replay where scope = ? and nonce = ?').pluck();
  const drop = sqlite.prepare(
    `delete from replay where (scope, nonce) in
       (select scope, nonce from replay where expires_at_ms <= ? order by expires_at_ms limit ?)`,
  );
  const passedBound = (scope: string): keyof ReplayBounds | undefined => {
    if (read('nonces') >= bounds.maxNonces) return 'maxNonces';
    return (nonces.get(scope) ?? 0) >= bounds.maxNoncesPerScope ? 'maxNoncesPerScope' : undefined;
  };
  const claim = ({ scope, nonce, expiresAtMs }: FileClaim, forgottenUntilMs: number): FileClaimOutcome => {
    // What expired cannot be known to be new, also after the clock was set back.
    if (expiresAtMs <= forgottenUntilMs) return false;
    const full = passedBound(scope);
    if (full !== undefined) return isUsed.get(scope, nonce) === undefined ? replayStoreFull(full) : false;
    return insert.run(scope, nonce, expiresAtMs).changes === 1;
  };
  const isInPlace = () => identityOf(path) === identity;
  const claimAll = sqlite.transaction((claims: readonly FileClaim[], nowMs: number) => {
    // Under the lock: whoever makes the file anew from here on is born later than every message that is claimed here.
    if (!isInPlace()) throw moved(path);
    drop.run(nowMs, droppedPerClaim * claims.length + droppedAtLeast);
    const forgottenUntilMs = Math.max(nowMs, read('forgotten_until_ms'));
    return claims.map((one) => claim(one, forgottenUntilMs));
  });
  return {
    bornAtMs: read('born_at_ms'),
    isInPlace,
    claimAll: (claims, nowMs) => claimAll.immediate(claims, nowMs),
    close: () => sqlite.close(),
  };
}

function moved(path: string): MacaroonError {
  return new MacaroonError('ERR_STORE_UNAVAILABLE', `${path} was deleted or exchanged: what was sent before that is refused`);
}

/** Makes an empty file for its owner alone, unless there is one. An existing one is not opened: closing it would drop SQLite's locks on it. */
function makeOwnerFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

/** Which file `path` leads to; `undefined` when to none. */
function identityOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.dev}:${found.ino}`;
}
