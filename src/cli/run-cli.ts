/**
 * The command line as a function. Only the command that is called gets loaded, because commands differ in weight: `inspect` and
 * `attenuate` need core and caveats alone, `serve` the whole server.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import type { CliIo } from './cli-io.js';
import { refuseRepeats } from './options.js';
import { reportError } from './report-error.js';
import { type ExitCode, exitCodes, Session, usageError } from './session.js';

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
    summary: 'machines that obtain tokens: add, list, show, rotate, disable',
    load: () => import('./commands/client.js'),
  },
  {
    name: 'credential',
    summary: 'what clients prove themselves with: add, list, retire',
    load: () => import('./commands/credential.js'),
  },
  { name: 'grant', summary: 'what clients may obtain: add, remove', load: () => import('./commands/grant.js') },
  { name: 'root-key', summary: 'keys that tokens hang on: list, rotate, destroy', load: () => import('./commands/root-key.js') },
  { name: 'mint', summary: 'obtain a token', load: () => import('./commands/mint.js') },
  { name: 'attenuate', summary: 'narrow a token, offline', load: () => import('./commands/attenuate.js') },
  { name: 'inspect', summary: 'show what a token says, without verifying it', load: () => import('./commands/inspect.js') },
  { name: 'verify', summary: 'ask the issuer whether a token allows a request', load: () => import('./commands/verify.js') },
  { name: 'revoke', summary: 'end tokens: token, client, root-key, audience', load: () => import('./commands/revoke.js') },
  { name: 'audit', summary: 'the log of the issuer: list, verify', load: () => import('./commands/audit.js') },
  { name: 'db', summary: 'the database of the issuer: migrate, backup', load: () => import('./commands/db.js') },
  { name: 'doctor', summary: 'check data directory and machine', load: () => import('./commands/doctor.js') },
];

const helpText = `
Exit codes: 0 ok, 1 failure, 2 wrong use, 3 denied, 4 issuer not reached, 5 malformed or cut token.
Environment: MACAROOND_DATA, MACAROOND_URL, MACAROOND_CA_FILE, MACAROOND_CREDENTIAL, MACAROOND_TOKEN,
  MACAROOND_MASTER_KEY or MACAROOND_MASTER_KEY_FILE.`;

/** Runs `argv` (without node and script). Resolves to the exit code; never rejects. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<ExitCode> {
  const session = new Session(io);
  const report = (error: unknown) => reportError(session, error, argv.includes('--json'));
  const exitCode = await runCommand(argv, session).catch(report);
  return session.written().then(() => exitCode, report);
}

async function runCommand(argv: readonly string[], session: Session): Promise<ExitCode> {
  try {
    const program = await createProgram(argv, session);
    await program.parseAsync([...argv], { from: 'user' });
    return session.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return exitCodes.ok;
    throw usageOf(error);
  }
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
  refuseRepeats(program);
  return program;
}

function usageOf(error: CommanderError): Error {
  if (error.code === 'commander.help') return usageError('the command is not complete', 'the lines above list what there is');
  return usageError(error.message.replace(/^error: /, ''), 'macaroond help COMMAND tells how a command is called');
}

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
