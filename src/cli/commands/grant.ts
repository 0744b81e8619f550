/** `macaroond grant`: what a client may obtain for an audience. */
import type { Command } from 'commander';
import type { GrantBinding, WireGrant, WireGrantRequest } from '../../protocol/wire.js';
import { type AdminOptions, collectBinding, collectItems, collectWhole, readSeconds, withAdmin } from '../options.js';
import type { Session } from '../session.js';
import { warnOfUnknownCaveats } from '../unknown-caveats.js';
import { grantText } from './client.js';

interface AddOptions extends AdminOptions {
  readonly action: readonly string[];
  readonly maxExpires?: number;
  readonly require?: readonly string[];
  readonly bind?: readonly GrantBinding[];
}

export function register(program: Command, session: Session): void {
  const grant = program.command('grant').description('what clients may obtain');
  withAdmin(grant.command('add <client> <audience>'))
    .description('let a client obtain tokens for an audience; replaces the grant that is there')
    .requiredOption('--action <action>', 'an action, or a pattern such as invoices:* (repeatable)', collectItems)
    .option('--max-expires <duration>', 'longest life of a token, e.g. 1h', readSeconds)
    .option('--require <condition>', 'a caveat that every token gets, e.g. "ip 10.0.0.0/8" (repeatable)', collectWhole)
    .option('--bind <to>', 'bind every token to what the client proved: ip, certificate or key (repeatable)', collectBinding)
    .action((client: string, audience: string, options: AddOptions) => add(session, client, audience, options));
  withAdmin(grant.command('remove <client> <audience>'))
    .description('take a grant away; tokens that were minted under it live on until they expire or are revoked')
    .action((client: string, audience: string, options: AdminOptions) => remove(session, client, audience, options));
}

async function add(session: Session, client: string, audience: string, options: AddOptions): Promise<void> {
  const { asAdmin, segment } = await import('../admin-api.js');
  const body: Omit<WireGrantRequest, 'audience'> = {
    actions: options.action,
    max_expires_in: options.maxExpires,
    required_caveats: options.require,
    bind: options.bind,
  };
  const made = await asAdmin(session, options, (api) =>
    api.call<WireGrant>('PUT', `/v1/clients/${segment(client)}/grants/${segment(audience)}`, { body }, [
      'audience',
      'actions',
      'max_expires_in',
      'required_caveats',
      'bind',
    ]),
  );
  if (options.json) session.printJson(made);
  else session.print(`grant of ${client}: ${grantText(made)}`);
  warnOfUnknownCaveats(session, options.require ?? []);
}

async function remove(session: Session, client: string, audience: string, options: AdminOptions): Promise<void> {
  const { asAdmin, segment } = await import('../admin-api.js');
  const path = `/v1/clients/${segment(client)}/grants/${segment(audience)}`;
  await asAdmin(session, options, (api) => api.call('DELETE', path, {}, []));
  if (options.json) session.printJson({ client, audience, removed: true });
  else session.print(`grant of ${client} for ${audience}: removed`);
}
