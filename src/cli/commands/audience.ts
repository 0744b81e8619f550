/** `macaroond audience`: services that tokens are for. */
import type { Command } from 'commander';
import type { WireAudience } from '../../protocol/wire.js';
import { type AdminOptions, withAdmin } from '../options.js';
import type { Session } from '../session.js';

interface RotateOptions extends AdminOptions {
  readonly keepPrevious?: true;
}

const members = ['audience', 'generation', 'created_at'] as const;

export function register(program: Command, session: Session): void {
  const audience = program.command('audience').description('services that tokens are for');
  withAdmin(audience.command('add <name>'))
    .description('create an audience')
    .action((name: string, options: AdminOptions) => add(session, name, options));
  withAdmin(audience.command('list'))
    .description('all audiences')
    .action((options: AdminOptions) => list(session, options));
  withAdmin(audience.command('rotate <name>'))
    .description('give new tokens a new key generation and revoke the tokens of the one before')
    .option('--keep-previous', 'let tokens of the generation before live on until they expire')
    .action((name: string, options: RotateOptions) => rotate(session, name, options));
}

async function add(session: Session, name: string, options: AdminOptions): Promise<void> {
  const { asAdmin } = await import('../admin-api.js');
  const one = await asAdmin(session, options, (api) =>
    api.call<WireAudience>('POST', '/v1/audiences', { body: { audience: name } }, members),
  );
  printAudience(session, one, options);
}

async function list(session: Session, options: AdminOptions): Promise<void> {
  const { asAdmin } = await import('../admin-api.js');
  const answer = await asAdmin(session, options, (api) =>
    api.call<{ readonly audiences: readonly WireAudience[] }>('GET', '/v1/audiences', {}, ['audiences']),
  );
  if (options.json) return session.printJson(answer);
  const rows = answer.audiences.map((one) => [one.audience, String(one.generation), one.created_at]);
  session.printTable(['AUDIENCE', 'GENERATION', 'CREATED'], rows);
}

async function rotate(session: Session, name: string, options: RotateOptions): Promise<void> {
  const { asAdmin, segment } = await import('../admin-api.js');
  const body = options.keepPrevious ? { keep_previous: true } : {};
  const one = await asAdmin(session, options, (api) =>
    api.call<WireAudience>('POST', `/v1/audiences/${segment(name)}/rotate`, { body }, members),
  );
  printAudience(session, one, options);
}

function printAudience(session: Session, one: WireAudience, options: AdminOptions): void {
  if (options.json) session.printJson(one);
  else session.print(`audience ${one.audience}: key generation ${one.generation}`);
}
