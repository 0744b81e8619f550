/** `macaroond credential`: what clients prove themselves with; two may be live at once, so that they rotate without an outage. */
import type { Command } from 'commander';
import type { WireCredential, WireNewCredential } from '../../protocol/wire.js';
import type { OutOptions } from '../new-credential.js';
import { type AdminOptions, withAdmin } from '../options.js';
import type { Session } from '../session.js';

export function register(program: Command, session: Session): void {
  const credential = program.command('credential').description('what clients prove themselves with');
  withAdmin(credential.command('add <client>'))
    .description('make a credential; two may be live at once')
    .option('--out <file>', 'write a credential file (mode 0600)')
    .action((client: string, options: OutOptions) => add(session, client, options));
  withAdmin(credential.command('list <client>'))
    .description('credentials of a client, without their secrets')
    .action((client: string, options: AdminOptions) => list(session, client, options));
  withAdmin(credential.command('retire <client> <id>'))
    .description('end a credential')
    .action((client: string, id: string, options: AdminOptions) => retire(session, client, id, options));
}

async function add(session: Session, client: string, options: OutOptions): Promise<void> {
  const { asAdmin, segment } = await import('../admin-api.js');
  const { keepNewCredential } = await import('../new-credential.js');
  const members = ['client', 'credential_id', 'auth_method', 'secret'] as const;
  await asAdmin(session, options, (api) =>
    keepNewCredential(session, options, api.endpoint, () =>
      api.call<WireNewCredential>('POST', `/v1/clients/${segment(client)}/credentials`, {}, members),
    ),
  );
}

async function list(session: Session, client: string, options: AdminOptions): Promise<void> {
  const { asAdmin, segment } = await import('../admin-api.js');
  const answer = await asAdmin(session, options, (api) =>
    api.call<{ readonly credentials: readonly WireCredential[] }>('GET', `/v1/clients/${segment(client)}/credentials`, {}, [
      'credentials',
    ]),
  );
  if (options.json) return session.printJson(answer);
  const rows = answer.credentials.map((one) => [
    one.credential_id,
    one.auth_method,
    one.state,
    one.created_at,
    one.retired_at ?? '',
  ]);
  session.printTable(['CREDENTIAL', 'AUTH METHOD', 'STATE', 'CREATED', 'RETIRED'], rows);
}

async function retire(session: Session, client: string, id: string, options: AdminOptions): Promise<void> {
  const { asAdmin, segment } = await import('../admin-api.js');
  const path = `/v1/clients/${segment(client)}/credentials/${segment(id)}/retire`;
  const one = await asAdmin(session, options, (api) => api.call<WireCredential>('POST', path, {}, ['credential_id', 'state']));
  if (options.json) session.printJson(one);
  else session.print(`credential ${one.credential_id} of ${client}: ${one.state}`);
}
