/**
 * The command line as a function. Only what a call needs gets loaded, because calls differ in weight: `inspect` and `attenuate` need core
 * and caveats alone, not even commander; `serve` needs the whole server.
 */
import type { CliIo } from './cli-io.js';
import type { ExitCode } from './session.js';

/** Runs `argv` (without node and script). Resolves to the exit code; never rejects. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<ExitCode> {
  if (argv[0] === 'attenuate' || argv[0] === 'inspect') {
    const { runOffline } = await import('./offline.js');
    const exitCode = await runOffline(argv, io);
    if (exitCode !== undefined) return exitCode;
  }
  const { runProgram } = await import('./program.js');
  return runProgram(argv, io);
}
