/** `macaroond doctor`: what is wrong with the data directory and this machine. */
import type { Command } from 'commander';
import { type AdminOptions, withDataDirectory } from '../options.js';
import { exitCodes, type Session } from '../session.js';

export function register(program: Command, session: Session): void {
  withDataDirectory(program.command('doctor'), 'to check')
    .description('check the data directory and this machine; exit code 1 when something is wrong')
    .action((options: AdminOptions) => doctor(session, options));
}

async function doctor(session: Session, options: AdminOptions): Promise<void> {
  const { ownDataDirectory } = await import('../environment.js');
  const server = await session.io.loadServerSide();
  const checks = await server.runDoctor(ownDataDirectory(session.io, options.data), session.io.env);
  if (options.json) session.printJson({ checks });
  else for (const { name, ok, detail } of checks) session.print(`${ok ? '✓' : '✗'} ${name}: ${detail}`);
  if (checks.some(({ ok }) => !ok)) session.exitCode = exitCodes.failure;
}
