/** `macaroond invitation`: who is invited, and taking that back. */
import type { Command } from 'commander';
import type { WireInvitation } from '../../protocol/wire.js';
import { type AdminOptions, withAdmin } from '../options.js';
import type { Session } from '../session.js';

export function register(program: Command, session: Session): void {
  const invitation = program.command('invitation').description('who is invited to enrol; "macaroond invite" makes invitations');
  withAdmin(invitation.command('list'))
    .description('all invitations, without their keys')
    .action((options: AdminOptions) => list(session, options));
  withAdmin(invitation.command('revoke <id>'))
    .description('end an invitation; who enrolled by it stays a client')
    .action((id: string, options: AdminOptions) => revoke(session, id, options));
}

async function list(session: Session, options: AdminOptions): Promise<void> {
  const { asAdmin } = await import('../admin-api.js');
  const answer = await asAdmin(session, options, (api) =>
    api.call<{ readonly invitations: readonly WireInvitation[] }>('GET', '/v1/invitations', {}, ['invitations']),
  );
  if (options.json) return session.printJson(answer);
  const rows = answer.invitations.map((one) => [
    one.invitation,
    one.name ?? '(group)',
    String(one.uses_left),
    one.state,
    one.created_at,
    one.expires_at,
  ]);
  session.printTable(['INVITATION', 'NAME', 'USES LEFT', 'STATE', 'CREATED', 'EXPIRES'], rows);
}

async function revoke(session: Session, id: string, options: AdminOptions): Promise<void> {
  const { asAdmin, segment } = await import('../admin-api.js');
  const one = await asAdmin(session, options, (api) =>
    api.call<WireInvitation>('POST', `/v1/invitations/${segment(id)}/revoke`, {}, ['invitation', 'state']),
  );
  if (options.json) session.printJson(one);
  else session.print(`invitation ${one.invitation}: ${one.state}`);
}
