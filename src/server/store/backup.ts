/** A consistent copy of a database in use. Copying the file itself would leave out what is still in the WAL. */
import { rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { MacaroonError } from '../../core/index.js';
import { createOwnerFile, syncDirectory } from './data-files.js';
import type { SqliteConnection } from './open-sqlite.js';

/** All pages in one step: a copy in several steps starts over whenever another process writes. */
const pagesPerStep = 0x7fffffff;

/** Copies the database into the new file `file` (0600). Throws `ERR_ARGUMENT` when it is there or cannot be made. */
export async function backupDatabase({ sqlite }: SqliteConnection, file: string): Promise<void> {
  const path = resolve(file);
  try {
    createOwnerFile(path);
  } catch (cause) {
    throw new MacaroonError('ERR_ARGUMENT', 'the backup must be a new file in a directory that can be written', {
      argument: 'file',
      cause,
    });
  }
  try {
    await sqlite.backup(path, { progress: () => pagesPerStep });
    syncDirectory(dirname(path));
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}
