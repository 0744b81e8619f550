/** Entries of the audit log, over as many pages as that takes. The API goes from old to new alone, so the newest ones are searched for. */
import type { WireAuditEntry } from '../protocol/wire.js';

export interface AuditPage {
  readonly entries: readonly WireAuditEntry[];
  readonly cursor: number;
  readonly more: boolean;
}

/** Asks for at most `limit` entries after the entry `after`. */
export type ReadAuditPage = (after: number, limit: number) => Promise<AuditPage>;

/** Entries of one page at most, as the API has it. */
const maxPageEntries = 1000;

/** At most `wanted` entries after the entry `after`, oldest first; all of them when absent. */
export async function readAudit(read: ReadAuditPage, after: number, wanted = Number.POSITIVE_INFINITY): Promise<AuditPage> {
  let page: AuditPage = { entries: [], cursor: after, more: true };
  while (page.more && page.entries.length < wanted) {
    const limit = Math.min(wanted - page.entries.length, maxPageEntries);
    const next = await read(page.cursor, limit);
    page = { ...next, entries: [...page.entries, ...next.entries] };
  }
  return page;
}

/**
 * The newest `wanted` entries, oldest first. Looks for the place in the log that so many come after: by doubling until fewer do, then by halving, so
 * that a long log costs some dozens of requests for each thousand that are wanted.
 */
export async function readNewestAudit(read: ReadAuditPage, wanted: number): Promise<AuditPage> {
  let page = await readAudit(read, 0, wanted);
  if (!page.more) return page;
  /** More entries than wanted come after this one. */
  let before = 0;
  /** At most so many come after this one. */
  let behind = page.cursor;
  for (;;) {
    page = await readAudit(read, behind, wanted);
    if (!page.more) break;
    before = behind;
    behind = page.cursor * 2;
  }
  while (page.entries.length < wanted && behind - before > 1) {
    const middle = Math.floor((before + behind) / 2);
    const tried = await readAudit(read, middle, wanted);
    if (tried.more) before = middle;
    else {
      behind = middle;
      page = tried;
    }
  }
  if (page.entries.length === wanted) return page;
  // The log grew meanwhile.
  const rest = await readAudit(read, before);
  return { ...rest, entries: rest.entries.slice(-wanted) };
}
