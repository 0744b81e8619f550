/** `npm ci` refuses a lock file in which a package is missing, also one that only another platform would install. */
import { describe, expect, it } from 'vitest';
import { readProjectFile } from './source-tree.js';

interface LockedPackage {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lock = JSON.parse(readProjectFile('package-lock.json').text) as {
  readonly packages: Readonly<Record<string, LockedPackage>>;
};

/** Whether `name` is found from the package at `from`: in its own node_modules or in one above it. */
function isLocked(from: string, name: string): boolean {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    if (`${at === '' ? '' : `${at}/`}node_modules/${name}` in lock.packages) return true;
    if (at === '') return false;
  }
}

describe('the lock file', () => {
  it('holds every dependency of every package, for every platform', () => {
    const missing = Object.entries(lock.packages).flatMap(([from, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => !isLocked(from, name))
        .map((name) => `${from}: ${name}`),
    );
    expect(missing).toEqual([]);
  });
});
