/**
 * Where in the audit log the entries of a kind are. An index for each thing that can be asked for would cost every mint a place in one more B-tree,
 * another one for each client. So the log is taken in blocks of 4,096 entries, and it is noted once for each block which events, names, audiences and
 * hours there are in it; a list reads the blocks that have what is asked for. The notes are written with the entries, and checked with the chain.
 */
import { and, eq, gte, lte, type SQL, sql } from 'drizzle-orm';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import type { AuditFilter } from '../domain/records.js';
import type { AuditRow } from './audit-chain.js';
import { auditBlocks } from './sqlite-schema.js';

/** Entries of a block. A power of two: the migration that made the table shifts by it. */
const blockEntries = 4096;
const hourMs = 3_600_000;

export type BlockNote = typeof auditBlocks.$inferSelect;

/** What an entry is noted by. `name` is whoever acts and whomever it is about. */
type NotedEntry = Pick<AuditRow, 'seq' | 'event' | 'actor' | 'client' | 'audience' | 'atMs'>;

/** Notes of the present block, so that each is written once. What is in here may not be committed yet: forget it with a rollback. */
export class BlockNotes {
  #block = -1;
  #hour = -1;
  readonly #events = new Set<string>();
  readonly #names = new Set<string>();
  readonly #audiences = new Set<string>();

  /** Tells `add` what `entry` is the first of in its block, as far as is known. */
  note(entry: NotedEntry, add: (note: BlockNote) => void): void {
    const block = blockOf(entry.seq);
    if (block !== this.#block) this.forget();
    this.#block = block;
    const { event, actor, client, audience } = entry;
    const first = (kind: BlockNote['kind'], known: Set<string>, value: string | null) => {
      if (value === null || known.has(value)) return;
      known.add(value);
      add({ kind, value, block });
    };
    first('event', this.#events, event);
    first('name', this.#names, actor);
    if (client !== actor) first('name', this.#names, client);
    first('audience', this.#audiences, audience);
    const hour = Math.floor(entry.atMs / hourMs);
    if (hour === this.#hour) return;
    this.#hour = hour;
    add({ kind: 'hour', value: hourOf(entry.atMs), block });
  }

  forget(): void {
    this.#block = -1;
    this.#hour = -1;
    for (const known of [this.#events, this.#names, this.#audiences]) known.clear();
  }
}

/** Tells of entries that are asked for in order whether the database has all their notes. */
export function noteChecker(db: BetterSQLite3Database): (entry: NotedEntry) => boolean {
  const notes = new BlockNotes();
  const { kind, value, block } = auditBlocks;
  const isNote = (note: BlockNote) => and(eq(kind, note.kind), eq(value, note.value), eq(block, note.block));
  return (entry) => {
    let areThere = true;
    notes.note(entry, (note) => {
      areThere &&= db.select({ block }).from(auditBlocks).where(isNote(note)).get() !== undefined;
    });
    return areThere;
  };
}

function blockOf(seq: number): number {
  return Math.floor(seq / blockEntries);
}

/** `2026-11-22T06`: texts of this form are in the order of their times. */
function hourOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 13);
}

/** Places in the log, first and last. */
export interface SeqRange {
  readonly first: number;
  readonly last: number;
}

/** One after another the ranges that may hold entries of `filter`; everything, where it asks for nothing that is noted or for a token, which has an index. */
export function* rangesOf(db: BetterSQLite3Database, filter: AuditFilter): Generator<SeqRange> {
  const { event, client, actor, audience, tokenId, sinceMs, untilMs, after = 0 } = filter;
  const terms = [
    { kind: 'event', value: event },
    { kind: 'name', value: client },
    { kind: 'name', value: actor },
    { kind: 'audience', value: audience },
  ] as const;
  const asked = terms.filter((term) => term.value !== undefined);
  const hasTime = sinceMs !== undefined || untilMs !== undefined;
  if (tokenId !== undefined || (asked.length === 0 && !hasTime)) return yield { first: after + 1, last: Number.MAX_SAFE_INTEGER };
  const span = blocksOfTime(db, sinceMs, untilMs);
  for (let block = Math.max(blockOf(after + 1), span.first); ; block++) {
    block = nextBlock(db, asked, block) ?? Number.POSITIVE_INFINITY;
    if (block > span.last) return;
    yield { first: Math.max(after + 1, block * blockEntries), last: (block + 1) * blockEntries - 1 };
  }
}

/** First and last block with entries of that time. Clocks are set back, so it is looked for in all of its hours. */
function blocksOfTime(db: BetterSQLite3Database, sinceMs: number | undefined, untilMs: number | undefined): SeqRange {
  const isInTime = and(
    eq(auditBlocks.kind, 'hour'),
    sinceMs === undefined ? undefined : gte(auditBlocks.value, hourOf(sinceMs)),
    untilMs === undefined ? undefined : lte(auditBlocks.value, hourOf(untilMs)),
  );
  const range = { first: sql<number | null>`min(${auditBlocks.block})`, last: sql<number | null>`max(${auditBlocks.block})` };
  const found = db.select(range).from(auditBlocks).where(isInTime).get();
  return { first: found?.first ?? 0, last: found?.last ?? -1 };
}

/** The first block from `from` on that has all of `asked`. */
function nextBlock(
  db: BetterSQLite3Database,
  [first, ...others]: readonly { readonly kind: BlockNote['kind']; readonly value: string | undefined }[],
  from: number,
): number | undefined {
  if (first === undefined) return from;
  const conditions = others.map(
    ({ kind, value }): SQL =>
      sql`exists (select 1 from audit_blocks other where other.kind = ${kind} and other.value = ${value} and other.block = ${auditBlocks.block})`,
  );
  const isFirst = and(eq(auditBlocks.kind, first.kind), eq(auditBlocks.value, first.value ?? ''), gte(auditBlocks.block, from));
  const query = db
    .select({ block: auditBlocks.block })
    .from(auditBlocks)
    .where(and(isFirst, ...conditions));
  return query.orderBy(auditBlocks.block).limit(1).get()?.block;
}
