/**
 * The command line as a function. Only what a call needs gets loaded, because calls differ in weight: `inspect` and `attenuate` need core
 * and caveats alone, not even commander; `serve` needs the whole server.
 */
import type { CliIo } from './cli-io.js';
import type { OfflineCommand } from './offline-command.js';
import { type ExitCode, Session } from './session.js';

const offlineCommands: Readonly<Record<string, () => Promise<{ readonly command: OfflineCommand }>>> = {
  attenuate: () => import('./commands/attenuate.js'),
  inspect: () => import('./commands/inspect.js'),
};

/** Runs `argv` (without node and script). Resolves to the exit code; never rejects. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<ExitCode> {
  const session = new Session(io);
  const report = async (error: unknown): Promise<ExitCode> => {
    const { reportError } = await import('./report-error.js');
    return reportError(session, error, argv.includes('--json'));
  };
  const exitCode = await runCommand(argv, session).catch(report);
  return session.written().then(() => exitCode, report);
}

async function runCommand(argv: readonly string[], session: Session): Promise<ExitCode> {
  if (!(await runPlainly(argv, session))) {
    const { runProgram } = await import('./program.js');
    await runProgram(argv, session);
  }
  return session.exitCode;
}

/** Runs a plain call of an offline command; resolves to whether it was one. */
async function runPlainly([name = '', ...words]: readonly string[], session: Session): Promise<boolean> {
  const load = Object.hasOwn(offlineCommands, name) ? offlineCommands[name] : undefined;
  if (load === undefined) return false;
  const { command } = await load();
  const { readPlainCall } = await import('./offline-command.js');
  const call = readPlainCall(command, words);
  if (call === undefined) return false;
  await command.run(session, call);
  return true;
}
