/**
 * The issuer's store on SQLite: transactions one after another on the writer's connection, reads on a second one that never sees an
 * open transaction. Nothing is remembered from one transaction to the next, as another process may write in between.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { statfsSync } from 'node:fs';
import { type Clock, MacaroonError, type RandomBytes } from '../../core/index.js';
import type { Store, StoreReader, StoreTransaction, TransactionPurpose } from '../domain/ports.js';
import { type AuditChainResult, followAuditChain } from './audit-chain.js';
import { backupDatabase } from './backup.js';
import type { StoreKeys } from './encryption.js';
import type { SqliteConnection } from './open-sqlite.js';
import { type PkiEntry, type PkiEntryWithKey, readPkiEntry, writePkiEntry } from './pki-entries.js';
import type { Reserve } from './reserve.js';
import { prepareReads, type ReadStatements } from './sqlite-queries.js';
import { SqliteReader } from './sqlite-reader.js';
import type { SqliteTransaction } from './sqlite-transaction.js';
import { isStoreFull, storeFailure } from './store-failure.js';
import { openScope, type PreparedWriter, prepareWriter, type TransactionScope } from './transaction-scope.js';

/** Free room below which the store does not call itself healthy. */
const lowRoomBytes = 1024 * 1024;

/** A store with what the rest of the server asks of it beside the domain's port. */
export interface IssuerStore extends Store {
  /** A certificate with its private key, decrypted. */
  pkiEntry(name: string): Promise<PkiEntryWithKey | undefined>;
  /** Inserts or replaces, with an audit entry `pki.stored`. The private key is encrypted, tied to the name. */
  putPkiEntry(entry: PkiEntry, privateKeyPem: string): Promise<void>;
  /** 32 bytes, a sub-key of the master key: the same in every process of this installation. */
  deriveKey(purpose: 'challenge'): Uint8Array;
  /** Checks the whole audit log; `head` is `seq:mac` of an earlier check. Throws `ERR_ARGUMENT` for another spelling of it. */
  verifyAuditChain(options?: { readonly head?: string | undefined }): Promise<AuditChainResult>;
  /** Writes a consistent copy into a new file, 0600. Throws `ERR_ARGUMENT` when the file is there or cannot be made. */
  backupTo(file: string): Promise<void>;
}

/** The part that may write. */
export interface StoreWriter {
  readonly connection: SqliteConnection;
  readonly reserve: Reserve;
}

export interface SqliteStoreOptions {
  /** Absent in a store that is opened for reading alone. */
  readonly writer?: StoreWriter | undefined;
  readonly reader: SqliteConnection;
  readonly keys: StoreKeys;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** Where free room is looked at. */
  readonly directory: string;
  /** Opens one more connection for reading. */
  readonly openReader: () => SqliteConnection;
  /** Told once that the process must exit and be started anew. */
  readonly onFatal?: ((error: MacaroonError) => void) | undefined;
  /** Runs after the connections were closed. */
  readonly onClosed: () => void;
}

type Work<T> = (tx: SqliteTransaction, db: SqliteConnection['db']) => Promise<T>;

export class SqliteStore implements IssuerStore {
  readonly read: StoreReader;
  readonly #options: SqliteStoreOptions;
  readonly #reads: ReadStatements;
  readonly #writer: PreparedWriter | undefined;
  readonly #surrounding = new AsyncLocalStorage<TransactionScope>();
  #queue: Promise<unknown> = Promise.resolve();
  #state: 'open' | 'failed' | 'closed' = 'open';
  #mustCheckpoint = false;

