/** `macaroond db`: the database file of the issuer. */
import type { Command } from 'commander';
import { type AdminOptions, withDataDirectory } from '../options.js';
import type { Session } from '../session.js';

export function register(program: Command, session: Session): void {
  const db = program.command('db').description('the database of the issuer, on its own machine');
  withDataDirectory(db.command('migrate'), 'that holds it')
    .description('bring the database to the version of this program; "serve" does so by itself')
    .action((options: AdminOptions) => migrate(session, options));
  withDataDirectory(db.command('backup <file>'), 'that holds it')
    .description('write a consistent copy to a new file, also while the issuer runs; keep the master key apart from it')
    .action((file: string, options: AdminOptions) => backup(session, file, options));
}

async function migrate(session: Session, options: AdminOptions): Promise<void> {
  const { ownDataDirectory } = await import('../environment.js');
  const data = ownDataDirectory(session.io, options.data);
  await (await session.io.loadServerSide()).migrateDatabase(data, session.io.env);
  if (options.json) session.printJson({ data, migrated: true });
  else session.print(`the database in ${data} is up to date`);
}

async function backup(session: Session, file: string, options: AdminOptions): Promise<void> {
  const { ownDataDirectory, pathOf } = await import('../environment.js');
  const data = ownDataDirectory(session.io, options.data);
  const path = pathOf(session.io, file);
  await (await session.io.loadServerSide()).backupDatabase(data, session.io.env, path);
  if (options.json) session.printJson({ data, file: path });
  else session.print(path);
}
