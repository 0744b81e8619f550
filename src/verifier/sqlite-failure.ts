/** What a failure of the file of used nonces means to the caller: one of our codes, never a raw error of SQLite. */
import { MacaroonError } from '../core/index.js';

/** Whether `error` says that another process holds the lock just now. */
export function isBusy(error: unknown): boolean {
  return systemCode(error)?.startsWith('SQLITE_BUSY') === true;
}

/** `error` as one of ours; those that are not SQLite's or the disk's are handed through. */
export function replayFileError(error: unknown, path: string): unknown {
  const code = systemCode(error);
  if (code === undefined) return error;
  // A WAL index that cannot grow is reported as an I/O error, but it is the disk that is full.
  if (['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE', 'ENOSPC', 'EDQUOT'].includes(code)) {
    return new MacaroonError('ERR_STORE_FULL', `the disk is full: make room beside ${path}`, { cause: error });
  }
  if (code === 'SQLITE_NOTADB') {
    return new MacaroonError('ERR_STORE_CORRUPT', `${path} is no database: name another file for used nonces`, { cause: error });
  }
  if (code.startsWith('SQLITE_CORRUPT')) {
    const message = `${path} is damaged: delete it, and what was sent before is refused`;
    return new MacaroonError('ERR_STORE_CORRUPT', message, { cause: error });
  }
  const message = isBusy(error) ? `${path} is busy with another process` : `${path} cannot be used (${code})`;
  return new MacaroonError('ERR_STORE_UNAVAILABLE', message, { cause: error });
}

/** The code of an error of SQLite or of the disk. */
function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof MacaroonError || !('code' in error)) return undefined;
  const { code } = error;
  return typeof code === 'string' && (code.startsWith('SQLITE_') || 'syscall' in error) ? code : undefined;
}
