/** Used nonces in a file: what survives, what is noticed, and what is refused. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replayBounds } from '../../../src/protocol/replay-bounds.js';
import { claimNonce, type ReplayStore } from '../../../src/protocol/replay-store.js';
import { type SqliteReplayStoreOptions, sqliteReplayStore } from '../../../src/verifier/sqlite.js';
import { openReplayFile } from '../../../src/verifier/sqlite-replay-file.js';
import { describeReplayStoreContract } from '../../contract/replay-store-contract.js';

const startMs = Date.UTC(2026, 10, 21, 22, 21);
const laterMs = startMs + 120_000;

let directory: string;
let path: string;
let nowMs: number;
const opened: ReplayStore[] = [];

/** Opens a store that is closed after the test. */
function open(options: SqliteReplayStoreOptions = {}, file = path): ReplayStore {
  const store = sqliteReplayStore(file, { clock: () => nowMs, ...options });
  opened.push(store);
  return store;
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'macaroond-replay-'));
  path = join(directory, 'replay.db');
  nowMs = startMs;
});
afterEach(() => {
  for (const store of opened.splice(0)) void store.close();
  rmSync(directory, { recursive: true });
});

let files = 0;
describeReplayStoreContract('in a file', (options) => open(options, join(directory, `${files++}.db`)));

function code(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : error;
}

async function outcomeOf(store: ReplayStore, nonce: string): Promise<unknown> {
  try {
    return await store.claim('mail', nonce, laterMs);
  } catch (error) {
    return code(error);
  }
}

function refusal(run: () => unknown): unknown {
  try {
    run();
    return 'not refused';
  } catch (error) {
    return code(error);
  }
}

describe('a file of used nonces', () => {
  it('is its owner’s alone, and so is what stands beside it', async () => {
    await open().claim('mail', 'n', laterMs);
    expect(readdirSync(directory).toSorted()).toEqual(['replay.db', 'replay.db-shm', 'replay.db-wal', 'replay.db.lock']);
    for (const name of readdirSync(directory))
      expect([name, statSync(join(directory, name)).mode & 0o777]).toEqual([name, 0o600]);
  });

  it('waits for the disk with every commit, also when it is opened again', async () => {
    for (let start = 0; start < 2; start++) {
      const store = open();
      const settings: unknown[] = [];
      const pragma = Database.prototype.pragma;
      Database.prototype.pragma = function (this: Database.Database, source: string, options?: Database.PragmaOptions) {
        settings.push(source);
        return pragma.call(this, source, options);
      };
      try {
        await open().close();
      } finally {
        Database.prototype.pragma = pragma;
      }
      expect(settings).toContain('synchronous = FULL');
      await store.close();
    }
  });

  it('keeps across a restart what was used, and its birth', async () => {
    const first = open();
    expect(first.bornAtMs).toBe(startMs);
    expect(await first.claim('mail', 'n', laterMs)).toBe(true);
    await first.close();
    nowMs += 60_000;
    const second = open();
    expect(second.bornAtMs).toBe(startMs);
    expect(await second.claim('mail', 'n', laterMs)).toBe(false);
    expect(await second.claim('mail', 'm', laterMs)).toBe(true);
  });

  it('opens no replay by a restart, at any moment at which the message is fresh', async () => {
    const windowMs = 5000;
    await open({ bornAtMs: 0 }).close();
    const claim = {
      scope: 'mail',
      nonce: 'n',
      sentAtMs: startMs + windowMs - 1,
      windowMs,
      staleAtMs: startMs + 2 * windowMs - 1,
    };
    expect(await claimNonce(open(), claim)).toBe('new');
    for (; nowMs < claim.staleAtMs; nowMs += 1000) {
      for (const store of opened.splice(0)) void store.close();
      expect(await claimNonce(open(), claim)).toBe('repeated');
    }
  });

  it('remembers across a restart how far it has forgotten, so that a clock set back opens no replay', async () => {
    const first = open();
    expect(await first.claim('mail', 'n', startMs + 65_000)).toBe(true);
    nowMs = startMs + 3_600_000;
    expect(await first.claim('mail', 'm', nowMs + 65_000)).toBe(true);
    await first.close();
    const database = new Database(path);
    expect(database.prepare("select count(*) from replay where nonce = 'n'").pluck().get()).toBe(0);
    database.close();
    nowMs = startMs;
    expect(await open().claim('mail', 'n', startMs + 65_000)).toBe(false);
  });

  it('takes the birth that its maker tells, and no later opener’s', async () => {
    expect(open({ bornAtMs: 0 }).bornAtMs).toBe(0);
    expect(open({ bornAtMs: 5 }).bornAtMs).toBe(0);
    expect(open().bornAtMs).toBe(0);
  });

  it('is born now where the clock tells 0, rather than before everything', () => {
    nowMs = 0;
    expect(open().bornAtMs).toBe(1);
  });

  it('is shared: of two stores that open it at the same time, both see one', async () => {
    const stores = [open(), open()];
    const outcomes = await Promise.all(stores.map((store) => store.claim('mail', 'n', laterMs)));
    expect(outcomes.toSorted()).toEqual([false, true]);
  });

  it('keeps its counts when it drops what expired', async () => {
    const store = open({ maxNonces: 1000 });
    for (let round = 0; round < 5; round++) {
      await Promise.all(Array.from({ length: 90 }, (_, i) => store.claim(`s${i % 9}`, `${round} ${i}`, nowMs + 10_000)));
      nowMs += 11_000;
    }
    await Promise.all(Array.from({ length: 50 }, (_, i) => store.claim('last', `${i}`, nowMs + 10_000)));
    const database = new Database(path, { readonly: true });
    const one = (sql: string) => database.prepare(sql).pluck().get();
    expect(one('select count(*) from replay')).toBeLessThan(450);
    expect(one("select value from meta where name = 'nonces'")).toBe(one('select count(*) from replay'));
    expect(one('select sum(nonces) from scopes')).toBe(one('select count(*) from replay'));
    expect(one('select count(*) from scopes where nonces < 1')).toBe(0);
    database.close();
  });
});

