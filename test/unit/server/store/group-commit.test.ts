import { execFileSync } from 'node:child_process';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { StoreTransaction } from '../../../../src/server/domain/ports.js';
import { dataFiles } from '../../../../src/server/store/data-files.js';
import { openInstallation } from '../../../../src/server/store/installation.js';
import { loadDriver, openConnection, type SqliteConnection } from '../../../../src/server/store/open-sqlite.js';
import { type IssuerStore, SqliteStore } from '../../../../src/server/store/sqlite-store.js';
import { atMs, auditEvent, client, fillStore, rootKey, secretOf, token, tokenMinted } from '../../../contract/store-fixtures.js';
import { type TemporaryData, temporaryData } from './temporary-store.js';

let data: TemporaryData;
let store: IssuerStore;
beforeEach(async () => {
  data = temporaryData();
  store = await data.create();
  await store.transaction('grow', fillStore);
});
afterEach(() => data.dispose());

const database = () => dataFiles(data.directory).database;
const mint = (tokenId: string) =>
  store.transaction('grow', async (tx) => {
    await tx.appendAudit(tokenMinted(token(tokenId)));
    return tokenId;
  });
/** The same, by a work that waits for nothing. */
const mintAtOnce = (tokenId: string) =>
  store.transaction('grow', (tx) => {
    void tx.appendAudit(tokenMinted(token(tokenId)));
    return tokenId;
  });
const issue = (atLeastMs: number) =>
  store.transaction('grow', async (tx) => {
    const known = await tx.client('mail');
    if (known === undefined) throw new Error('no such client');
    const lastIssuedAtMs = Math.max(known.lastIssuedAtMs + 1, atLeastMs);
    await tx.updateClient({ ...known, lastIssuedAtMs });
    return lastIssuedAtMs;
  });
const nextTurn = () => new Promise((resume) => setImmediate(resume));

/** Commits in the WAL, each of which ends in a frame that tells the size of the database. */
function commits(): number {
  const wal = execFileSync('cat', [`${database()}-wal`], { maxBuffer: 1 << 27 });
  const frameBytes = 24 + wal.readUInt32BE(8);
  let count = 0;
  for (let at = 32; at + frameBytes <= wal.length; at += frameBytes) {
    const isOfThisWal = wal.subarray(at + 8, at + 16).equals(wal.subarray(16, 24));
    if (isOfThisWal && wal.readUInt32BE(at + 4) !== 0) count++;
  }
  return count;
}

/** What another process sees. */
function seenOutside(sql: string): unknown {
  const sqlite = new Database(database(), { readonly: true });
  try {
    return sqlite.prepare(sql).pluck().get();
  } finally {
    sqlite.close();
  }
}

describe('transactions that come together', () => {
  const ids = Array.from({ length: 150 }, (_, i) => `t-${i}`);

  it('share few commits, and keep their order in the audit log', async () => {
    const before = commits();
    expect(await Promise.all(ids.map(mint))).toEqual(ids);
    const made = commits() - before;
    expect(made).toBeGreaterThanOrEqual(3);
    expect(made).toBeLessThan(40);
    const entries = await store.read.audit({ event: 'token.minted', limit: 1000 });
    expect(entries.map(({ tokenId }) => tokenId)).toEqual(ids);
    expect(await store.verifyAuditChain()).toMatchObject({ ok: true });
  });

  it('are a commit each when one follows another', async () => {
    const before = commits();
    for (const id of ids.slice(0, 5)) await mint(id);
    expect(commits() - before).toBe(5);
  });

  it('share a commit with those that come in the next turns', async () => {
    const before = commits();
    const minted = [mint('t-0'), mint('t-1')];
    for (let i = 2; i < 8; i++) {
      await nextTurn();
      minted.push(mint(`t-${i}`));
    }
    await Promise.all(minted);
    // One, but where the machine holds this process up for longer than works are waited for.
    expect(commits() - before).toBeLessThanOrEqual(3);
  });

  it('wait for some milliseconds at most while more keep coming', async () => {
    let isAnswered = false;
    const answered = mint('t-0').then(() => {
      isAnswered = true;
    });
    const minted = [mint('t-1')];
    while (!isAnswered && minted.length < 60) {
      minted.push(mint(`more-${minted.length}`));
      for (const endMs = performance.now() + 1; performance.now() < endMs; );
      await nextTurn();
    }
    await answered;
    await Promise.all(minted);
    expect(minted.length).toBeLessThan(30);
  });

  it('are answered after what they wrote can be seen by others, and in their order', async () => {
    const answered: string[] = [];
    await Promise.all(
      ids.map(async (id) => {
        await mint(id);
        expect(seenOutside(`select count(*) from audit where token_id = '${id}'`)).toBe(1);
        answered.push(id);
      }),
    );
    expect(answered).toEqual(ids);
  });

  it('leave the event loop to others between groups', async () => {
    let turns = 0;
    let isOver = false;
    const count = async () => {
      for (; !isOver; turns++) await nextTurn();
    };
    const counted = count();
    await Promise.all(Array.from({ length: 400 }, (_, i) => mint(`many-${i}`)));
    isOver = true;
    await counted;
    expect(turns).toBeGreaterThanOrEqual(7);
  });

  it('read what those before them in the commit wrote', async () => {
    const times = await Promise.all([issue(atMs), issue(0), issue(0)]);
    expect(times).toEqual([atMs, atMs + 1, atMs + 2]);
    expect((await store.read.client('mail'))?.lastIssuedAtMs).toBe(atMs + 2);
    expect(seenOutside("select last_issued_at_ms from clients where name = 'mail'")).toBe(atMs + 2);
  });
});

