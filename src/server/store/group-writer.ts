/**
 * The writer's side of the store: works that come in one turn of the event loop, or in turns one after another, share one transaction and are answered
 * once it is durable. A commit waits for the disk whatever is in it, so thirty-two tokens cost little more than one.
 *
 * A work that fails before it wrote anything leaves the group as it was. Where one fails later, and where the disk is full, the group is rolled
 * back and its works are run again one by one, so that each gets its own answer and a `revoke` the reserve. Savepoints would spare the second run
 * of a rare case, but SQLite keeps a journal for them, in a file when it grows, that costs more than the rest of a mint.
 *
 * From the first work of a group to its commit nothing else runs: works await nothing but their transaction, whose methods answer at once. Hence
 * whoever asks for a transaction meanwhile is inside of one. To follow each work by an `AsyncLocalStorage` would slow down every promise.
 */
import { isPromise, MacaroonError, type RandomBytes, whenKnown } from '../../core/index.js';
import type { Known, TransactionPurpose } from '../domain/ports.js';
import type { AuditHead } from './audit-chain.js';
import type { StoreKeys } from './encryption.js';
import { GroupChanges } from './group-changes.js';
import type { SqliteConnection } from './open-sqlite.js';
import { RecordCache } from './record-cache.js';
import type { Reserve } from './reserve.js';
import { type SqliteTransaction, writeIssueTimes } from './sqlite-transaction.js';
import { isStoreBusy, isStoreFull } from './store-failure.js';
import { openScope, type PreparedWriter, prepareWriter, type TransactionScope } from './transaction-scope.js';

/** Works in one group; what is more waits for the next. */
const maxGroupWorks = 64;
/** A group that has taken so long takes no more works, so that others get the event loop. */
const maxGroupMs = 5;
/** How long works that keep coming are waited for. */
const maxGatherMs = 5;

/** How long another process that writes is waited for, and how often it is tried. */
const maxWaitMs = 5000;
const waitMs = 10;

export type Work<T> = (tx: SqliteTransaction, db: SqliteConnection['db']) => Known<T>;

export interface GroupWriterOptions {
  readonly connection: SqliteConnection;
  readonly reserve: Reserve;
  readonly keys: StoreKeys;
  readonly randomBytes: RandomBytes;
  /** Runs its argument at once. What it throws becomes one of our errors; after a fatal one nothing runs any more. */
  readonly run: <T>(work: () => T) => T;
  /** Told of a failure that no caller is told. */
  readonly onFailure: (error: unknown) => void;
}

/** Tells the caller of a work what came of it. */
type Answer = () => void;

interface Job {
  readonly purpose: TransactionPurpose;
  /** How the work is answered once it is committed. */
  readonly run: (scope: TransactionScope, db: SqliteConnection['db']) => Known<Answer>;
  readonly fail: (error: unknown) => void;
}

export class GroupWriter {
  readonly #options: GroupWriterOptions;
  readonly #writer: PreparedWriter;
  readonly #records = new RecordCache();
  #auditHead: AuditHead | undefined;
  #dataVersion: number | undefined;
  #isVersionFresh = false;
  #jobs: Job[] = [];
  #running: Promise<void> | undefined;
  #mustCheckpoint = false;
  #isInWork = false;

  constructor(options: GroupWriterOptions) {
    this.#options = options;
    this.#writer = prepareWriter(options.connection);
    options.connection.sqlite.pragma('busy_timeout = 0');
  }

  /** See `Store.transaction`. Tells `resolve` or `reject` what came of it. Throws `ERR_ARGUMENT` inside of a transaction. */
  transact<T>(purpose: TransactionPurpose, work: Work<T>, resolve: (result: T) => void, reject: (error: unknown) => void): void {
    if (this.#isInWork) throw new MacaroonError('ERR_ARGUMENT', 'a transaction cannot be started inside another one');
    const run: Job['run'] = (scope, db) => whenKnown(work(scope.tx, db), (result) => () => resolve(result));
    this.#jobs.push({ purpose, run, fail: reject });
    this.#running ??= this.#runAll();
  }

  /** Resolves once every work that was given before is answered. */
  async settle(): Promise<void> {
    await this.#running;
  }

  /**
   * Committed records, for reads outside of transactions. Other processes may write beside this one: whether one did is asked again for
   * everything that arrives, as what arrives in one call of the event loop is through before the next.
   */
  committedRecords(): RecordCache {
    if (!this.#isVersionFresh) {
      this.#noticeOthers();
      this.#isVersionFresh = true;
      process.nextTick(() => {
        this.#isVersionFresh = false;
      });
    }
    return this.#records;
  }

  close(): void {
    this.#records.clear();
    this.#options.connection.close();
  }

  /** Group after group, each in a turn of the event loop of its own. */
  async #runAll(): Promise<void> {
    while (this.#jobs.length > 0) {
      await this.#gather();
      const group = this.#jobs.splice(0, maxGroupWorks);
      const left = await this.#runGroup(group);
      this.#jobs.unshift(...left);
    }
    this.#running = undefined;
  }

