import { describe, expect, it } from 'vitest';
import { dataFiles } from '../../src/server/store/data-files.js';
import { openInstallation } from '../../src/server/store/installation.js';
import { loadDriver, openConnection } from '../../src/server/store/open-sqlite.js';
import { SqliteStore } from '../../src/server/store/sqlite-store.js';
import { atMs, auditEvent, fillStore } from '../contract/store-fixtures.js';
import { runOnSmallFileSystem } from '../support/small-file-system.js';
import { temporaryData } from '../unit/server/store/temporary-store.js';

const steps = new URL('store-full-disk-steps.ts', import.meta.url).pathname;

describe('a full disk', () => {
  it('refuses minting, keeps revoking, and recovers by itself', (context) => {
    const report = runOnSmallFileSystem(steps);
    context.skip(report === undefined, 'this user may not mount: the test below fills a database up to a limit of its own');
    expect(report).toEqual({
      'healthy with room': 'ok',
      'start on a disk that was filled while it was down': 'ok',
      'reserve was given up to start': true,
      'minting after that start': 'ERR_STORE_FULL',
      'revoking after that start': 'ok',
      'minting with room again': 'ok',
      'reserve is whole again': true,
      'minting until the disk is full': 'ERR_STORE_FULL',
      'reserve is held while only minting failed': true,
      'healthy on a full disk': 'ERR_STORE_FULL',
      'minting and revoking at once on a full disk': ['ERR_STORE_FULL', 'ok', 'ERR_STORE_FULL', 'ok'],
      'revoking on a full disk': ['ok'],
      'reserve was given up to revoke': true,
      'minting without a reserve': 'ERR_STORE_FULL',
      'healthy without a reserve': 'ERR_STORE_FULL',
      'reading on a full disk': 'ok',
      'start without a reserve': 'ok',
      'revoking after the start without a reserve': 'ok',
      'minting within the second after the last try': 'ERR_STORE_FULL',
      'minting with room once more': 'ok',
      'healthy with room once more': 'ok',
      'audit chain holds': true,
      'minted tokens lost': 0,
      'revocations lost': 0,
      fatal: [],
    });
  });

  it('is told from its own reserve, which is given up for revoking alone', async () => {
    const data = temporaryData();
    const first = await data.create();
    await first.transaction('grow', fillStore);
    await first.close();
    const { database } = dataFiles(data.directory);
    const driver = await loadDriver();
    const connection = openConnection(driver, database, 'write');
    const limitPages = (more: number) =>
      connection.sqlite.pragma(`max_page_count = ${Number(connection.sqlite.pragma('page_count', { simple: true })) + more}`);
    limitPages(4);
    const reserve = { held: true, canRestore: false, tries: 0 };
    const fatal: unknown[] = [];
    const store = new SqliteStore({
      writer: {
        connection,
        reserve: {
          isHeld: () => reserve.held,
          giveUp() {
            reserve.held = false;
            limitPages(40);
          },
          restore() {
            reserve.tries++;
            if (reserve.canRestore) {
              reserve.held = true;
              limitPages(4000);
            }
            return reserve.held;
          },
        },
      },
      reader: openConnection(driver, database, 'read'),
      keys: openInstallation(connection, data.options.masterKey),
      clock: data.options.clock,
      randomBytes: data.options.randomBytes,
      directory: data.directory,
      openReader: () => openConnection(driver, database, 'read'),
      onFatal: (error) => fatal.push(error),
      onClosed: () => undefined,
    });
    const event = auditEvent('grows', { details: { padding: 'x'.repeat(3000) } });
    const mint = () => store.transaction('grow', (tx) => tx.appendAudit(event));
    let runs = 0;
    const revoke = () =>
      store.transaction('revoke', async (tx) => {
        runs++;
        const target = { kind: 'client', client: 'mail', untilMs: atMs } as const;
        await tx.appendAudit(event);
        await tx.insertRevocation({ target, revokedAtMs: atMs, expiresAtMs: atMs + 1, reason: null });
      });
    try {
      let minted = 0;
      for (; minted < 50; minted++) if (!(await mint().then(() => true, isFull))) break;
      expect(minted).toBeLessThan(50);
      expect(reserve).toEqual({ held: true, canRestore: false, tries: 0 });

      await revoke();
      expect(runs).toBe(2);
      expect(reserve.held).toBe(false);
      await expect(mint()).rejects.toMatchObject({ code: 'ERR_STORE_FULL' });
      expect(reserve.tries).toBe(1);
      await revoke();
      expect(runs).toBe(3);

      reserve.canRestore = true;
      await mint();
      expect(reserve.held).toBe(true);
      expect(await store.read.latestRevocationSeq()).toBe(2);
      expect(await store.verifyAuditChain()).toMatchObject({ ok: true, entries: 1 + minted + 3 });
      expect(fatal).toEqual([]);
    } finally {
      await store.close();
      await data.dispose();
    }
  });
});

function isFull(error: unknown): boolean {
  expect(error).toMatchObject({ code: 'ERR_STORE_FULL' });
  return false;
}