describe('works that wait for nothing', () => {
  it('are in order with those that do, and cannot be gone on with', async () => {
    let kept: StoreTransaction | undefined;
    const keep = () =>
      store.transaction('grow', (tx) => {
        kept = tx;
        return 'kept';
      });
    const caught = () =>
      store.transaction('grow', (tx) => {
        try {
          void tx.appendAudit(auditEvent('caught', { details: { big: 'x'.repeat(5000) } }));
        } catch {
          // What failed once fails the whole work.
        }
        return 'caught';
      });
    const works = [mint('t-1'), mintAtOnce('t-2'), keep(), caught(), mint('t-3'), mintAtOnce('t-4')];
    const outcomes = await Promise.allSettled<unknown>(works);
    expect(outcomes.map((one) => (one.status === 'fulfilled' ? one.value : one.reason))).toEqual([
      't-1',
      't-2',
      'kept',
      expect.objectContaining({ code: 'ERR_ARGUMENT' }),
      't-3',
      't-4',
    ]);
    const entries = await store.read.audit({ event: 'token.minted', limit: 1000 });
    expect(entries.map(({ tokenId }) => tokenId)).toEqual(['t-1', 't-2', 't-3', 't-4']);
    expect(() => kept?.appendAudit(auditEvent('late'))).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
  });

  it('cannot start a transaction inside of themselves', async () => {
    const nested = store.transaction('grow', () => store.transaction('grow', () => 'inner'));
    await expect(nested).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    expect(await mintAtOnce('t-after')).toBe('t-after');
  });
});

describe('one that fails among those that come together', () => {
  it('leaves nothing behind and takes nothing with it', async () => {
    const write = (tx: StoreTransaction) => {
      void tx.appendAudit(tokenMinted(token('t-failed')));
      void tx.appendAudit(auditEvent('failed'));
      void tx.updateClient(client('mail', { lastIssuedAtMs: atMs + 1000 }));
    };
    const fail = () =>
      store.transaction('grow', async (tx) => {
        write(tx);
        await tx.client('mail');
        throw new RangeError('in the middle');
      });
    const failAtOnce = () =>
      store.transaction('grow', (tx) => {
        write(tx);
        throw new RangeError('in the middle');
      });
    const refuseAtOnce = () =>
      store.transaction('grow', () => {
        throw new RangeError('before anything was written');
      });
    // The column takes whole numbers alone, which shows when the rows of all are inserted.
    const misfit = () => store.transaction('grow', (tx) => tx.appendAudit(auditEvent('misfit', { atMs: 1.5 })));
    const works = [issue(atMs), mint('t-1'), fail(), misfit(), failAtOnce(), refuseAtOnce(), issue(0), mintAtOnce('t-2')];
    const outcomes = await Promise.allSettled<unknown>(works);
    expect(outcomes.map((one) => (one.status === 'fulfilled' ? one.value : one.reason))).toEqual([
      atMs,
      't-1',
      expect.any(RangeError),
      expect.objectContaining({ code: 'ERR_ARGUMENT' }),
      expect.any(RangeError),
      expect.any(RangeError),
      atMs + 1,
      't-2',
    ]);
    expect(await store.read.token('t-failed')).toBeUndefined();
    expect(await store.read.token('t-2')).toEqual(token('t-2'));
    expect((await store.read.client('mail'))?.lastIssuedAtMs).toBe(atMs + 1);
    expect(await store.read.audit({ event: 'failed', limit: 1 })).toEqual([]);
    expect(await store.verifyAuditChain()).toMatchObject({ ok: true });
  });

  it('does not bring back what it found before it changed it', async () => {
    const fail = () =>
      store.transaction('grow', async (tx) => {
        const known = await tx.client('mail');
        if (known !== undefined) await tx.updateClient({ ...known, state: 'disabled', revokedUntilMs: atMs });
        throw new RangeError('after all not');
      });
    await Promise.allSettled([issue(atMs), fail(), issue(0)]);
    expect(await store.read.client('mail')).toMatchObject({ state: 'active', revokedUntilMs: 0, lastIssuedAtMs: atMs + 1 });
    expect(seenOutside("select state from clients where name = 'mail'")).toBe('active');
  });
});

