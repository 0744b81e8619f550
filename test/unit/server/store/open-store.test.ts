import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dataFiles, hasStore } from '../../../../src/server/store/data-files.js';
import { client, fillStore } from '../../../contract/store-fixtures.js';
import { freshMasterKey, type TemporaryData, temporaryData, testReserveBytes } from './temporary-store.js';

let data: TemporaryData;
beforeEach(() => {
  data = temporaryData();
});
afterEach(() => data.dispose());

/** Name, content and times of everything in the directory. Only while nothing in this process has the database open. */
function snapshot(): Record<string, unknown> {
  const entries = readdirSync(data.directory).map((name) => {
    const path = join(data.directory, name);
    const { size, mode, mtimeMs, ino } = statSync(path);
    return [name, { size, mode, mtimeMs, ino, sha256: createHash('sha256').update(readFileSync(path)).digest('hex') }] as const;
  });
  return { ...Object.fromEntries(entries), '.': statSync(data.directory).mtimeMs };
}

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('creating a store', () => {
  it('makes the directory and every file for the owner alone', async () => {
    const umask = process.umask(0);
    try {
      const store = await data.create();
      await store.transaction('grow', fillStore);
    } finally {
      process.umask(umask);
    }
    expect(modeOf(data.directory)).toBe(0o700);
    const names = readdirSync(data.directory);
    expect(names).toEqual(expect.arrayContaining(['macaroond.db', 'macaroond.db-wal', 'reserve', 'writer.lock']));
    for (const name of names) expect([name, modeOf(join(data.directory, name))]).toEqual([name, 0o600]);
    expect(statSync(dataFiles(data.directory).reserve).size).toBe(testReserveBytes);
  });

  // In a process of its own: Node's recursive mkdir never comes back from there.
  it.runIf(process.platform === 'linux')('refuses a directory in a place that holds none, where nobody can make one', () => {
    const module = new URL('../../../../src/server/store/data-files.ts', import.meta.url).href;
    const script = `const { ensureDataDirectory } = await import(process.argv[1]);
      try { ensureDataDirectory('/proc/none/data'); } catch (error) { console.log(error.code); }`;
    const argv = ['--import', 'tsx', '--input-type=module', '-e', script, module];
    const { stdout, signal } = spawnSync(process.execPath, argv, { encoding: 'utf8', timeout: 30_000, killSignal: 'SIGKILL' });
    expect({ stdout, signal }).toEqual({ stdout: 'ERR_DATA_DIRECTORY\n', signal: null });
  });

  it('holds 16 MiB back unless told otherwise', async () => {
    await data.create({ reserveBytes: undefined });
    expect(statSync(dataFiles(data.directory).reserve).size).toBe(16 * 1024 * 1024);
  });

  it('refuses a directory that has one, and leaves it as it is', async () => {
    const store = await data.create();
    await store.transaction('grow', (tx) => tx.insertClient(client('mail')));
    await store.close();
    await expect(data.create({ masterKey: freshMasterKey() })).rejects.toMatchObject({ code: 'ERR_DATA_DIRECTORY' });
    expect(await (await data.open()).read.client('mail')).toBeDefined();
  });

  it('starts over after it was cut short', async () => {
    mkdirSync(data.directory);
    writeFileSync(`${dataFiles(data.directory).database}.new`, 'half a database');
    expect(hasStore(data.directory)).toBe(false);
    const store = await data.create();
    expect(await store.read.clients()).toEqual([]);
    expect(existsSync(`${dataFiles(data.directory).database}.new`)).toBe(false);
  });

  it('says so when the directory cannot be made', async () => {
    writeFileSync(data.directory, 'a file is in the way');
    await expect(data.create()).rejects.toMatchObject({ code: 'ERR_DATA_DIRECTORY' });
  });

  it('makes every table strict', async () => {
    await data.create();
    const sqlite = new Database(dataFiles(data.directory).database, { readonly: true });
    const tables = sqlite.prepare("select name, strict from pragma_table_list where type = 'table' and schema = 'main'").all();
    sqlite.close();
    const lax = tables.filter((table) => typeof table === 'object' && table !== null && 'strict' in table && table.strict === 0);
    expect(tables.length).toBeGreaterThan(12);
    expect(lax.map((table) => (table as { name: string }).name).sort()).toEqual([
      '__drizzle_migrations',
      'sqlite_schema',
      'sqlite_sequence',
    ]);
  });
});