  /** Waits for as long as each turn brings more works: those who were answered together come back in several turns, and a commit for each would cost more. */
  async #gather(): Promise<void> {
    const endMs = performance.now() + maxGatherMs;
    for (let known = 0; known < Math.min(this.#jobs.length, maxGroupWorks); ) {
      known = this.#jobs.length;
      await nextTurn();
      if (performance.now() > endMs) return;
    }
  }

  /** Answers the jobs of a group; gives back those for which there was no time. */
  async #runGroup(group: readonly Job[]): Promise<readonly Job[]> {
    const admitted = this.#admit(group);
    // What those who were refused do now must not come between the works.
    if (admitted.length < group.length) await nextTurn();
    const [first, ...others] = admitted;
    if (first === undefined) return [];
    if (others.length === 0) await this.#runAlone(first);
    else return await this.#runTogether(admitted);
    return [];
  }

  /** Refuses what may not grow on a full disk. */
  #admit(group: readonly Job[]): readonly Job[] {
    if (!group.some(({ purpose }) => purpose === 'grow')) return group;
    const { reserve, run } = this.#options;
    try {
      if (run(() => reserve.isHeld() || reserve.restore())) return group;
    } catch (error) {
      for (const job of group) job.fail(error);
      return [];
    }
    const full = new MacaroonError('ERR_STORE_FULL', 'the disk is full: make room in the data directory');
    return group.filter(({ purpose, fail }) => {
      if (purpose === 'grow') fail(full);
      return purpose !== 'grow';
    });
  }

  /** A job in a transaction of its own. The reserve is given up only for a `revoke` that the disk has no room for. */
  async #runAlone(job: Job): Promise<void> {
    const { reserve } = this.#options;
    try {
      const answer = await this.#attempt(job).catch((error: unknown) => {
        if (job.purpose === 'grow' || !isStoreFull(error) || !reserve.isHeld()) throw error;
        reserve.giveUp();
        return this.#attempt(job);
      });
      answer();
    } catch (error) {
      job.fail(error);
    }
  }

  async #attempt(job: Job): Promise<Answer> {
    return await this.#inTransaction(async (changes) => {
      const answer = await this.#runWork(job, changes);
      this.#flush();
      return answer;
    });
  }

  async #runTogether(group: readonly Job[]): Promise<readonly Job[]> {
    const answers: Answer[] = [];
    const taken: Job[] = [];
    try {
      await this.#inTransaction(async (changes) => {
        const startMs = performance.now();
        for (const job of group) {
          if (taken.length > 0 && performance.now() - startMs > maxGroupMs) break;
          taken.push(job);
          const answer = this.#runAmongOthers(job, changes);
          answers.push(isPromise(answer) ? await answer : answer);
        }
        this.#flushTogether();
      });
    } catch (error) {
      if (taken.length === 0) taken.push(...group);
      if (error instanceof NotTogether || isStoreFull(error)) await this.#runOneByOne(taken);
      else for (const job of taken) job.fail(error);
      return group.slice(taken.length);
    }
    for (const answer of answers) answer();
    return group.slice(taken.length);
  }

  async #runOneByOne(jobs: readonly Job[]): Promise<void> {
    for (const job of jobs) {
      await nextTurn();
      const [admitted] = this.#admit([job]);
      if (admitted !== undefined) await this.#runAlone(admitted);
    }
  }

  /** How the job is answered. Throws `NotTogether` when it failed and left something behind that must be rolled back. */
  #runAmongOthers(job: Job, changes: GroupChanges): Known<Answer> {
    const { writesBegun } = changes;
    const refuse = (error: unknown): Answer => {
      const { sqlite } = this.#writer.connection;
      const isUntouched = changes.writesBegun === writesBegun && sqlite.open && sqlite.inTransaction;
      if (!isUntouched) throw new NotTogether();
      return () => job.fail(error);
    };
    try {
      const answer = this.#runWork(job, changes);
      return isPromise(answer) ? answer.catch(refuse) : answer;
    } catch (error) {
      return refuse(error);
    }
  }

  #flush(): void {
    this.#options.run(() => this.#writer.appended.flush());
  }

  /** Throws `NotTogether` when a row is refused: nobody knows whose it is. */
  #flushTogether(): void {
    try {
      this.#flush();
    } catch {
      throw new NotTogether();
    }
  }

  #runWork(job: Job, changes: GroupChanges): Known<Answer> {
    const { keys, randomBytes, run } = this.#options;
    const records = () => (changes.hasOthers ? undefined : this.#records);
    const scope = openScope({ writer: this.#writer, keys, randomBytes, run, changes, records });
    const leave = (): void => {
      scope.abandon();
      this.#isInWork = false;
    };
    this.#isInWork = true;
    try {
      const answer = job.run(scope, this.#writer.connection.db);
      if (isPromise(answer)) return this.#finishLater(answer, scope).finally(leave);
      scope.finish();
      leave();
      return answer;
    } catch (error) {
      leave();
      throw error;
    }
  }

  async #finishLater(answer: Promise<Answer>, scope: TransactionScope): Promise<Answer> {
    const made = await answer;
    scope.finish();
    return made;
  }

  async #inTransaction<T>(work: (changes: GroupChanges) => Promise<T>): Promise<T> {
    const { commit, connection, writes } = this.#writer;
    const { run, keys } = this.#options;
    try {
      await this.#begin();
      this.#noticeOthers();
      const changes = new GroupChanges(this.#auditHead);
      const result = await work(changes);
      run(() => writeIssueTimes(writes, keys, changes));
      run(() => commit.run());
      this.#afterCommit(changes);
      return result;
    } catch (error) {
      this.#writer.appended.forget();
      // A full disk has rolled it back already.
      if (connection.sqlite.open && connection.sqlite.inTransaction) this.#rollBack();
      throw error;
    }
  }

  /** Begins, as soon as no other process writes: waited for here, as SQLite would stop the event loop for it. */
  async #begin(): Promise<void> {
    const { begin } = this.#writer;
    const giveUpMs = performance.now() + maxWaitMs;
    for (;;) {
      try {
        this.#options.run(() => begin.run());
        return;
      } catch (error) {
        if (!isStoreBusy(error) || performance.now() > giveUpMs) throw error;
        await new Promise((resume) => setTimeout(resume, waitMs));
      }
    }
  }

  #rollBack(): void {
    try {
      this.#writer.rollback.run();
    } catch (error) {
      // The callers are told what made the transaction fail, not this.
      this.#options.onFailure(error);
    }
  }

  /** Forgets what was kept when another process has committed since it was last asked. */
  #noticeOthers(): void {
    const version = this.#options.run(() => this.#writer.dataVersion.get());
    if (version === this.#dataVersion) return;
    this.#dataVersion = version;
    this.#auditHead = undefined;
    this.#records.clear();
    this.#writer.appended.forget();
  }

  /** An erased key is gone when no copy of its page is left in the WAL. What a reader holds up is done after the next commit. */
  #afterCommit(changes: GroupChanges): void {
    this.#auditHead = changes.auditHead;
    if (changes.hasOthers) this.#records.clear();
    else for (const client of changes.clients()) this.#records.client.set(client.name, client);
    this.#mustCheckpoint ||= changes.hasErased;
    if (this.#mustCheckpoint) this.#mustCheckpoint = !this.#checkpoint();
  }

  /** Empties the WAL into the database without waiting for readers; whether that was done. */
  #checkpoint(): boolean {
    try {
      return this.#writer.connection.sqlite.pragma('wal_checkpoint(truncate)', { simple: true }) === 0;
    } catch (error) {
      // Commits hold whatever happens here; a disk that fails is noticed, a full one is tried again.
      this.#options.onFailure(error);
      return false;
    }
  }
}

/** What failed among others cannot be told from them. */
class NotTogether extends Error {}

/** Resolves in the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resume) => setImmediate(resume));
}
