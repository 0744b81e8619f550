/**
 * The issuer's store on SQLite: transactions one after another on the writer's connection, reads on a second one that never sees an
 * open transaction.
 */
import { statfsSync } from 'node:fs';
import { type Clock, MacaroonError, type RandomBytes } from '../../core/index.js';
import type { Known, Store, StoreReader, StoreTransaction, TransactionPurpose } from '../domain/ports.js';
import { noteChecker } from './audit-blocks.js';
import { type AuditChainResult, type AuditRow, followAuditChain } from './audit-chain.js';
import { backupDatabase } from './backup.js';
import type { StoreKeys } from './encryption.js';
import { GroupWriter, nextTurn, type Work } from './group-writer.js';
import type { SqliteConnection } from './open-sqlite.js';
import { type PkiEntry, type PkiEntryWithKey, readPkiEntry, writePkiEntry } from './pki-entries.js';
import type { Reserve } from './reserve.js';
import { prepareReads, type ReadStatements } from './sqlite-queries.js';
import { SqliteReader } from './sqlite-reader.js';
import { storeFailure } from './store-failure.js';

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

export class SqliteStore implements IssuerStore {
  readonly read: StoreReader;
  readonly #options: SqliteStoreOptions;
  readonly #reads: ReadStatements;
  readonly #writer: GroupWriter | undefined;
  #state: 'open' | 'failed' | 'closed' = 'open';

  constructor(options: SqliteStoreOptions) {
    const { reader, keys, randomBytes } = options;
    this.#options = options;
    this.#reads = prepareReads(reader.db);
    const run = <T>(work: () => T): T => this.#run(work);
    const onFailure = (error: unknown): void => void this.#note(storeFailure(error));
    const writer = options.writer && new GroupWriter({ ...options.writer, keys, randomBytes, run, onFailure });
    this.#writer = writer;
    const records = () => writer?.committedRecords();
    this.read = new SqliteReader({ db: reader.db, reads: this.#reads, keys, run, records, pause: nextTurn });
  }

  transaction<T>(purpose: TransactionPurpose, work: (tx: StoreTransaction) => Known<T>): Promise<T> {
    return this.#transact(purpose, work);
  }

  async checkHealth(): Promise<void> {
    await this.read.latestChangeSeq();
    if (this.#options.writer === undefined) return;
    await this.#transact('grow', (tx) => tx.latestChangeSeq());
    const { bavail, bsize } = this.#run(() => statfsSync(this.#options.directory));
    if (bavail * bsize < lowRoomBytes) throw new MacaroonError('ERR_STORE_FULL', 'the disk is almost full: make room');
  }

  async pkiEntry(name: string): Promise<PkiEntryWithKey | undefined> {
    return this.#run(() => readPkiEntry(this.#reads, this.#options.keys, name));
  }

  async putPkiEntry(entry: PkiEntry, privateKeyPem: string): Promise<void> {
    const { keys, randomBytes, clock } = this.#options;
    await this.#transact('grow', async (tx, db) => {
      this.#run(() => writePkiEntry(db, keys, randomBytes, entry, privateKeyPem));
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
    const readAfter = async (after: number, limit: number) => this.#run(() => this.#reads.auditAfter.all({ after, limit }));
    const isNoted = noteChecker(this.#options.reader.db);
    const isListed = (row: AuditRow) => this.#run(() => isNoted(row));
    return await followAuditChain(this.#options.keys.auditKey, readAfter, isListed, options.head);
  }

  async backupTo(file: string): Promise<void> {
    const connection = this.#run(() => this.#options.openReader());
    try {
      await backupDatabase(connection, file);
    } catch (error) {
      throw storeFailure(error).error;
    } finally {
      connection.close();
    }
  }

  async close(): Promise<void> {
    await this.#writer?.settle();
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#options.reader.close();
    this.#writer?.close();
    this.#options.onClosed();
  }

  #transact<T>(purpose: TransactionPurpose, work: Work<T>): Promise<T> {
    const writer = this.#writer;
    return new Promise((resolve, reject) => {
      if (writer === undefined) throw new MacaroonError('ERR_ARGUMENT', 'this store was opened for reading alone');
      this.#requireOpen();
      writer.transact(purpose, work, resolve, reject);
    });
  }

  #requireOpen(): void {
    if (this.#state !== 'open') throw new MacaroonError('ERR_STORE_UNAVAILABLE', `the store has ${this.#state}`);
  }

  /** Runs `work` at once. What it throws becomes one of our errors; after a fatal one nothing runs any more. */
  #run<T>(work: () => T): T {
    this.#requireOpen();
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
