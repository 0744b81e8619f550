/** What each entry point of the built package loads when it is imported, and that it is there. Needs the build that `npm test` makes first. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readProjectFile, repositoryRoot } from './source-tree.js';

/** Prints the URL of every module that is loaded. */
const loader = `
import { writeSync } from 'node:fs';
export async function load(url, context, next) {
  writeSync(1, url + '\\n');
  return await next(url, context);
}`;

/** [entry point, packages that it may load, whether it may load node:* modules] */
const entryPoints: readonly (readonly [name: string, packages: readonly string[], node: boolean])[] = [
  ['macaroond', [], false],
  ['macaroond/client', ['undici'], true],
  ['macaroond/verifier', ['undici'], true],
  ['macaroond/verifier/hono', [], false],
  ['macaroond/verifier/node', [], true],
  // better-sqlite3 is loaded when a store is opened.
  ['macaroond/verifier/sqlite', [], true],
];

describe('an entry point', () => {
  let folder = '';

  beforeAll(() => {
    mkdirSync(join(repositoryRoot, '.tmp'), { recursive: true });
    folder = mkdtempSync(join(repositoryRoot, '.tmp/entry-points-'));
    writeFileSync(join(folder, 'loader.mjs'), loader);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function modulesLoadedBy(name: string): readonly string[] {
    const program = join(folder, `${name.replaceAll('/', '-')}.mjs`);
    writeFileSync(
      program,
      `import { register } from 'node:module';\nregister('./loader.mjs', import.meta.url);\nawait import('${name}');\n`,
    );
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', program], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return stdout.trim().split('\n');
  }

  it.each(entryPoints)('%s loads no other package than %j', (name, packages, node) => {
    const modules = modulesLoadedBy(name);
    expect(modules.some((url) => url.includes('/dist/'))).toBe(true);
    const loaded = modules.flatMap((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? []);
    expect([...new Set(loaded)].filter((one) => !packages.includes(one))).toEqual([]);
    if (!node) expect(modules.filter((url) => url.startsWith('node:'))).toEqual([]);
  });

  it('is found out when it loads something else', () => {
    expect(modulesLoadedBy('macaroond/server').some((url) => url.includes('/node_modules/hono/'))).toBe(true);
  });

  it('is listed here when the package exports it', () => {
    const { exports } = JSON.parse(readProjectFile('package.json').text) as {
      readonly exports: Readonly<Record<string, unknown>>;
    };
    const exported = Object.keys(exports).map((path) => join('macaroond', path));
    const known = [...entryPoints.map(([name]) => name), 'macaroond/server', 'macaroond/package.json'];
    expect(exported.toSorted()).toEqual(known.toSorted());
  });
});
