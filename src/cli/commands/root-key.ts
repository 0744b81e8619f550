/** `macaroond root-key`: the keys of a client that its tokens hang on, by generation. */
import type { Command } from 'commander';
import type { WireRootKey } from '../../protocol/wire.js';
import { type AdminOptions, withAdmin } from '../options.js';
import type { Session } from '../session.js';

const members = ['root_key_id', 'client', 'generation', 'state', 'created_at'] as const;

export function register(program: Command, session: Session): void {
  const rootKey = program.command('root-key').description('the keys that the tokens of a client hang on');
  withAdmin(rootKey.command('list <client>'))
    .description('root keys of a client')
    .action((client: string, options: AdminOptions) => list(session, client, options));
  withAdmin(rootKey.command('rotate <client>'))
    .description('mint new tokens under a new root key; tokens of the old one live on')
    .action((client: string, options: AdminOptions) => change(session, client, '', options));
  withAdmin(rootKey.command('destroy <client> <id>'))
    .description('destroy a root key for good, and with it all its tokens')
    .action((client: string, id: string, options: AdminOptions) =>
      change(session, client, `/${encodeURIComponent(id)}/destroy`, options),
    );
}

async function list(session: Session, client: string, options: AdminOptions): Promise<void> {
  const { asAdmin, segment } = await import('../admin-api.js');
  const answer = await asAdmin(session, options, (api) =>
    api.call<{ readonly root_keys: readonly WireRootKey[] }>('GET', `/v1/clients/${segment(client)}/root-keys`, {}, [
      'root_keys',
    ]),
  );
  if (options.json) return session.printJson(answer);
  const rows = answer.root_keys.map((one) => [one.root_key_id, String(one.generation), one.state, one.created_at]);
  session.printTable(['ROOT KEY', 'GENERATION', 'STATE', 'CREATED'], rows);
}

async function change(session: Session, client: string, rest: string, options: AdminOptions): Promise<void> {
  const { asAdmin, segment } = await import('../admin-api.js');
  const one = await asAdmin(session, options, (api) =>
    api.call<WireRootKey>('POST', `/v1/clients/${segment(client)}/root-keys${rest}`, {}, members),
  );
  if (options.json) session.printJson(one);
  else session.print(`root key ${one.root_key_id} of ${one.client}: generation ${one.generation}, ${one.state}`);
}
