/** `macaroond audit`: the log of what the issuer did, and the proof that nobody changed it. */
import type { Command } from 'commander';
import type { WireAuditEntry } from '../../protocol/wire.js';
import type { AuditPage } from '../audit-pages.js';
import { type AdminOptions, readInteger, readTime, withAdmin, withDataDirectory } from '../options.js';
import { exitCodes, type Session } from '../session.js';

interface ListOptions extends AdminOptions {
  readonly client?: string;
  readonly event?: string;
  readonly actor?: string;
  readonly audience?: string;
  readonly tokenId?: string;
  readonly since?: string;
  readonly until?: string;
  readonly after?: number;
  readonly limit?: number;
}

interface VerifyOptions extends AdminOptions {
  readonly head?: string;
}

export function register(program: Command, session: Session): void {
  const audit = program.command('audit').description('the log of what the issuer did');
  withAdmin(audit.command('list'))
    .description('entries of the log, oldest first')
    .option('--client <name>', 'about this client')
    .option('--event <event>', 'of this kind')
    .option('--actor <name>', 'done by this client')
    .option('--audience <audience>', 'about this audience')
    .option('--token-id <id>', 'about this token')
    .option('--since <time>', 'from this UTC time on', readTime)
    .option('--until <time>', 'before this UTC time', readTime)
    .option('--after <seq>', 'after this entry', readInteger(Number.MAX_SAFE_INTEGER))
    .option(
      '--limit <number>',
      'at most so many entries: the newest, or the first after --after or --since',
      readInteger(Number.MAX_SAFE_INTEGER, 1),
    )
    .action((options: ListOptions) => list(session, options));
  withDataDirectory(audit.command('verify'), 'that holds it')
    .description('check the chain of the log in the data directory; exit code 1 when it is broken')
    .option('--head <head>', 'seq:mac of an entry noted earlier, which the log must still hold')
    .action((options: VerifyOptions) => verify(session, options));
}

async function list(session: Session, options: ListOptions): Promise<void> {
  const { asAdmin } = await import('../admin-api.js');
  const { readAudit, readNewestAudit } = await import('../audit-pages.js');
  const { after, since, limit: wanted } = options;
  const page = await asAdmin(session, options, (api) => {
    const read = (from: number, limit: number) =>
      api.call<AuditPage>('GET', '/v1/audit', { query: queryOf(options, from, limit) }, ['entries', 'cursor', 'more']);
    const isNewest = wanted !== undefined && after === undefined && since === undefined;
    return isNewest ? readNewestAudit(read, wanted) : readAudit(read, after ?? 0, wanted);
  });
  if (options.json) {
    session.printJson(page);
    return;
  }
  for (const entry of page.entries) session.print(entryText(entry));
  if (page.entries.length === 0) session.note('macaroond: note: the log has no such entry');
}

function queryOf(options: ListOptions, after: number, limit: number): Record<string, string | number | undefined> {
  const { client, event, actor, audience, tokenId, since, until } = options;
  return { client, event, actor, audience, token_id: tokenId, since, until, after, limit };
}

function entryText(entry: WireAuditEntry): string {
  const about: readonly (readonly [string, string | undefined])[] = [
    ['client', entry.client],
    ['audience', entry.audience],
    ['token', entry.token_id],
    ['from', entry.address],
  ];
  const told = about.filter(([, value]) => value !== undefined).map(([name, value]) => `${name}=${value}`);
  const details = Object.keys(entry.details).length === 0 ? [] : [JSON.stringify(entry.details)];
  return [entry.seq, entry.at, entry.event, `by ${entry.actor}`, ...told, ...details].join('  ');
}

async function verify(session: Session, options: VerifyOptions): Promise<void> {
  const { ownDataDirectory } = await import('../environment.js');
  const server = await session.io.loadServerSide();
  const verdict = await server.verifyAudit(ownDataDirectory(session.io, options.data), session.io.env, { head: options.head });
  if (options.json) {
    const { ok, entries, head, brokenAt, reason } = verdict;
    session.printJson({ ok, entries, head, broken_at: brokenAt, reason });
  } else if (verdict.ok) {
    session.print(`the log holds: ${verdict.entries} entries, head ${verdict.head}`);
  } else {
    session.print(
      `the log is BROKEN${verdict.brokenAt === undefined ? '' : ` at entry ${verdict.brokenAt}`}: ${verdict.reason ?? ''}`,
    );
  }
  if (!verdict.ok) session.exitCode = exitCodes.failure;
}
