/** The command line as commander knows it: all commands, their help, and what is wrong with a call. Loads the command that is called alone. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { MacaroonError } from '../core/index.js';
import type { CliIo } from './cli-io.js';
import { inFlagWords } from './flag-words.js';
import { type OfflineCommand, registerOffline } from './offline-command.js';
import { refuseSlips, showValue } from './options.js';
import { runSession } from './run-session.js';
import { CliError, type ExitCode, exitCodes, type Session, usageError } from './session.js';

interface CommandModule {
  register(program: Command, session: Session): void;
}

interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<CommandModule>;
}

const commands: readonly CommandEntry[] = [
  { name: 'init', summary: 'make a data directory', load: () => import('./commands/init.js') },
  { name: 'serve', summary: 'run the issuer', load: () => import('./commands/serve.js') },
  { name: 'audience', summary: 'services that tokens are for: add, list, rotate', load: () => import('./commands/audience.js') },
  {
    name: 'client',
    summary: 'machines that obtain tokens: add, list, show, set, rotate, disable',
    load: () => import('./commands/client.js'),
  },
  {
    name: 'credential',
    summary: 'what clients prove themselves with: add, list, retire',
    load: () => import('./commands/credential.js'),
  },
  {
    name: 'invite',
    summary: 'let somebody enrol by a shared key: one name, or a group',
    load: () => import('./commands/invite.js'),
  },
  { name: 'invitation', summary: 'who is invited: list, revoke', load: () => import('./commands/invitation.js') },
  { name: 'enrol', summary: 'become a client, by an invitation', load: () => import('./commands/enrol.js') },
  { name: 'grant', summary: 'what clients may obtain: add, remove', load: () => import('./commands/grant.js') },
  { name: 'root-key', summary: 'keys that tokens hang on: list, rotate, destroy', load: () => import('./commands/root-key.js') },
  {
    name: 'ca',
    summary: 'certificates of the company CA: issue, sign, list, revoke, crl, import',
    load: () => import('./commands/ca.js'),
  },
  { name: 'mint', summary: 'obtain a token', load: () => import('./commands/mint.js') },
  { name: 'attenuate', summary: 'narrow a token, offline', load: () => loadOffline(import('./commands/attenuate.js')) },
  {
    name: 'inspect',
    summary: 'show what a token says, without verifying it',
    load: () => loadOffline(import('./commands/inspect.js')),
  },
  { name: 'request', summary: 'send a request that is sealed with a token', load: () => import('./commands/request.js') },
  { name: 'verify', summary: 'ask the issuer whether a token allows a request', load: () => import('./commands/verify.js') },
  { name: 'revoke', summary: 'end tokens: token, client, root-key, audience', load: () => import('./commands/revoke.js') },
  { name: 'audit', summary: 'the log of the issuer: list, verify', load: () => import('./commands/audit.js') },
  { name: 'db', summary: 'the database of the issuer: migrate, backup', load: () => import('./commands/db.js') },
  { name: 'doctor', summary: 'check data directory and machine', load: () => import('./commands/doctor.js') },
];

const helpText = `
Exit codes: 0 ok, 1 failure, 2 wrong use, 3 denied, 4 issuer not reached or not recognised, 5 malformed or cut token.
Environment: MACAROOND_DATA, MACAROOND_URL, MACAROOND_CA_FILE, MACAROOND_CREDENTIAL, MACAROOND_TOKEN,
  MACAROOND_MASTER_KEY or MACAROOND_MASTER_KEY_FILE.`;

/** Runs `argv` (without node and script). Resolves to the exit code; never rejects. */
export async function runProgram(argv: readonly string[], io: CliIo): Promise<ExitCode> {
  return runSession(argv, io, (session) => callCommand(argv, session));
}

/** Throws what the command throws, and a usage error for wrong use. */
async function callCommand(argv: readonly string[], session: Session): Promise<void> {
  const program = await createProgram(argv, session);
  try {
    await program.parseAsync(wordsOf(argv), { from: 'user' });
  } catch (error) {
    const called = calledCommands(program, argv);
    if (error instanceof MacaroonError) throw toldInFlags(error, called.at(-1) ?? program);
    if (!(error instanceof CommanderError)) throw error;
    // Help and version end like this too.
    if (error.exitCode !== 0) throw usageOf(error, called.map((command) => command.name()).join(' '));
  }
}

async function loadOffline(module: Promise<{ readonly command: OfflineCommand }>): Promise<CommandModule> {
  const { command } = await module;
  return { register: (program, session) => registerOffline(program, session, command) };
}

async function createProgram(argv: readonly string[], session: Session): Promise<Command> {
  const { stderr } = session.io;
  const program = new Command('macaroond')
    .description('Server-to-server authorization with macaroons.')
    .version(readVersion(), '-V, --version')
    .exitOverride()
    .showSuggestionAfterError()
    .addHelpText('after', helpText)
    .configureOutput({
      writeOut: (text) => session.write(text),
      writeErr: (text) => stderr.write(text),
      // Errors are thrown, and told once, by `reportError`.
      outputError: () => undefined,
    });
  for (const { name, summary, load } of commands) {
    if (argv.includes(name)) (await load()).register(program, session);
    else program.command(name).description(summary);
  }
  refuseSlips(program);
  return program;
}

/** Commander's own `help` takes one word; `help client add` is asked for as `client add --help`. */
function wordsOf(argv: readonly string[]): string[] {
  const [first, ...words] = argv;
  if (first === 'help' && words.length > 1) return [...words, '--help'];
  const ids = argv.filter((word, i) => isDashedId(word) && isArgument(argv[i - 1]));
  if (ids.length === 0 || argv.includes('--')) return [...argv];
  return [...argv.filter((word) => !ids.includes(word)), '--', ...ids];
}

/** Thumbprints and ids of root keys are base64url, so some begin with a dash: commander would take them for flags. */
function isDashedId(word: string): boolean {
  return /^-(?:[\w-]{21}|[\w-]{42})$/.test(word);
}

/** Whether what stands behind `before` is no value of a flag. */
function isArgument(before: string | undefined): boolean {
  return before === '--json' || before?.startsWith('--') !== true || before.includes('=');
}

/** The command that `argv` calls, as far as there is one, behind those that it is below. */
function calledCommands(program: Command, argv: readonly string[]): readonly Command[] {
  const found = [program];
  for (const word of argv) {
    const called = found.at(-1)?.commands.find((below) => below.name() === word);
    if (called === undefined) break;
    found.push(called);
  }
  return found;
}

/** A request that is not valid, told by the flags that it was made of. */
function toldInFlags(error: MacaroonError, command: Command): Error {
  if (error.code !== 'ERR_ARGUMENT' && error.problem !== 'invalid_request') return error;
  const message = inFlagWords(error.message, command);
  return message === error.message ? error : new CliError(exitCodes.usage, message, { cause: error });
}

function usageOf(error: CommanderError, called: string): Error {
  if (error.code === 'commander.help') return usageError('the command is not complete', 'the lines above list what there is');
  return usageError(withoutLongValues(error.message.replace(/^error: /, '')), `${called} --help tells how it is called`);
}

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

/** Commander quotes what it was given. */
function withoutLongValues(message: string): string {
  return message.replaceAll(/'([^']*)'/g, (_, value: string) => `'${showValue(value)}'`);
}