describe('opening a store', () => {
  it('asks for init when there is none, and makes nothing', async () => {
    await expect(data.open()).rejects.toMatchObject({ code: 'ERR_DATA_DIRECTORY' });
    expect(existsSync(data.directory)).toBe(false);
  });

  it.each(['serve', 'local', 'read'] as const)(
    'for %s with a wrong master key is refused before anything is touched',
    async (mode) => {
      const store = await data.create();
      await store.transaction('grow', fillStore);
      await store.close();
      const before = snapshot();
      await expect(data.open({ mode, masterKey: freshMasterKey() })).rejects.toMatchObject({ code: 'ERR_MASTER_KEY' });
      expect(snapshot()).toEqual(before);
      await data.open({ mode });
    },
  );

  it('with a wrong master key touches nothing after a crash either, when there is a WAL', async () => {
    const store = await data.create();
    await store.transaction('grow', fillStore);
    const files = ['macaroond.db', 'macaroond.db-wal', 'macaroond.db-shm'];
    const copies = files.map((name) => [name, readCopy(join(data.directory, name))] as const);
    await store.close();
    for (const [name, bytes] of copies) writeFileSync(join(data.directory, name), bytes);
    const before = snapshot();
    await expect(data.open({ masterKey: freshMasterKey() })).rejects.toMatchObject({ code: 'ERR_MASTER_KEY' });
    expect(snapshot()).toEqual(before);
    expect(await (await data.open()).read.client('mail')).toBeDefined();
  });

  it('finds a wrong master key also by the settings alone', async () => {
    const store = await data.create();
    await store.close();
    const masterKey = freshMasterKey();
    data.tamper("update settings set value = 'x' where name = 'key_check'");
    await expect(data.open()).rejects.toMatchObject({ code: 'ERR_MASTER_KEY' });
    await expect(data.open({ masterKey })).rejects.toMatchObject({ code: 'ERR_MASTER_KEY' });
  });

  it('finds a wrong master key also beside a store that this process has open', async () => {
    await data.create();
    await expect(data.open({ mode: 'local', masterKey: freshMasterKey() })).rejects.toMatchObject({ code: 'ERR_MASTER_KEY' });
  });

  it('refuses what is not a database', async () => {
    mkdirSync(data.directory);
    for (const content of ['', 'SQLite format 3', 'x'.repeat(8192)]) {
      writeFileSync(dataFiles(data.directory).database, content);
      await expect(data.open()).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' });
    }
  });

  it('refuses a damaged database for serving', async () => {
    const store = await data.create();
    await store.transaction('grow', fillStore);
    await store.close();
    const { database } = dataFiles(data.directory);
    const bytes = readFileSync(database);
    bytes.fill(0xee, 4096 * 3, 4096 * 30);
    writeFileSync(database, bytes);
    await expect(data.open()).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_STORE_(CORRUPT|UNAVAILABLE)$/) });
  });

  it('takes what others may do to its files away', async () => {
    await (await data.create()).close();
    const { database } = dataFiles(data.directory);
    chmodSync(database, 0o644);
    await data.open();
    expect(modeOf(database)).toBe(0o600);
  });

  it('makes the reserve again when it is missing', async () => {
    await (await data.create()).close();
    rmSync(dataFiles(data.directory).reserve);
    await data.open();
    expect(statSync(dataFiles(data.directory).reserve).size).toBe(testReserveBytes);
  });
});

describe('who may open a store at the same time', () => {
  it('a second server may not, until the first has closed', async () => {
    const first = await data.create();
    await expect(data.open()).rejects.toMatchObject({ code: 'ERR_DATA_DIRECTORY', message: expect.stringContaining('running') });
    await expect(data.create()).rejects.toMatchObject({ code: 'ERR_DATA_DIRECTORY' });
    await first.transaction('grow', (tx) => tx.insertClient(client('mail')));
    await first.close();
    expect(await (await data.open()).read.client('mail')).toBeDefined();
  });

  it('a failed opening leaves no lock behind', async () => {
    await (await data.create()).close();
    data.tamper("update settings set value = 'x' where name = 'key_check'");
    await expect(data.open()).rejects.toMatchObject({ code: 'ERR_MASTER_KEY' });
    await expect(data.open()).rejects.toMatchObject({ code: 'ERR_MASTER_KEY' });
  });

  it('a short-lived writer may, and both see what the other wrote', async () => {
    const server = await data.create();
    const local = await data.open({ mode: 'local' });
    await local.transaction('grow', (tx) => tx.insertClient(client('from-local')));
    await server.transaction('grow', async (tx) => {
      expect(await tx.client('from-local')).toBeDefined();
      expect(await tx.nextChangeSeq()).toBe(1);
    });
    expect(await local.transaction('grow', (tx) => tx.nextChangeSeq())).toBe(2);
    expect(await server.transaction('grow', (tx) => tx.nextChangeSeq())).toBe(3);
    await local.close();
    await server.transaction('grow', (tx) => tx.insertClient(client('from-server')));
    expect(await server.read.clients()).toHaveLength(2);
  });

  it('a reader may, and cannot write', async () => {
    const server = await data.create();
    const reader = await data.open({ mode: 'read' });
    await server.transaction('grow', (tx) => tx.insertClient(client('mail')));
    expect(await reader.read.client('mail')).toBeDefined();
    await reader.checkHealth();
    await expect(reader.transaction('grow', async () => undefined)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    await expect(reader.transaction('revoke', async () => undefined)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
  });
});

/** The bytes of a file that this process has open in SQLite, read by another process: closing it here would drop SQLite's locks. */
function readCopy(path: string): Buffer {
  return execFileSync('cat', [path], { maxBuffer: 1 << 26 });
}
