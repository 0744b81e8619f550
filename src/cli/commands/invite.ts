/** `macaroond invite`: what an administrator hands over in person so that somebody can make an account. */
import type { Command } from 'commander';
import type { NewInvitationRequest, WireNewInvitation } from '../../protocol/wire.js';
import type { IssuerEndpoint } from '../../transport/issuer-endpoint.js';
import { pathOf } from '../environment.js';
import { type AdminOptions, readInteger, readSeconds, withAdmin } from '../options.js';
import { type Session, usageError } from '../session.js';

interface InviteOptions extends AdminOptions {
  readonly group?: true;
  readonly uses?: number;
  readonly expires?: number;
  readonly out?: string;
}

const maxUses = 1_000;
const members = ['invitation', 'shared_key', 'uses_left', 'expires_at'] as const;

export function register(program: Command, session: Session): void {
  withAdmin(program.command('invite [name]'))
    .description('make a shared key, to be handed over in person, by which somebody enrols: as NAME once, or as a group')
    .option('--group', 'for any free name, a number of times')
    .option('--uses <n>', 'how many may enrol by it', readInteger(maxUses, 1))
    .option('--expires <duration>', 'at most 30d; a day when absent, an hour for a group', readSeconds)
    .option('--out <file>', 'write an invitation file (mode 0600)')
    .action((name: string | undefined, options: InviteOptions) => invite(session, name, options));
}

async function invite(session: Session, name: string | undefined, options: InviteOptions): Promise<void> {
  const { group, uses, expires } = options;
  if ((name === undefined) === (group === undefined)) throw usageError('give either a name or --group');
  if ((group === undefined) !== (uses === undefined)) throw usageError('--group and --uses go together');
  const body: NewInvitationRequest = { name, uses, expires_in: expires };
  const { asAdmin } = await import('../admin-api.js');
  await asAdmin(session, options, async (api) => {
    const request = () => api.call<WireNewInvitation>('POST', '/v1/invitations', { body }, members);
    if (options.out === undefined) return printInvitation(session, options, await request());
    const path = pathOf(session.io, options.out);
    const made = await requestInto(path, api.endpoint, request);
    if (options.json) session.printJson(made);
    else session.print(`invitation ${made.invitation} until ${made.expires_at}: ${path}`);
  });
}

/** The file comes first, so that no invitation is made that cannot be kept. */
async function requestInto(
  path: string,
  endpoint: IssuerEndpoint,
  request: () => Promise<WireNewInvitation>,
): Promise<WireNewInvitation> {
  const { reserveInvitationFile } = await import('../../transport/invitation-file.js');
  const { readCaFile } = await import('../../transport/issuer-endpoint.js');
  const file = await reserveInvitationFile(path);
  try {
    const { issuer, pinSha256, caFile } = endpoint;
    const ca = caFile === undefined ? endpoint.ca : await readCaFile(caFile);
    const made = await request();
    const { invitation, shared_key: sharedKey, name } = made;
    await file.write({ issuer, ca, pinSha256, invitation, sharedKey, name });
    return made;
  } catch (error) {
    await file.discard();
    throw error;
  }
}

function printInvitation(session: Session, { json }: InviteOptions, made: WireNewInvitation): void {
  const message = `the shared key of invitation ${made.invitation} was not written, and is not shown again`;
  session.lostOutput = { message, hint: `"macaroond invitation revoke ${made.invitation}" ends it` };
  if (json) session.printJson(made);
  else {
    session.printFields([
      ['invitation', made.invitation],
      ['name', made.name],
      ['uses', String(made.uses_left)],
      ['expires', made.expires_at],
      ['shared_key', made.shared_key],
    ]);
  }
  session.note('Keep the shared key now: it is not shown again. --out FILE writes an invitation file instead.');
}
