/** `macaroond revoke`: end tokens before they expire. */
import type { Command } from 'commander';
import { parseRfc3339 } from '../../caveats/rfc3339.js';
import type { RevokeRequest, WireRevocation } from '../../protocol/wire.js';
import { type AdminOptions, readInteger, readTime, withAdmin } from '../options.js';
import type { Session } from '../session.js';

interface RevokeOptions extends AdminOptions {
  readonly reason?: string;
}

interface OwnOptions extends RevokeOptions {
  readonly credential?: string;
}

interface ClientOptions extends OwnOptions {
  readonly before?: string;
}

interface AudienceOptions extends RevokeOptions {
  readonly generation: number;
}

const largestGeneration = 2 ** 32 - 1;

export function register(program: Command, session: Session): void {
  const revoke = program.command('revoke').description('end tokens before they expire');
  const own = (command: Command): Command =>
    withReason(command).option(
      '--credential <file>',
      'revoke as the client of this credential file, which may end its own tokens',
    );
  own(revoke.command('token <id>'))
    .description('one token, by the token id that mint and inspect show; what was made from it ends with it')
    .action((id: string, options: OwnOptions) => send(session, { kind: 'token', token_id: id }, options, options.credential));
  own(revoke.command('client <name>'))
    .description('all tokens of a client that were issued so far')
    .option(
      '--before <time>',
      'the tokens issued at this UTC time or before; now when absent. The issuer raises it to the issue time of the newest token, so a time in the past ends everything issued so far too',
      readTime,
    )
    .action((client: string, options: ClientOptions) =>
      send(session, { kind: 'client', client, before: options.before }, options, options.credential),
    );
  withReason(revoke.command('root-key <id>'))
    .description('all tokens of a root key')
    .action((id: string, options: RevokeOptions) => send(session, { kind: 'root_key', root_key_id: id }, options));
  withReason(revoke.command('audience <name>'))
    .description('all tokens of a key generation of an audience')
    .requiredOption('--generation <number>', 'the key generation', readInteger(largestGeneration))
    .action((audience: string, options: AudienceOptions) =>
      send(session, { kind: 'audience_key', audience, generation: options.generation }, options),
    );
}

function withReason(command: Command): Command {
  return withAdmin(command).option('--reason <text>', 'why, for the audit log');
}

async function send(session: Session, target: RevokeRequest, options: RevokeOptions, credentialFile?: string): Promise<void> {
  const { asAdmin, asClient } = await import('../admin-api.js');
  const { findCredential } = await import('../environment.js');
  const body: RevokeRequest = { ...target, reason: options.reason };
  const members = ['kind', 'seq', 'revoked_at'] as const;
  const made =
    credentialFile === undefined
      ? await asAdmin(session, options, (api) => api.call<WireRevocation>('POST', '/v1/revocations', { body }, members))
      : await asClient(await findCredential(session.io, credentialFile), (call) =>
          call<WireRevocation>('POST', '/v1/revocations', { body }, members),
        );
  if (options.json) session.printJson(made);
  else session.print(`revoked ${describe(made)} at ${made.revoked_at}`);
  if (target.kind === 'client' && made.kind === 'client') noteOfRaisedTime(session, target.before, made.before);
}

/** Says that more is revoked than was asked for. */
function noteOfRaisedTime(session: Session, asked: string | undefined, answered: string): void {
  const askedMs = asked === undefined ? undefined : parseRfc3339(asked);
  const answeredMs = parseRfc3339(answered);
  if (askedMs === undefined || answeredMs === undefined || answeredMs <= askedMs) return;
  session.note(
    `macaroond: note: what was issued until ${answered} is revoked, not only until ${asked}: the issuer leaves no older token alive`,
  );
}

function describe(made: WireRevocation): string {
  switch (made.kind) {
    case 'token':
      return `token ${made.token_id}`;
    case 'client':
      return `tokens of ${made.client} issued until ${made.before}`;
    case 'root_key':
      return `tokens of root key ${made.root_key_id}`;
    case 'audience_key':
      return `tokens of audience ${made.audience}, generation ${made.generation}`;
  }
}
