/** `npm ci` refuses a lock file in which a package is missing, also one that only another platform would install. */
import { describe, expect, it } from 'vitest';
import { readProjectFile } from './source-tree.js';

interface LockedPackage {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

type LockedPackages = Readonly<Record<string, LockedPackage>>;

/** Of the lock file in `folder`, by where they are installed. */
function packagesLockedIn(folder: string): LockedPackages {
  return (JSON.parse(readProjectFile(`${folder}package-lock.json`).text) as { readonly packages: LockedPackages }).packages;
}

/** Whether `name` is found from the package at `from`: in its own node_modules or in one above it. */
function isLocked(packages: LockedPackages, from: string, name: string): boolean {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    if (`${at === '' ? '' : `${at}/`}node_modules/${name}` in packages) return true;
    if (at === '') return false;
  }
}

describe.each(['', 'scripts/bench/'])('the lock file in "%s"', (folder) => {
  it('holds every dependency of every package, for every platform', () => {
    const packages = packagesLockedIn(folder);
    const missing = Object.entries(packages).flatMap(([from, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => !isLocked(packages, from, name))
        .map((name) => `${from}: ${name}`),
    );
    expect(missing).toEqual([]);
  });
});

describe('the packages that macaroond is measured beside', () => {
  it('are named by one version each, so that everybody measures the same', () => {
    const { dependencies = {} } = JSON.parse(readProjectFile('scripts/bench/package.json').text) as LockedPackage;
    expect(Object.values(dependencies).filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
    expect(Object.keys(dependencies)).toContain('macaroon');
  });

  it('are not installed with the project', () => {
    const { dependencies = {} } = JSON.parse(readProjectFile('scripts/bench/package.json').text) as LockedPackage;
    const installed = packagesLockedIn('');
    // macaroon alone: the tests exchange tokens with it.
    expect(Object.keys(dependencies).filter((name) => `node_modules/${name}` in installed)).toEqual(['macaroon']);
  });
});
