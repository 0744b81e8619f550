/** `macaroond client`: machines that obtain tokens. */
import type { Command } from 'commander';
import type { NewClientRequest, WireClient, WireGrant, WireGrantRequest, WireNewCredential } from '../../protocol/wire.js';
import type { OutOptions } from '../new-credential.js';
import { type AdminOptions, collectGrant, collectItems, withAdmin } from '../options.js';
import type { Session } from '../session.js';

interface AddOptions extends OutOptions {
  readonly grant?: readonly WireGrantRequest[];
  readonly ip?: readonly string[];
  readonly verifierOf?: readonly string[];
}

const newCredential = ['client', 'credential_id', 'auth_method', 'secret'] as const;
const clientMembers = ['client', 'state', 'auth_methods', 'ips', 'verifier_of', 'grants', 'created_at'] as const;

export function register(program: Command, session: Session): void {
  const client = program.command('client').description('machines that obtain tokens');
  withAdmin(client.command('add <name>'))
    .description('create a client and its first credential')
    .option(
      '--grant <audience=actions>',
      'what it may obtain, e.g. invoice=invoices:read,invoices:list (repeatable)',
      collectGrant,
    )
    .option('--ip <cidr>', 'it may prove itself from these addresses only (repeatable)', collectItems)
    .option('--verifier-of <audience>', 'it may fetch the keys of this audience (repeatable)', collectItems)
    .option('--out <file>', 'write a credential file (mode 0600) that holds all the client needs')
    .action((name: string, options: AddOptions) => add(session, name, options));
  withAdmin(client.command('list'))
    .description('all clients')
    .action((options: AdminOptions) => list(session, options));
  withAdmin(client.command('show <name>'))
    .description('one client with its grants')
    .action((name: string, options: AdminOptions) => show(session, name, options));
  withAdmin(client.command('rotate <name>'))
    .description('make a new credential beside the old one, which "macaroond credential retire" ends once the new one is in use')
    .option('--out <file>', 'write a credential file (mode 0600)')
    .action((name: string, options: OutOptions) => rotate(session, name, options));
  withAdmin(client.command('disable <name>'))
    .description('end a client for good: its credentials and all its tokens')
    .action((name: string, options: AdminOptions) => disable(session, name, options));
}

async function add(session: Session, name: string, options: AddOptions): Promise<void> {
  const { asAdmin } = await import('../admin-api.js');
  const { keepNewCredential } = await import('../new-credential.js');
  const body: NewClientRequest = { client: name, grants: options.grant, ips: options.ip, verifier_of: options.verifierOf };
  await asAdmin(session, options, (api) =>
    keepNewCredential(session, options, api.endpoint, () =>
      api.call<WireNewCredential>('POST', '/v1/clients', { body }, newCredential),
    ),
  );
}

async function list(session: Session, options: AdminOptions): Promise<void> {
  const { asAdmin } = await import('../admin-api.js');
  const answer = await asAdmin(session, options, (api) =>
    api.call<{ readonly clients: readonly WireClient[] }>('GET', '/v1/clients', {}, ['clients']),
  );
  if (options.json) return session.printJson(answer);
  const rows = answer.clients.map((one) => [
    one.client,
    one.state,
    one.grants.map(({ audience }) => audience).join(','),
    one.verifier_of.join(','),
  ]);
  session.printTable(['CLIENT', 'STATE', 'GRANTS FOR', 'VERIFIER OF'], rows);
}

async function show(session: Session, name: string, options: AdminOptions): Promise<void> {
  const { asAdmin, segment } = await import('../admin-api.js');
  const one = await asAdmin(session, options, (api) =>
    api.call<WireClient>('GET', `/v1/clients/${segment(name)}`, {}, clientMembers),
  );
  printClient(session, one, options);
}

async function rotate(session: Session, name: string, options: OutOptions): Promise<void> {
  const { asAdmin, segment } = await import('../admin-api.js');
  const { keepNewCredential } = await import('../new-credential.js');
  await asAdmin(session, options, (api) =>
    keepNewCredential(session, options, api.endpoint, () =>
      api.call<WireNewCredential>('POST', `/v1/clients/${segment(name)}/credentials`, {}, newCredential),
    ),
  );
  session.note(
    `The old credential still works: "macaroond credential list ${name}", then "macaroond credential retire ${name} ID".`,
  );
}

async function disable(session: Session, name: string, options: AdminOptions): Promise<void> {
  const { asAdmin, segment } = await import('../admin-api.js');
  const one = await asAdmin(session, options, (api) =>
    api.call<WireClient>('POST', `/v1/clients/${segment(name)}/disable`, {}, clientMembers),
  );
  printClient(session, one, options);
}

function printClient(session: Session, one: WireClient, options: AdminOptions): void {
  if (options.json) {
    session.printJson(one);
    return;
  }
  session.printFields([
    ['client', one.client],
    ['state', one.state],
    ['auth methods', one.auth_methods.join(', ')],
    ['addresses', one.ips.length === 0 ? 'any' : one.ips.join(', ')],
    ['verifier of', one.verifier_of.length === 0 ? undefined : one.verifier_of.join(', ')],
    ...one.grants.map((grant): [string, string] => ['grant', grantText(grant)]),
    ['created', one.created_at],
  ]);
}

/** A grant on one line. */
export function grantText(grant: WireGrant): string {
  const conditions = grant.required_caveats.map((condition) => ` [${condition}]`).join('');
  return `${grant.audience}=${grant.actions.join(',')} up to ${grant.max_expires_in} s${conditions}`;
}
