/** Types what the README says to type, word by word, in a folder with an issuer's data beside it. Needs the build that `npm test` makes first. */
import { spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment, type IssuerProcess, startIssuer } from '../support/issuer-process.js';
import { readProjectFile, repositoryRoot } from '../tidy/source-tree.js';

/** The shell block of the README that mints, attenuates and verifies. */
function commandsOfReadme(): string {
  const blocks = [...readProjectFile('README.md').text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, code = '']) => code);
  const commands = blocks.filter((code) => code.includes('audience add'));
  expect(commands).toHaveLength(1);
  return commands[0] ?? '';
}

describe('the commands of the README', () => {
  let issuer: IssuerProcess;

  beforeAll(async () => {
    issuer = await startIssuer();
  });
  afterAll(() => issuer.dispose());

  it('end with a token that is authorized', () => {
    const folder = dirname(issuer.data);
    symlinkSync(join(repositoryRoot, 'dist'), join(folder, 'dist'));
    const run = spawnSync('bash', ['-euo', 'pipefail', '-c', commandsOfReadme()], {
      cwd: folder,
      env: cleanEnvironment(),
      encoding: 'utf8',
      timeout: 50_000,
    });
    expect({ status: run.status, stderr: run.status === 0 ? '' : run.stderr }).toEqual({ status: 0, stderr: '' });
    expect(run.stdout).toContain('UNVERIFIED');
    expect(run.stdout).toMatch(/^✓ ip 127\.0\.0\.1/m);
    expect(run.stdout).toMatch(/^authorized +mail$/m);
    expect(readFileSync(join(folder, 'mail.token'), 'utf8')).toMatch(/^mcr_/);
  });
});
