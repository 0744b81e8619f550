import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { dataFiles } from '../../../../src/server/store/data-files.js';
import { applyMigrations, countPendingMigrations } from '../../../../src/server/store/migrations.js';
import { loadDriver, openConnection } from '../../../../src/server/store/open-sqlite.js';
import { type TemporaryData, temporaryData } from './temporary-store.js';

/** What the next version of this program would bring: one migration that the database does not have. */
const next = vi.hoisted(() => ({ isPending: false, applied: 0 }));

vi.mock('../../../../src/server/store/migrations.js', async (importOriginal) => {
  const real = await importOriginal<typeof import('../../../../src/server/store/migrations.js')>();
  return {
    countPendingMigrations: (connection: Parameters<typeof real.countPendingMigrations>[0]) =>
      real.countPendingMigrations(connection) + (next.isPending ? 1 : 0),
    applyMigrations: (connection: Parameters<typeof real.applyMigrations>[0]) => {
      real.applyMigrations(connection);
      next.isPending = false;
      next.applied++;
    },
  };
});

let data: TemporaryData;
beforeEach(() => {
  data = temporaryData();
  next.isPending = false;
  next.applied = 0;
});
afterEach(() => data.dispose());

describe('migrations', () => {
  it('make an empty file a database, once', async () => {
    await (await data.create()).close();
    const file = `${data.directory}/fresh.db`;
    new Database(file).prepare('create table x (y)').run();
    const connection = openConnection(await loadDriver(), file, 'write');
    expect(countPendingMigrations(connection)).toBeGreaterThan(0);
    applyMigrations(connection);
    expect(countPendingMigrations(connection)).toBe(0);
    applyMigrations(connection);
    connection.close();
  });

  it.each(['serve', 'local', 'read'] as const)('refuse a database of a newer version, opened for %s', async (mode) => {
    await (await data.create()).close();
    data.tamper("insert into __drizzle_migrations (hash, created_at) values ('x', 9999999999999)");
    await expect(data.open({ mode })).rejects.toMatchObject({ code: 'ERR_DATA_DIRECTORY' });
  });

  it.each(['serve', 'local'] as const)('are applied when they wait, opened for %s', async (mode) => {
    await (await data.create()).close();
    Object.assign(next, { isPending: true, applied: 0 });
    await data.open({ mode });
    expect(next.applied).toBe(1);
  });

  it('are not applied by a reader, which refuses', async () => {
    await (await data.create()).close();
    Object.assign(next, { isPending: true, applied: 0 });
    await expect(data.open({ mode: 'read' })).rejects.toMatchObject({ code: 'ERR_DATA_DIRECTORY' });
    expect(next.applied).toBe(0);
  });

  it('are not applied under a running server', async () => {
    const server = await data.create();
    Object.assign(next, { isPending: true, applied: 0 });
    await expect(data.open({ mode: 'local' })).rejects.toMatchObject({ code: 'ERR_DATA_DIRECTORY' });
    expect(next.applied).toBe(0);
    await server.checkHealth();
  });

  it('ship with the package, where both the sources and the build find them', async () => {
    await data.create();
    const sqlite = new Database(dataFiles(data.directory).database, { readonly: true });
    expect(sqlite.prepare('select count(*) from __drizzle_migrations').pluck().get()).toBe(4);
    sqlite.close();
    const { default: manifest } = await import('../../../../package.json', { with: { type: 'json' } });
    expect(manifest.files).toContain('migrations');
  });
});
