/** The files of a data directory, and how they are made: for the owner's eyes alone, and on the disk before anyone relies on them. */
import { chmodSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { MacaroonError } from '../../core/index.js';

const ownerOnly = 0o600;

/** Absolute paths of what a data directory holds. */
export interface DataFiles {
  readonly directory: string;
  readonly database: string;
  readonly masterKey: string;
  readonly writerLock: string;
  readonly reserve: string;
}

/** Names of the files in `dataDirectory`; none of them needs to exist. */
export function dataFiles(dataDirectory: string): DataFiles {
  const directory = resolve(dataDirectory);
  return {
    directory,
    database: join(directory, 'macaroond.db'),
    masterKey: join(directory, 'master.key'),
    writerLock: join(directory, 'writer.lock'),
    reserve: join(directory, 'reserve'),
  };
}

/** Whether `dataDirectory` holds a database, that is: whether it was initialised. */
export function hasStore(dataDirectory: string): boolean {
  return existsSync(dataFiles(dataDirectory).database);
}

/** Makes the directory, readable by its owner alone, unless it is there. Throws `ERR_DATA_DIRECTORY`. */
export function ensureDataDirectory(dataDirectory: string): void {
  try {
    makeFolder(resolve(dataDirectory));
  } catch (cause) {
    throw new MacaroonError('ERR_DATA_DIRECTORY', 'the data directory cannot be made: check its parent and its permissions', {
      cause,
    });
  }
}

/** Makes `path`, an absolute one, and what it lies in, unless it is there. Step by step: Node's own recursive `mkdir` never ends below /proc. */
function makeFolder(path: string): void {
  const isFolder = (place: string): boolean => statSync(place, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isFolder(path)) return;
  const parent = dirname(path);
  if (!existsSync(parent)) makeFolder(parent);
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!isFolder(path)) throw error;
  }
}

/** Makes an empty file with mode 0600. Throws Node's `EEXIST` when it is there. */
export function createOwnerFile(path: string): void {
  closeSync(openSync(path, 'wx', ownerOnly));
}

/** Writes a new file with mode 0600 that survives a power cut. Throws Node's `EEXIST` when it is there. */
export function writeOwnerFile(path: string, text: string): void {
  const descriptor = openSync(path, 'wx', ownerOnly);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Takes away what group and others may do to the file, where it exists. */
export function restrictToOwner(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found !== undefined && (found.mode & 0o077) !== 0) chmodSync(path, ownerOnly);
}

/** Makes new names in the directory survive a power cut. */
export function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
