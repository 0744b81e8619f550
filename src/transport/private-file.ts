/** Reads files that hold secrets: only such as nobody but their owner can read, and no more than a bounded size. */
import { type FileHandle, open } from 'node:fs/promises';

const maxFileBytes = 256 * 1024;

/** What is wrong with a file, as the end of a sentence about it. `cause` is the error of the system, which quotes the path. */
export class FileFault extends Error {}

/** Text of the file at `path`. Throws `FileFault` for one that is not there, too large, or, where `isPrivate`, open to others. */
export async function readOwnFile(path: string, isPrivate: boolean): Promise<string> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const { mode, size } = await handle.stat();
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

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
