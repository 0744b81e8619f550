/** Runs a program where the disk is soon full: on a tmpfs of 32 MiB, in a mount namespace of its own. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = new URL('../..', import.meta.url).pathname;
const mountAndRun = 'mount -t tmpfs -o size=32m tmpfs "$1" || exit 77; shift; exec "$@"';

/**
 * Runs the TypeScript file `steps`, with the directory as its argument. Returns what it printed, one line of JSON; `undefined` where this user may
 * not mount.
 */
export function runOnSmallFileSystem(steps: string): Record<string, unknown> | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'macaroond-full-'));
  try {
    for (const flags of [['-m'], ['-r', '-m']]) {
      const command = ['sh', '-c', mountAndRun, 'sh', directory, process.execPath, '--import', 'tsx', steps, directory];
      const inNamespace = ['-c', 'exec unshare "$@"', 'sh', ...flags, ...command];
      const { status, stdout, stderr } = spawnSync('sh', inNamespace, { cwd: root, encoding: 'utf8' });
      if (status === 0) return JSON.parse(stdout);
      const isRefused = status === 77 || status === 127 || /^unshare: /m.test(stderr);
      if (!isRefused) throw new Error(`the steps failed: ${stderr}`);
    }
    return undefined;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
