import { Command } from 'commander';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { command as attenuate } from '../../../src/cli/commands/attenuate.js';
import { command as inspect } from '../../../src/cli/commands/inspect.js';
import { type OfflineCall, type OfflineCommand, readPlainCall, registerOffline } from '../../../src/cli/offline-command.js';
import { refuseSlips } from '../../../src/cli/options.js';
import { Session } from '../../../src/cli/session.js';

const session = new Session({
  stdin: (async function* () {})(),
  stdinKind: 'none',
  stdout: { write: () => undefined },
  stderr: { write: () => undefined },
  env: {},
  cwd: '/',
  clock: () => 0,
  programCall: 'macaroond',
  onStopSignal: () => undefined,
  loadServerSide: () => Promise.reject(new Error('not expected')),
});

/** What commander reads from `words`; `undefined` when it refuses them. */
async function commanderCall(command: OfflineCommand, words: readonly string[]): Promise<OfflineCall | undefined> {
  let call: OfflineCall | undefined;
  const run: OfflineCommand['run'] = async (_, read) => {
    call = { source: read.source, options: { ...read.options } };
  };
  const program = new Command().exitOverride().configureOutput({ outputError: () => undefined, writeOut: () => undefined });
  registerOffline(program, session, { ...command, run });
  refuseSlips(program);
  await program.parseAsync([command.name, ...words], { from: 'user' }).catch(() => undefined);
  return call;
}

const value = fc.oneof(
  fc.constantFrom(
    '10m',
    '2026-11-21T22:21:00Z',
    'invoices:read',
    'a,b',
    '10.0.0.0/8',
    'account 42',
    '',
    'a,,b',
    'help',
    '-',
    '--json',
  ),
  fc.string({ maxLength: 8 }),
);
const flags = [
  '--json',
  '--token-file',
  '--help',
  '-h',
  '--',
  '--expires=10m',
  ...attenuate.flags.map(({ name }) => `--${name}`),
];
const words = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.tuple(fc.constantFrom(...attenuate.flags.map(({ name }) => `--${name}`)), value) },
      { weight: 2, arbitrary: fc.tuple(fc.constantFrom('--json', '-')) },
      { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...flags), value) },
      { weight: 1, arbitrary: fc.tuple(value) },
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.flat());

describe('a plain call', () => {
  it.each([attenuate, inspect])('of $name says what commander reads from it', async (command) => {
    let plain = 0;
    await fc.assert(
      fc.asyncProperty(words, async (given) => {
        const call = readPlainCall(command, given);
        if (call === undefined) return;
        plain += 1;
        expect(call).toEqual(await commanderCall(command, given));
      }),
      { numRuns: 400 },
    );
    expect(plain).toBeGreaterThan(30);
  });

  it('is every call without help, faults and other spellings', () => {
    const given = ['--expires', '10m', '--action', 'a', '--action', 'b,c', '--caveat', 'd e', '--token-file', 'f', '--json', '-'];
    expect(readPlainCall(attenuate, given)).toEqual({
      source: '-',
      options: {
        expires: { kind: 'duration', durationMs: 600_000, text: '10m' },
        action: ['a', 'b', 'c'],
        caveat: ['d e'],
        tokenFile: 'f',
        json: true,
      },
    });
    expect(readPlainCall(inspect, [])).toEqual({ source: undefined, options: {} });
  });

  it.each([
    [['--help']],
    [['-h']],
    [['--action']],
    [['--actoin', 'a']],
    [['--action=a']],
    [['--action', '--json']],
    [['--action', 'a,,b']],
    [['--expires', 'soon']],
    [['--expires', '1m', '--expires', '2m']],
    [['--json', '--json']],
    [['-', '-']],
    [['mcr_token']],
    [['--', '-']],
  ])('is not %j, which commander answers', (given) => {
    expect(readPlainCall(attenuate, given)).toBeUndefined();
  });
});
