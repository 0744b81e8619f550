/**
 * Folders, made one by one: Node's own recursive `mkdir` never ends in places that hold no folders, such as /proc, and does not tell all of what it
 * made.
 */
import { mkdir, rmdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MacaroonError } from '../core/index.js';
import { systemCode } from './file-fault.js';

/** The folders of `path`, an absolute path, that had to be made, outermost first. Throws the error of the system, and leaves none behind then. */
export async function makeFolders(path: string, mode = 0o777): Promise<readonly string[]> {
  try {
    await mkdir(path, mode);
    return [path];
  } catch (error) {
    if (await isFolder(path)) return [];
    const parent = dirname(path);
    if (systemCode(error) !== 'ENOENT' || parent === path || (await isFolder(parent))) throw error;
    const above = await makeFolders(parent, mode);
    try {
      await mkdir(path, mode);
      return [...above, path];
    } catch (fault) {
      await removeFolders(above);
      throw fault;
    }
  }
}

/** Removes what `makeFolders` made, as far as it is empty. */
export async function removeFolders(made: readonly string[]): Promise<void> {
  for (const path of made.toReversed()) await rmdir(path).catch(() => undefined);
}

const faults: Readonly<Record<string, string>> = {
  ENOENT: '',
  EEXIST: ': a file is there, and the data directory is a folder',
  ENOTDIR: ': a part of the path is a file',
};

/** Throws `ERR_DATA_DIRECTORY` where a data directory at `path` cannot be made. */
export async function checkDataPlace(path: string): Promise<void> {
  try {
    await removeFolders(await makeFolders(path, 0o700));
  } catch (cause) {
    const fault = faults[systemCode(cause) ?? ''];
    // What else is wrong the server finds, and tells.
    if (fault !== undefined) throw new MacaroonError('ERR_DATA_DIRECTORY', `no folder can be made at ${path}${fault}`);
  }
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
