/** `macaroond init`: make a data directory. */
import type { Command } from 'commander';
import { type AdminOptions, withAdmin } from '../options.js';
import type { Session } from '../session.js';

export function register(program: Command, session: Session): void {
  withAdmin(program.command('init'))
    .description('make the data directory: master key, database, CA, server certificate, admin.json; leaves what is there')
    .action((options: AdminOptions) => init(session, options));
}

async function init(session: Session, options: AdminOptions): Promise<void> {
  const { ownDataDirectory } = await import('../environment.js');
  const server = await session.io.loadServerSide();
  const { dataDirectory, created } = await server.initialise(ownDataDirectory(session.io, options.data), session.io.env);
  if (options.json) session.printJson({ data: dataDirectory, created });
  else for (const path of created) session.print(path);
  session.note(
    created.length === 0
      ? `${dataDirectory} was there already`
      : `${dataDirectory} is ready: start the issuer with "macaroond serve"`,
  );
}
