/** A data directory that lives as long as a test, and stores in it. */
import { type KeyObject, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { dataFiles } from '../../../../src/server/store/data-files.js';
import { parseMasterKey } from '../../../../src/server/store/master-key.js';
import { createStore, type OpenStoreOptions, openStore } from '../../../../src/server/store/open-store.js';
import type { IssuerStore } from '../../../../src/server/store/sqlite-store.js';

/** Small, so that tests do not write 16 MiB each. */
export const testReserveBytes = 64 * 1024;

export function freshMasterKey(): KeyObject {
  return parseMasterKey(randomBytes(32).toString('hex'), 'the test key');
}

export interface TemporaryData {
  readonly directory: string;
  readonly options: OpenStoreOptions;
  create(other?: Partial<OpenStoreOptions>): Promise<IssuerStore>;
  open(other?: Partial<OpenStoreOptions>): Promise<IssuerStore>;
  /** Runs SQL as someone who has the file but not the master key. */
  tamper(sql: string, ...parameters: unknown[]): void;
  /** Closes what was opened and removes the directory. */
  dispose(): Promise<void>;
}

export function temporaryData(): TemporaryData {
  const parent = mkdtempSync(join(tmpdir(), 'macaroond-store-'));
  const directory = join(parent, 'data');
  const opened: IssuerStore[] = [];
  const options: OpenStoreOptions = {
    dataDirectory: directory,
    masterKey: freshMasterKey(),
    clock: Date.now,
    randomBytes: (length) => new Uint8Array(randomBytes(length)),
    mode: 'serve',
    reserveBytes: testReserveBytes,
  };
  const keep = (store: IssuerStore) => {
    opened.push(store);
    return store;
  };
  return {
    directory,
    options,
    create: async (other = {}) => keep(await createStore({ ...options, ...other })),
    open: async (other = {}) => keep(await openStore({ ...options, ...other })),
    tamper(sql, ...parameters) {
      const sqlite = new Database(dataFiles(directory).database);
      try {
        sqlite.pragma('foreign_keys = OFF');
        sqlite.pragma('ignore_check_constraints = ON');
        if (sqlite.prepare(sql).run(...parameters).changes === 0) throw new Error('the tampering changed nothing');
      } finally {
        sqlite.close();
      }
    },
    async dispose() {
      for (const store of opened) await store.close();
      rmSync(parent, { recursive: true, force: true });
    },
  };
}
