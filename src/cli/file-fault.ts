/** Why a file cannot be used, in words, after the code by which the system and its manuals know it. */

const words: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is no directory',
  ELOOP: 'a symbolic link leads to itself',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
};

/** `EACCES: permission denied`, for an error of the system about a file; `undefined` for any other. */
export function fileFault(error: unknown): string | undefined {
  const code = systemCode(error);
  const told = code === undefined ? undefined : words[code];
  return told === undefined ? undefined : `${code}: ${told}`;
}

/** The code that Node put on `error`. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