describe('records that are kept', () => {
  const read = () =>
    Promise.all([
      store.read.client('mail'),
      store.read.grant('mail', 'invoice'),
      store.read.rootKeySecret('key-mail'),
      store.read.credentials('mail'),
      store.read.audienceGenerations('invoice'),
      store.read.findRevocation({ kind: 'root_key', rootKeyId: 'key-mail' }),
    ]);

  it('end with the commit that changes what they were read from', async () => {
    await read();
    await store.transaction('revoke', async (tx) => {
      await tx.updateRootKey(rootKey('key-mail', 'mail', { state: 'destroyed', changeSeq: 9 }));
      expect(await tx.rootKeySecret('key-mail')).toBeUndefined();
      expect((await store.read.rootKeySecret('key-mail'))?.reveal()).toEqual(secretOf(7).reveal());
      const target = { kind: 'root_key', rootKeyId: 'key-mail' } as const;
      await tx.insertRevocation({ target, revokedAtMs: atMs, expiresAtMs: atMs + 1, reason: null });
    });
    const [, , secret, , , revocation] = await read();
    expect(secret).toBeUndefined();
    expect(revocation?.target).toEqual({ kind: 'root_key', rootKeyId: 'key-mail' });
  });

  it('stay when the transaction that would change them fails', async () => {
    await read();
    const failing = store.transaction('revoke', async (tx) => {
      await tx.updateRootKey(rootKey('key-mail', 'mail', { state: 'destroyed', changeSeq: 9 }));
      expect(await tx.rootKeySecret('key-mail')).toBeUndefined();
      throw new RangeError('after all not');
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect((await store.read.rootKeySecret('key-mail'))?.reveal()).toEqual(secretOf(7).reveal());
  });

  it('end with the commit of another process, in reads and in the next transaction', async () => {
    await read();
    const beside = await data.open({ mode: 'local' });
    await beside.transaction('grow', async (tx) => {
      await tx.updateClient({ ...client('mail'), state: 'disabled' });
      await tx.appendAudit(auditEvent('beside'));
    });
    await nextTurn();
    const inside = store.transaction('grow', async (tx) => {
      await tx.appendAudit(auditEvent('after'));
      return await tx.client('mail');
    });
    expect((await inside)?.state).toBe('disabled');
    expect((await store.read.client('mail'))?.state).toBe('disabled');
    await beside.transaction('grow', (tx) => tx.updateClient(client('mail')));
    await nextTurn();
    expect((await store.read.client('mail'))?.state).toBe('active');
    expect(await store.verifyAuditChain()).toMatchObject({ ok: true });
  });

  it('let a revocation through at once, of this process and of another', async () => {
    const find = (tokenId: string) => store.read.findRevocation({ kind: 'token', tokenId });
    const revoke = (of: IssuerStore, tokenId: string) =>
      of.transaction('revoke', (tx) => {
        const target = { kind: 'token', tokenId, audience: 'invoice' } as const;
        return tx.insertRevocation({ target, revokedAtMs: atMs, expiresAtMs: atMs + 1, reason: null });
      });
    expect(await find('t-1')).toBeUndefined();
    const failing = store.transaction('revoke', async (tx) => {
      const target = { kind: 'token', tokenId: 't-0', audience: 'invoice' } as const;
      await tx.insertRevocation({ target, revokedAtMs: atMs, expiresAtMs: atMs + 1, reason: null });
      expect(await tx.findRevocation({ kind: 'token', tokenId: 't-0' })).toBeDefined();
      expect(await find('t-0')).toBeUndefined();
      throw new RangeError('after all not');
    });
    await expect(failing).rejects.toThrow(RangeError);
    await revoke(store, 't-1');
    expect(await find('t-1')).toMatchObject({ target: { tokenId: 't-1' } });
    expect(await find('t-2')).toBeUndefined();
    await revoke(await data.open({ mode: 'local' }), 't-2');
    await nextTurn();
    expect(await find('t-2')).toMatchObject({ target: { tokenId: 't-2' } });
    expect(await find('t-0')).toBeUndefined();
  });

  it('tell nothing of what is not committed', async () => {
    let seen: unknown;
    await store.transaction('grow', async (tx) => {
      const known = await tx.client('mail');
      if (known !== undefined) await tx.updateClient({ ...known, lastIssuedAtMs: 5 });
      seen = (await store.read.client('mail'))?.lastIssuedAtMs;
      expect((await tx.clients()).map(({ lastIssuedAtMs }) => lastIssuedAtMs)).toEqual([5]);
    });
    expect(seen).toBe(0);
  });

  it('are of names that nobody has, too, until somebody has them', async () => {
    expect(await store.read.client('batch')).toBeUndefined();
    await store.transaction('grow', (tx) => tx.insertClient(client('batch')));
    expect(await store.read.client('batch')).toEqual(client('batch'));
  });
});

describe('another process that writes', () => {
  it('is waited for without the event loop', async () => {
    const other = new Database(database(), { timeout: 0 });
    other.prepare('begin immediate').run();
    const waiting = mint('t-1');
    for (let i = 0; i < 5; i++) await new Promise((resume) => setTimeout(resume, 1));
    other.prepare('rollback').run();
    other.close();
    expect(await waiting).toBe('t-1');
  });
});

describe('a commit that fails', () => {
  let failures: string[] = [];
  let commitCount = 0;

  /** A store whose commits fail with the codes in `failures`, first to last. */
  async function openFailing(): Promise<void> {
    await store.close();
    const driver = await loadDriver();
    const connection = openConnection(driver, database(), 'write');
    const prepare = connection.sqlite.prepare.bind(connection.sqlite);
    const commit = prepare('commit');
    const run = commit.run.bind(commit);
    commit.run = () => {
      commitCount++;
      const code = failures.shift();
      if (code !== undefined) throw new driver.Database.SqliteError('the commit fails', code);
      return run();
    };
    const failing = (sql: string) => (sql === 'commit' ? commit : prepare(sql));
    connection.sqlite.prepare = failing as typeof connection.sqlite.prepare;
    store = storeOver(connection, openConnection(driver, database(), 'read'));
  }

  function storeOver(connection: SqliteConnection, reader: SqliteConnection): IssuerStore {
    const { clock, randomBytes, masterKey } = data.options;
    return new SqliteStore({
      writer: { connection, reserve: { isHeld: () => true, restore: () => true, giveUp: () => undefined } },
      reader,
      keys: openInstallation(connection, masterKey),
      clock,
      randomBytes,
      directory: data.directory,
      openReader: () => reader,
      onClosed: () => undefined,
    });
  }

  beforeEach(async () => {
    commitCount = 0;
    // A group that takes long is cut short, and what comes together here must stay together.
    vi.spyOn(performance, 'now').mockReturnValue(0);
    await openFailing();
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    failures = [];
    await store.close();
  });

  it('fails all that it was for, and nothing after it', async () => {
    failures = ['SQLITE_BUSY'];
    const outcomes = await Promise.allSettled(['a', 'b', 'c'].map(mint));
    for (const one of outcomes) expect(one).toMatchObject({ status: 'rejected', reason: { code: 'ERR_STORE_UNAVAILABLE' } });
    expect(seenOutside("select count(*) from audit where event = 'token.minted'")).toBe(0);
    expect(await mint('a')).toBe('a');
    expect(await store.verifyAuditChain()).toMatchObject({ ok: true });
  });

  it('for want of room is tried again for each alone', async () => {
    failures = ['SQLITE_FULL', 'SQLITE_FULL'];
    const outcomes = await Promise.allSettled(['a', 'b', 'c'].map(mint));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(outcomes[0]).toMatchObject({ reason: { code: 'ERR_STORE_FULL' } });
    expect(commitCount).toBe(4);
    expect(seenOutside("select count(*) from audit where event = 'token.minted'")).toBe(2);
    expect(await store.verifyAuditChain()).toMatchObject({ ok: true });
  });
});
