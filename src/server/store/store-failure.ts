/** What a failure of the database means to the caller: one of our codes, never a raw error of SQLite. */
import { MacaroonError } from '../../core/index.js';

export interface StoreFailure {
  readonly error: unknown;
  /** Nothing this process believes about the file can be trusted any more: it must exit and be started anew. */
  readonly isFatal: boolean;
}

/** What `error` means. Errors that are not the database's or the disk's are handed through. */
export function storeFailure(error: unknown): StoreFailure {
  const found = systemError(error);
  if (found === undefined) return { error, isFatal: false };
  const { code, cause } = found;
  // A WAL index that cannot grow is reported as an I/O error, but it is the disk that is full.
  if (code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE' || code === 'ENOSPC' || code === 'EDQUOT') {
    return failure('ERR_STORE_FULL', 'the disk is full: make room in the data directory', cause);
  }
  if (code.startsWith('SQLITE_IOERR') || code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return failure('ERR_STORE_UNAVAILABLE', `the database file cannot be relied on (${code})`, cause, true);
  }
  if (code.startsWith('SQLITE_CONSTRAINT')) return failure('ERR_ARGUMENT', `the database refuses the row (${code})`, cause);
  if (code.startsWith('SQLITE_BUSY')) {
    return failure('ERR_STORE_UNAVAILABLE', 'the database is busy with another process', cause);
  }
  return failure('ERR_STORE_UNAVAILABLE', `the data directory cannot be used (${code})`, cause);
}

/** Whether `error` says that the disk is full. */
export function isStoreFull(error: unknown): boolean {
  return error instanceof MacaroonError && error.code === 'ERR_STORE_FULL';
}

/** Whether `error` says that another process writes now. */
export function isStoreBusy(error: unknown): boolean {
  if (!(error instanceof MacaroonError) || !(error.cause instanceof Error) || !('code' in error.cause)) return false;
  return String(error.cause.code).startsWith('SQLITE_BUSY');
}

function failure(
  code: 'ERR_STORE_FULL' | 'ERR_STORE_UNAVAILABLE' | 'ERR_ARGUMENT',
  message: string,
  cause: Error,
  isFatal = false,
): StoreFailure {
  return { error: new MacaroonError(code, message, { cause }), isFatal };
}

/** The error of SQLite or of the disk that `error` is or wraps. A wrapper is dropped: drizzle's tells the row's values. */
function systemError(error: unknown): { readonly code: string; readonly cause: Error } | undefined {
  for (let at: unknown = error; at instanceof Error && !(at instanceof MacaroonError); at = at.cause) {
    const code = 'code' in at ? at.code : undefined;
    if (typeof code !== 'string') continue;
    if (code.startsWith('SQLITE_') || 'syscall' in at) return { code, cause: at };
  }
  return undefined;
}
