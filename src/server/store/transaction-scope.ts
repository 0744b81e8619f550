/** What one attempt at a transaction stands on: a transaction object that is good for that attempt, and the statements around it. */
import type { Statement } from 'better-sqlite3';
import { MacaroonError, type RandomBytes } from '../../core/index.js';
import { AppendedRows } from './appended-rows.js';
import type { StoreKeys } from './encryption.js';
import type { GroupChanges } from './group-changes.js';
import type { SqliteConnection } from './open-sqlite.js';
import type { RecordCache } from './record-cache.js';
import { prepareReads, prepareWrites, type ReadStatements, type WriteStatements } from './sqlite-queries.js';
import { SqliteTransaction } from './sqlite-transaction.js';

/** The writer's connection with its statements. */
export interface PreparedWriter {
  readonly connection: SqliteConnection;
  readonly reads: ReadStatements;
  readonly writes: WriteStatements;
  readonly appended: AppendedRows;
  /** Takes the write lock at once: a transaction that first reads could not write after another process did. */
  readonly begin: Statement<unknown[]>;
  readonly commit: Statement<unknown[]>;
  readonly rollback: Statement<unknown[]>;
  /** Another number once another connection, which is another process, has committed. */
  readonly dataVersion: Statement<unknown[], number>;
}

/** Prepares every statement of the writer. */
export function prepareWriter(connection: SqliteConnection): PreparedWriter {
  const { db, sqlite } = connection;
  const writes = prepareWrites(connection);
  return {
    connection,
    reads: prepareReads(db),
    writes,
    appended: new AppendedRows(writes),
    begin: sqlite.prepare('begin immediate'),
    commit: sqlite.prepare('commit'),
    rollback: sqlite.prepare('rollback'),
    dataVersion: sqlite.prepare<unknown[], number>('pragma data_version').pluck(),
  };
}

export interface TransactionScope {
  readonly tx: SqliteTransaction;
  /** Ends the use of `tx`. Throws what made one of its methods fail, even when the caller caught it: whole or nothing. */
  finish(): void;
  /** Ends the use of `tx` when the attempt failed. */
  abandon(): void;
}

/** What a scope needs of the group that it is in. */
export interface ScopeParts {
  readonly writer: PreparedWriter;
  readonly keys: StoreKeys;
  readonly randomBytes: RandomBytes;
  /** Runs its argument at once and turns what it throws into one of our errors. */
  readonly run: <T>(work: () => T) => T;
  readonly changes: GroupChanges;
  readonly records: () => RecordCache | undefined;
}

/** A scope for one attempt. */
export function openScope({ writer, keys, randomBytes, run, changes, records }: ScopeParts): TransactionScope {
  let failure: { readonly error: unknown } | undefined;
  let isOpen = true;
  const runInScope = <T>(work: () => T): T => {
    if (!isOpen) throw new MacaroonError('ERR_ARGUMENT', 'the transaction has ended');
    if (failure !== undefined) throw failure.error;
    try {
      return run(work);
    } catch (error) {
      failure = { error };
      throw error;
    }
  };
  const { reads, writes, appended, connection } = writer;
  return {
    tx: new SqliteTransaction({
      db: connection.db,
      reads,
      writes,
      appended,
      keys,
      randomBytes,
      run: runInScope,
      changes,
      records,
    }),
    finish() {
      isOpen = false;
      if (failure !== undefined) throw failure.error;
    },
    abandon() {
      isOpen = false;
    },
  };
}
