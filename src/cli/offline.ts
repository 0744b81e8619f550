/**
 * Plain calls of the commands that work offline, without commander, which costs more to load than their work does. Must not import the
 * network or the server.
 */
import type { CliIo } from './cli-io.js';
import { type OfflineCommand, readPlainCall } from './offline-command.js';
import { runSession } from './run-session.js';
import type { ExitCode } from './session.js';

const commands: Readonly<Partial<Record<string, () => Promise<{ readonly command: OfflineCommand }>>>> = {
  attenuate: () => import('./commands/attenuate.js'),
  inspect: () => import('./commands/inspect.js'),
};

/** Runs `argv` when it is a plain call of an offline command, and resolves to the exit code; to `undefined` when it is not. Never rejects. */
export async function runOffline(argv: readonly string[], io: CliIo): Promise<ExitCode | undefined> {
  const [name = '', ...words] = argv;
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) return undefined;
  const { command } = await load();
  const call = readPlainCall(command, words);
  return call && (await runSession(argv, io, (session) => command.run(session, call)));
}
