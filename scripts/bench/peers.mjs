/**
 * Installs what the benches compare with: packages of their own, beside this file, so that nobody installs them with macaroond. Done at the first run
 * of a bench, and again when a version changes; every other run needs no network.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const here = new URL('.', import.meta.url);

/** Makes sure that the peers are there in the versions that package.json names; ends the process, saying what to do, where they cannot be. */
export function requirePeers() {
  const { dependencies } = readJson('package.json');
  const missing = Object.entries(dependencies).filter(([name, version]) => installedVersion(name) !== version);
  if (missing.length === 0) return;
  console.error(`installing ${missing.map(([name, version]) => `${name} ${version}`).join(', ')} into scripts/bench`);
  // Its output is progress: stdout holds the results alone.
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts'], {
    cwd: here,
    stdio: ['ignore', process.stderr, process.stderr],
  });
  if (status === 0) return;
  console.error(
    'The packages that macaroond is compared with could not be installed. Once, with a way to your package registry, run:\n' +
      '  npm --prefix scripts/bench ci\n' +
      'Later runs need no network.',
  );
  process.exit(1);
}

function installedVersion(name) {
  try {
    return readJson(`node_modules/${name}/package.json`).version;
  } catch {
    return undefined;
  }
}

function readJson(path) {
  return JSON.parse(readFileSync(new URL(path, here), 'utf8'));
}
