/** From the start of a command to its exit code: what it throws is told once, and it ends when stdout is written. */
import type { CliIo } from './cli-io.js';
import { type ExitCode, Session } from './session.js';

/** Does `work`, which `argv` asks for. Resolves to the exit code; never rejects. */
export async function runSession(
  argv: readonly string[],
  io: CliIo,
  work: (session: Session) => Promise<void>,
): Promise<ExitCode> {
  const session = new Session(io);
  const report = async (error: unknown): Promise<ExitCode> => {
    const { reportError } = await import('./report-error.js');
    return reportError(session, error, argv.includes('--json'));
  };
  const exitCode = await work(session).then(() => session.exitCode, report);
  return session.written().then(() => exitCode, report);
}
