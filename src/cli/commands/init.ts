/** `macaroond init`: make a data directory. */
import type { Command } from 'commander';
import { type AdminOptions, withDataDirectory } from '../options.js';
import type { Session } from '../session.js';

export function register(program: Command, session: Session): void {
  withDataDirectory(program.command('init'), 'to make')
    .description(
      'make the data directory: master key, database, CA, server certificate, admin.json; exit code 1, and nothing is changed, when it holds an issuer already',
    )
    .action((options: AdminOptions) => init(session, options));
}

async function init(session: Session, options: AdminOptions): Promise<void> {
  const { ownDataDirectory } = await import('../environment.js');
  const { checkDataPlace } = await import('../folders.js');
  const data = ownDataDirectory(session.io, options.data);
  await checkDataPlace(data);
  const server = await session.io.loadServerSide();
  const { dataDirectory, created } = await server.initialise(data, session.io.env);
  if (options.json) session.printJson({ data: dataDirectory, created });
  else for (const path of created) session.print(path);
  const { serveCommand } = await import('../next-commands.js');
  session.note(`${dataDirectory} is ready. Start the issuer:`);
  session.note(`  ${serveCommand(session.io, dataDirectory)}`);
}