describe('a file that is deleted or exchanged while it is used', () => {
  it('is noticed: the claim is refused, a new file is made, and what was sent before is refused', async () => {
    const store = open({ bornAtMs: 0 });
    expect(await outcomeOf(store, 'n')).toBe(true);
    rmSync(path);
    nowMs += 1000;
    expect(await outcomeOf(store, 'n')).toBe('ERR_STORE_UNAVAILABLE');
    expect(store.bornAtMs).toBe(nowMs);
    const before = { scope: 'mail', nonce: 'n', sentAtMs: nowMs - 1, windowMs: 5000, staleAtMs: nowMs + 4999 };
    expect(await claimNonce(store, before)).toBe('unknown');
    expect(await outcomeOf(store, 'm')).toBe(true);
    expect(await open().claim('mail', 'm', laterMs)).toBe(false);
  });

  it('refuses all claims that were made before it was noticed, as they were judged by the birth of the other', async () => {
    const store = open({ bornAtMs: 0 });
    rmSync(path);
    const outcomes = await Promise.all(Array.from({ length: 600 }, (_, i) => outcomeOf(store, `n${i}`)));
    expect(new Set(outcomes)).toEqual(new Set(['ERR_STORE_UNAVAILABLE']));
  });

  it('leaves the files of who made it anew alone, also when it ends', async () => {
    const first = open({ bornAtMs: 0 });
    expect(await outcomeOf(first, 'n')).toBe(true);
    rmSync(path);
    nowMs += 1000;
    const second = open();
    expect(second.bornAtMs).toBe(nowMs);
    expect(await outcomeOf(second, 'n')).toBe(true);
    await first.close();
    expect(existsSync(`${path}-wal`)).toBe(true);
    const third = open();
    expect(await outcomeOf(third, 'n')).toBe(false);
    expect(await outcomeOf(third, 'm')).toBe(true);
    expect(await outcomeOf(second, 'm')).toBe(false);
  });

  it('goes on in the new file beside who made it', async () => {
    const first = open({ bornAtMs: 0 });
    expect(await outcomeOf(first, 'n')).toBe(true);
    rmSync(path);
    const second = open();
    expect(await outcomeOf(second, 'm')).toBe(true);
    expect(await outcomeOf(first, 'm')).toBe('ERR_STORE_UNAVAILABLE');
    expect(await outcomeOf(first, 'm')).toBe(false);
    expect(await outcomeOf(first, 'o')).toBe(true);
    expect(await outcomeOf(second, 'o')).toBe(false);
  });

  it('does not bring back what a crash left beside it', async () => {
    const first = open({ bornAtMs: 0 });
    expect(await outcomeOf(first, 'n')).toBe(true);
    const crashed = join(directory, 'crashed.db');
    for (const suffix of ['', '-wal', '-shm']) copyFileSync(`${path}${suffix}`, `${crashed}${suffix}`);
    rmSync(crashed);
    const second = open({}, crashed);
    expect(second.bornAtMs).toBe(startMs);
    expect(await outcomeOf(second, 'n')).toBe(true);
  });

  it('is found by who opens it later, in the same place, after a crash', async () => {
    const first = open({ bornAtMs: 0 });
    expect(await outcomeOf(first, 'n')).toBe(true);
    const crashed = join(directory, 'crashed.db');
    for (const suffix of ['', '-wal', '-shm']) copyFileSync(`${path}${suffix}`, `${crashed}${suffix}`);
    expect(await outcomeOf(open({}, crashed), 'n')).toBe(false);
  });

  it('is noticed when another takes its name', async () => {
    const other = join(directory, 'other.db');
    await open({}, other).close();
    const store = open({ bornAtMs: 0 });
    await outcomeOf(store, 'n');
    renameSync(other, path);
    expect(await outcomeOf(store, 'm')).toBe('ERR_STORE_UNAVAILABLE');
  });

  it('refuses while it cannot be made anew, and recovers by itself', async () => {
    const inner = join(directory, 'inner');
    mkdirSync(inner);
    const store = open({}, join(inner, 'replay.db'));
    rmSync(inner, { recursive: true });
    expect(await outcomeOf(store, 'n')).toBe('ERR_STORE_UNAVAILABLE');
    expect(await outcomeOf(store, 'n')).toBe('ERR_STORE_UNAVAILABLE');
    mkdirSync(inner);
    expect(await outcomeOf(store, 'n')).toBe('ERR_STORE_UNAVAILABLE');
    expect(await outcomeOf(store, 'n')).toBe(true);
  });
});

