import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasOpenConnection, loadDriver, openConnection } from '../../../../src/server/store/open-sqlite.js';

const unavailable = expect.objectContaining({ code: 'ERR_STORE_UNAVAILABLE' });

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'macaroond-sqlite-'));
  file = join(directory, 'test.db');
  closeSync(openSync(file, 'w'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const durable = {
  journal_mode: 'wal',
  synchronous: 2,
  foreign_keys: 1,
  busy_timeout: 5000,
  trusted_schema: 0,
  cell_size_check: 1,
  mmap_size: 0,
  secure_delete: 1,
};

function settingsOf(sqlite: Database.Database): Record<string, unknown> {
  return Object.fromEntries(Object.keys(durable).map((name) => [name, sqlite.pragma(name, { simple: true })]));
}

describe('a connection', () => {
  it('has every durable setting, on the first start and on the second, for writing and for reading', async () => {
    const driver = await loadDriver();
    for (let start = 1; start <= 2; start++) {
      for (const mode of ['write', 'read'] as const) {
        const connection = openConnection(driver, file, mode);
        expect(settingsOf(connection.sqlite)).toEqual(durable);
        if (mode === 'write') connection.sqlite.prepare(`create table t${start} (x)`).run();
        connection.close();
      }
    }
  });

  it('would be less durable on the second start without them', () => {
    const first = new Database(file);
    first.pragma('journal_mode = WAL');
    expect(first.pragma('synchronous', { simple: true })).toBe(2);
    first.close();
    const second = new Database(file);
    expect(second.pragma('synchronous', { simple: true })).toBe(1);
    second.close();
  });

  it('is refused to a file that cannot be written ahead', async () => {
    const driver = await loadDriver();
    class MemoryOnly extends Database {
      constructor() {
        super(':memory:');
      }
    }
    expect(() => openConnection({ ...driver, Database: Object.assign(MemoryOnly, Database) }, file, 'write')).toThrow(
      unavailable,
    );
  });

  it('never makes a file that is not there', async () => {
    const driver = await loadDriver();
    expect(() => openConnection(driver, join(directory, 'none.db'), 'write')).toThrow(
      expect.objectContaining({ code: 'SQLITE_CANTOPEN' }),
    );
  });

  it('is counted until it is closed', async () => {
    const driver = await loadDriver();
    const first = openConnection(driver, file, 'write');
    const second = openConnection(driver, file, 'read');
    expect(hasOpenConnection(file)).toBe(true);
    first.close();
    first.close();
    expect(hasOpenConnection(file)).toBe(true);
    second.close();
    expect(hasOpenConnection(file)).toBe(false);
  });
});
