/** Where the issuer keeps the nonces that its clients used. Apart from the database, so that a replay costs no room there and no lock. */
import { join } from 'node:path';
import type { ReplayStore } from '../protocol/replay-store.js';
import { sqliteReplayStore } from '../verifier/sqlite.js';
import type { Config } from './config.js';

/**
 * Opens the replay store of `config`, or makes it. For a new data directory, whose clients cannot have sent anything yet, nothing is refused for
 * being older than the store; when the file was lost since, what was sent before is. Throws `ERR_STORE_UNAVAILABLE`, `ERR_STORE_CORRUPT`, `ERR_STORE_FULL`.
 */
export function openReplayStore(config: Pick<Config, 'data' | 'replay_db'>, isNewDataDirectory: boolean): ReplayStore {
  const path = config.replay_db ?? join(config.data, 'replay.db');
  return sqliteReplayStore(path, isNewDataDirectory ? { bornAtMs: 0 } : {});
}
