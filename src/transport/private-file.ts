/** Files that hold secrets: read only where nobody but their owner can, and no more than a bounded size; made once, never written over. */
import { type FileHandle, open, rm } from 'node:fs/promises';

const maxFileBytes = 256 * 1024;

/** What is wrong with a file, as the end of a sentence about it. `cause` is the error of the system, which quotes the path. */
export class FileFault extends Error {}

/** Text of the file at `path`. Throws `FileFault` for one that is not there, too large, or, where `isPrivate`, open to others. */
export async function readOwnFile(path: string, isPrivate: boolean): Promise<string> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const stats = await handle.stat();
    const { mode, size } = stats;
    if (stats.isDirectory()) throw new FileFault('is a directory');
    if (isPrivate && process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new FileFault(`can be read by others: run chmod 600 ${quoted(path)}`);
    }
    if (size > maxFileBytes) throw new FileFault(`is larger than ${maxFileBytes} bytes`);
    return await handle.readFile('utf8');
  } catch (cause) {
    if (cause instanceof FileFault) throw cause;
    throw new FileFault('cannot be read', { cause });
  } finally {
    await handle?.close();
  }
}

/** A new, empty file that is still to be filled. */
export interface ReservedFile {
  /** Fills it and syncs it to the disk. Removes it, and throws `FileFault`, when that fails. */
  write(text: string): Promise<void>;
  /** Removes it, because there will be nothing to write. */
  discard(): Promise<void>;
}

/** Makes the file at `path`, mode 0600, so that a secret is only asked for once there is a place to keep it. Throws `FileFault`. */
export async function reserveOwnFile(path: string): Promise<ReservedFile> {
  const handle = await open(path, 'wx', 0o600).catch((cause: unknown) => {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    throw new FileFault(exists ? 'exists already and is not overwritten: name another file' : 'cannot be written', { cause });
  });
  const discard = async (): Promise<void> => {
    await handle.close().catch(() => undefined);
    await rm(path, { force: true });
  };
  const write = async (text: string): Promise<void> => {
    try {
      await handle.writeFile(text);
      await handle.sync();
    } catch (cause) {
      await discard();
      throw new FileFault('could not be written', { cause });
    }
    await handle.close();
  };
  return { write, discard };
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
