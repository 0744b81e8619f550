/** Runs the demo as a person would: one command, real processes, sockets and files. Needs the build that `npm test` makes first. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repositoryRoot } from '../tidy/source-tree.js';

/** What every run must show, in this order. */
const expected = [
  '✓ an issuer runs, set up from nothing',
  '✓ macaroond audience add invoice',
  '✓ the invoice server runs',
  '✓ the mail server mints a token',
  '✓ it fetches an invoice',
  '✓ a job fetches an invoice with a narrower token',
  '✓ for another action it is denied',
  '✓ made for another address it is denied',
  '✓ after that it is denied',
  '✓ after the revocation the narrower token is denied',
  'Every step went as told.',
];

describe('the demo', () => {
  it('plays every step as told', { timeout: 90_000 }, () => {
    const run = spawnSync(process.execPath, ['--import', 'tsx', join(repositoryRoot, 'examples/demo.ts')], {
      cwd: repositoryRoot,
      encoding: 'utf8',
      timeout: 80_000,
    });
    expect(run.stderr).toBe('');
    const places = expected.map((line) => run.stdout.indexOf(line));
    expect(places.filter((place) => place < 0)).toEqual([]);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(run.status).toBe(0);
  });
});
