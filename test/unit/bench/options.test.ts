/** What the benches say to a command line that they do not understand, before they measure anything. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

function run(script: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`scripts/bench/${script}`, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('a bench', () => {
  it.each([
    ['run.mjs', ['--round', '1'], "Unknown option '--round'"],
    ['run.mjs', ['1'], "Unexpected argument '1'"],
    ['run.mjs', ['--rounds', '0'], '--rounds must be a whole number, 1 or more\n'],
    ['run-http.mjs', ['--rounds', 'x'], '--rounds must be a whole number, 1 or more\n'],
    ['run-http.mjs', ['--connections', '1.5'], '--connections must be a whole number, 1 or more\n'],
    ['run-http.mjs', ['--seconds', '0'], '--seconds must be a number above 0\n'],
    ['run-http.mjs', ['--only', 'plain,tsl'], '--only: there is no tsl; there are plain, tls\n'],
    ['run-scale.mjs', ['--part', '1e999'], '--part must be a number above 0\n'],
    ['run-scale.mjs', ['--only', 'caveats,'], '--only: there is no name; there are caveats, library, issuer, memory\n'],
  ])('%s %j ends with status 2 and says why', (script, args, complaint) => {
    const { status, stdout, stderr } = run(script, ...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr.startsWith(complaint)).toBe(true);
    expect(stderr.split('\n').length).toBeLessThan(4);
  });

  it.each([
    ['run.mjs', ['json', 'only', 'rounds']],
    ['run-http.mjs', ['json', 'only', 'rounds', 'seconds', 'connections']],
    ['run-scale.mjs', ['json', 'only', 'rounds', 'part']],
  ])('%s --help names every option there is, on standard output', (script, names) => {
    const { status, stdout, stderr } = run(script, '--help', '--rounds', '1');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect([...stdout.matchAll(/^ {2}--(\w+)/gm)].map(([, name]) => name)).toEqual(names);
  });
});