  constructor(options: SqliteStoreOptions) {
    const { writer, reader, keys } = options;
    this.#options = options;
    this.#reads = prepareReads(reader.db);
    this.#writer = writer && prepareWriter(writer.connection);
    this.read = new SqliteReader({ db: reader.db, reads: this.#reads, keys, run: (work) => this.#run(work) });
  }

  async transaction<T>(purpose: TransactionPurpose, work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    return await this.#transact(purpose, work);
  }

  async checkHealth(): Promise<void> {
    await this.read.latestChangeSeq();
    if (this.#options.writer === undefined) return;
    await this.#transact('grow', (tx) => tx.latestChangeSeq());
    const { bavail, bsize } = await this.#run(() => statfsSync(this.#options.directory));
    if (bavail * bsize < lowRoomBytes) throw new MacaroonError('ERR_STORE_FULL', 'the disk is almost full: make room');
  }

  async pkiEntry(name: string): Promise<PkiEntryWithKey | undefined> {
    return await this.#run(() => readPkiEntry(this.#reads, this.#options.keys, name));
  }

  async putPkiEntry(entry: PkiEntry, privateKeyPem: string): Promise<void> {
    const { keys, randomBytes, clock } = this.#options;
    await this.#transact('grow', async (tx, db) => {
      await this.#run(() => writePkiEntry(db, keys, randomBytes, entry, privateKeyPem));
      await tx.appendAudit({
        atMs: clock(),
        event: 'pki.stored',
        actor: '(local)',
        details: { name: entry.name, not_after_ms: entry.notAfterMs },
      });
    });
  }

  deriveKey(_purpose: 'challenge'): Uint8Array {
    return new Uint8Array(this.#options.keys.challengeKey.export());
  }

  async verifyAuditChain(options: { readonly head?: string | undefined } = {}): Promise<AuditChainResult> {
    const readAfter = (after: number, limit: number) => this.#run(() => this.#reads.auditAfter.all({ after, limit }));
    return await followAuditChain(this.#options.keys.auditKey, readAfter, options.head);
  }

  async backupTo(file: string): Promise<void> {
    const connection = await this.#run(() => this.#options.openReader());
    try {
      await backupDatabase(connection, file);
    } catch (error) {
      throw storeFailure(error).error;
    } finally {
      connection.close();
    }
  }

  async close(): Promise<void> {
    await this.#enqueue(async () => {
      if (this.#state === 'closed') return;
      this.#state = 'closed';
      this.#options.reader.close();
      this.#options.writer?.connection.close();
      this.#options.onClosed();
    });
  }

  /** One transaction after another; see the port. The reserve is given up only for a `revoke` that the disk has no room for. */
  async #transact<T>(purpose: TransactionPurpose, work: Work<T>): Promise<T> {
    if (this.#surrounding.getStore()?.isOpen()) {
      throw new MacaroonError('ERR_ARGUMENT', 'a transaction cannot be started inside another one');
    }
    const { writer } = this.#options;
    const prepared = this.#writer;
    if (writer === undefined || prepared === undefined) {
      throw new MacaroonError('ERR_ARGUMENT', 'this store was opened for reading alone');
    }
    const { reserve } = writer;
    return await this.#enqueue(async () => {
      if (purpose === 'grow' && !reserve.isHeld() && !reserve.restore()) {
        throw new MacaroonError('ERR_STORE_FULL', 'the disk is full: make room in the data directory');
      }
      try {
        return await this.#attempt(prepared, work);
      } catch (error) {
        if (purpose === 'grow' || !isStoreFull(error) || !reserve.isHeld()) throw error;
        reserve.giveUp();
        return await this.#attempt(prepared, work);
      }
    });
  }

  /** Runs `job` after those before it, whether or not they failed. */
  #enqueue<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(job);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #attempt<T>(writer: PreparedWriter, work: Work<T>): Promise<T> {
    const { keys, randomBytes } = this.#options;
    const { sqlite, db } = writer.connection;
    const scope = openScope(writer, keys, randomBytes, (step) => this.#run(step));
    try {
      await this.#run(() => writer.begin.run());
      const result = await this.#surrounding.run(scope, () => work(scope.tx, db));
      scope.finish();
      await this.#run(() => writer.commit.run());
      this.#afterCommit(writer.connection, scope.hasErased());
      return result;
    } catch (error) {
      // SQLite itself rolls back on some failures, a full disk among them.
      if (sqlite.open && sqlite.inTransaction) this.#rollBack(writer);
      throw error;
    } finally {
      scope.abandon();
    }
  }

  #rollBack(writer: PreparedWriter): void {
    try {
      writer.rollback.run();
    } catch (error) {
      // The caller is told what made the transaction fail, not this.
      this.#note(storeFailure(error));
    }
  }

  /** An erased key is gone when no copy of its page is left in the WAL. What a reader holds up is done after the next commit. */
  #afterCommit(connection: SqliteConnection, hasErased: boolean): void {
    this.#mustCheckpoint ||= hasErased;
    if (this.#mustCheckpoint) this.#mustCheckpoint = !this.#checkpoint(connection);
  }

  /** Empties the WAL into the database without waiting for readers; whether that was done. */
  #checkpoint({ sqlite }: SqliteConnection): boolean {
    const busyTimeoutMs = Number(sqlite.pragma('busy_timeout', { simple: true }));
    try {
      sqlite.pragma('busy_timeout = 0');
      return sqlite.pragma('wal_checkpoint(truncate)', { simple: true }) === 0;
    } catch (error) {
      // Commits hold whatever happens here; a disk that fails is noticed, a full one is tried again.
      this.#note(storeFailure(error));
      return false;
    } finally {
      sqlite.pragma(`busy_timeout = ${busyTimeoutMs}`);
    }
  }

  /** Runs `work` at once. What it throws becomes one of our errors; after a fatal one nothing runs any more. */
  async #run<T>(work: () => T): Promise<T> {
    if (this.#state !== 'open') throw new MacaroonError('ERR_STORE_UNAVAILABLE', `the store has ${this.#state}`);
    try {
      return work();
    } catch (error) {
      throw this.#note(storeFailure(error));
    }
  }

  #note({ error, isFatal }: { readonly error: unknown; readonly isFatal: boolean }): unknown {
    if (isFatal && this.#state === 'open' && error instanceof MacaroonError) {
      this.#state = 'failed';
      this.#options.onFatal?.(error);
    }
    return error;
  }
}