describe('a file that cannot be used', () => {
  it('is refused when it is no database', () => {
    writeFileSync(path, 'something else, long enough that it could be a database header'.repeat(20));
    expect(refusal(open)).toBe('ERR_STORE_CORRUPT');
    expect(readFileSync(path, 'utf8')).toContain('something else');
  });

  it('is refused when it is another database, which is left as it was', () => {
    const other = new Database(path);
    other.exec('create table clients (name text)');
    other.close();
    const before = readFileSync(path);
    expect(refusal(open)).toBe('ERR_STORE_CORRUPT');
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('is refused when a newer version made it', async () => {
    await open().close();
    const database = new Database(path);
    database.pragma('user_version = 2');
    database.close();
    expect(refusal(open)).toBe('ERR_STORE_CORRUPT');
  });

  it('is refused when it is damaged', async () => {
    await open().close();
    const database = new Database(path);
    database.exec('delete from meta');
    database.close();
    expect(refusal(open)).toBe('ERR_STORE_CORRUPT');
    truncateSync(path, 5000);
    expect(refusal(open)).toBe('ERR_STORE_CORRUPT');
  });

  it('is refused in a folder that is not there, as a folder, and behind a link that leads nowhere', () => {
    expect(refusal(() => open({}, join(directory, 'none', 'replay.db')))).toBe('ERR_STORE_UNAVAILABLE');
    expect(refusal(() => open({}, directory))).toBe('ERR_STORE_UNAVAILABLE');
    symlinkSync(join(directory, 'nowhere'), path);
    expect(refusal(open)).toBe('ERR_STORE_UNAVAILABLE');
  });

  it('is taken when it is empty, as an interrupted start leaves it', async () => {
    writeFileSync(path, '');
    const store = open();
    expect(store.bornAtMs).toBe(startMs);
    expect(await outcomeOf(store, 'n')).toBe(true);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('is not made with the birth %d', (bornAtMs) => {
    expect(refusal(() => open({ bornAtMs }))).toBe('ERR_ARGUMENT');
    expect(existsSync(path)).toBe(false);
  });

  it('refuses claims once something in it has gone', async () => {
    const store = open();
    const database = new Database(path);
    database.exec('drop trigger replay_kept; drop trigger replay_forgotten; drop table meta');
    database.close();
    expect(await outcomeOf(store, 'n')).toBeOneOf(['ERR_STORE_UNAVAILABLE', 'ERR_STORE_CORRUPT']);
  });

  it('is refused to a user who may not write it', (context) => {
    context.skip(process.geteuid?.() === 0 && !canBecomeNobody(), 'this user may write everything');
    void open().close();
    chmodSync(path, 0o600);
    expect(claimAsNobody()).toBe('ERR_STORE_UNAVAILABLE');
  });
});

function canBecomeNobody(): boolean {
  try {
    execFileSync(process.execPath, ['-e', 'process.setegid(65534); process.seteuid(65534)'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The outcome of opening the file as a user who owns nothing. */
function claimAsNobody(): unknown {
  chmodSync(directory, 0o755);
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  else chmodSync(path, 0o400);
  try {
    return refusal(open);
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

describe('the lock of another process', () => {
  it('is waited for while the event loop goes on, and then the claim is made', async () => {
    const store = open();
    const other = new Database(path);
    other.exec('begin immediate');
    let turns = 0;
    const pending = outcomeOf(store, 'n');
    for (; turns < 5; turns++) await new Promise((resolve) => setTimeout(resolve, 1));
    other.exec('commit');
    expect(await pending).toBe(true);
    other.close();
  });

  it('keeps no claim in SQLite, where it would stop the event loop', () => {
    open();
    const file = openReplayFile(path, nowMs, replayBounds(undefined));
    const other = new Database(path);
    other.exec('begin immediate');
    const tries = Array.from({ length: 5 }, () => {
      const beganMs = performance.now();
      expect(refusal(() => file.claimAll([{ scope: 'mail', nonce: 'n', expiresAtMs: laterMs }], nowMs))).toBe('SQLITE_BUSY');
      return performance.now() - beganMs;
    });
    // The least of them, as a busy machine may take any time for some: SQLite would have slept for eight in each.
    expect(Math.min(...tries)).toBeLessThan(4);
    other.close();
    file.close();
  });

  it('is not waited for for ever', async () => {
    const store = open();
    const other = new Database(path);
    other.exec('begin immediate');
    const beganMs = performance.now();
    const outcomes = await Promise.all([outcomeOf(store, 'n'), outcomeOf(store, 'm')]);
    expect(outcomes).toEqual(['ERR_STORE_UNAVAILABLE', 'ERR_STORE_UNAVAILABLE']);
    expect(performance.now() - beganMs).toBeGreaterThan(1900);
    other.exec('rollback');
    other.close();
    expect(await outcomeOf(store, 'n')).toBe(true);
  });

  it('does not outlast the store: closing refuses the claims that wait', async () => {
    const store = open();
    const other = new Database(path);
    other.exec('begin immediate');
    const pending = outcomeOf(store, 'n');
    await new Promise((resolve) => setTimeout(resolve, 30));
    await store.close();
    expect(await pending).toBe('ERR_STORE_UNAVAILABLE');
    other.close();
  });

  it('bounds how many claims wait', async () => {
    const store = open();
    const outcomes = await Promise.all(Array.from({ length: 10_001 }, (_, i) => outcomeOf(store, `n${i}`)));
    expect(outcomes.filter((one) => one === true)).toHaveLength(10_000);
    expect(outcomes.at(-1)).toBe('ERR_STORE_UNAVAILABLE');
  });
});
