/** The project's own files, for the tests that read them as text. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute path of the repository. */
export const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));

/** One file of the project. */
export interface ProjectFile {
  /** From the repository's root, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** Every file of ours below `folder` (from the repository's root) whose name matches `name`, in the order of their paths. */
export function filesBelow(folder: string, name: RegExp): readonly ProjectFile[] {
  return readdirSync(join(repositoryRoot, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && name.test(entry.name) && !/[\\/]node_modules([\\/]|$)/.test(entry.parentPath))
    .map((entry) => join(entry.parentPath, entry.name).slice(repositoryRoot.length).replaceAll('\\', '/'))
    .sort()
    .map(readProjectFile);
}

/** The file at `path` (from the repository's root). */
export function readProjectFile(path: string): ProjectFile {
  return { path, text: readFileSync(join(repositoryRoot, path), 'utf8') };
}
