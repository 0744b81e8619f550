/** The issuer's file of used nonces: where it is, and when it says that it was born. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/server/config.js';
import { initialise } from '../../../src/server/maintenance.js';
import { openReplayStore } from '../../../src/server/replay.js';

let folder = '';
let data = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'replay-'));
  data = join(folder, 'data');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** When the store of `data` was born, as a start sees it that finds the data directory. */
async function birth(isNew = false): Promise<number> {
  const store = openReplayStore(loadConfig({ data }, {}), isNew);
  await store.close();
  return store.bornAtMs;
}

describe('the issuer’s replay store', () => {
  it('is made with the data directory, before any client, so that the first start refuses nothing', async () => {
    await initialise(data, {});
    expect(existsSync(join(data, 'replay.db'))).toBe(true);
    expect(await birth()).toBe(0);
  });

  it('is made anew when it was lost, and refuses what was sent before', async () => {
    await initialise(data, {});
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(data, `replay.db${suffix}`), { force: true });
    const beforeMs = Date.now();
    const bornAtMs = await birth();
    expect(bornAtMs).toBeGreaterThanOrEqual(beforeMs);
    // The file that is there decides, whatever a later start believes.
    expect(await birth(true)).toBe(bornAtMs);
  });

  it('is where the setting says', async () => {
    const file = join(folder, 'shared.db');
    const store = openReplayStore(loadConfig({ data }, { MACAROOND_REPLAY_DB: file }), true);
    await store.close();
    expect(existsSync(file)).toBe(true);
    expect(existsSync(join(data, 'replay.db'))).toBe(false);
  });
});
