/**
 * Where in the audit log the entries of a kind are. An index for each thing that can be asked for would cost every mint a place in one more B-tree,
 * another one for each client. So the log is taken in blocks of 4,096 entries, and it is noted once for each block which events, names, audiences and
 * hours there are in it; a list reads the blocks that have what is asked for. The notes are written with the entries, and checked with the chain.
 *
 * Tokens are noted by the time that their ids begin with, in steps of 16 ms and in blocks of 256 entries, so that whoever asks for ids that nobody has makes
 * the issuer read no more than a few hundred entries for each: the rest of an id is random, and an index of it was four of the ten pages that a commit writes. An
 * entry that names a token of another time than its own, as that of a revocation does, is noted by the whole id: else one step could be noted in as many
 * blocks as somebody likes.
 */
import { and, asc, between, eq, gte, inArray, lte, type SQL, sql } from 'drizzle-orm';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core';
import type { AuditFilter } from '../domain/records.js';
import type { AuditRow } from './audit-chain.js';
import { audit, auditBlocks } from './sqlite-schema.js';

/** Entries of a block. Powers of two: the migrations that made the notes of older entries shift by them. */
const blockEntries = 4096;
const tokenBlockEntries = 256;
const hourMs = 3_600_000;
/** A time that takes the first 12 characters of a UUIDv7, `01a200a8-4ff`. */
const stepMs = 16;
const stepLength = 12;

export type BlockNote = typeof auditBlocks.$inferSelect;

/** What an entry is noted by. `name` is whoever acts and whomever it is about. */
type NotedEntry = Pick<AuditRow, 'seq' | 'event' | 'actor' | 'client' | 'audience' | 'tokenId' | 'atMs'>;

/** Notes of the present block, so that each is written once. What is in here may not be committed yet: forget it with a rollback. */
export class BlockNotes {
  #block = -1;
  #hour = -1;
  #step = -1;
  #stepText = '';
  #tokenBlock = -1;
  readonly #events = new Set<string>();
  readonly #names = new Set<string>();
  readonly #audiences = new Set<string>();

  /** Tells `add` what `entry` is the first of in its block, as far as is known. */
  note(entry: NotedEntry, add: (note: BlockNote) => void): void {
    const block = blockOf(entry.seq);
    if (block !== this.#block) this.forget();
    this.#block = block;
    const { event, actor, client, audience, tokenId } = entry;
    const first = (kind: BlockNote['kind'], known: Set<string>, value: string | null) => {
      if (value === null || known.has(value)) return;
      known.add(value);
      add({ kind, value, block });
    };
    first('event', this.#events, event);
    first('name', this.#names, actor);
    if (client !== actor) first('name', this.#names, client);
    first('audience', this.#audiences, audience);
    if (tokenId !== null) this.#noteToken(tokenId, entry, add);
    const hour = Math.floor(entry.atMs / hourMs);
    if (hour === this.#hour) return;
    this.#hour = hour;
    add({ kind: 'hour', value: hourOf(entry.atMs), block });
  }

  #noteToken(tokenId: string, { atMs, seq }: NotedEntry, add: (note: BlockNote) => void): void {
    const step = Math.floor(atMs / stepMs);
    if (step !== this.#step) {
      this.#step = step;
      this.#stepText = stepText(step);
      this.#tokenBlock = -1;
    }
    const block = Math.floor(seq / tokenBlockEntries);
    if (!tokenId.startsWith(this.#stepText)) {
      add({ kind: 'token', value: tokenId, block });
    } else if (block !== this.#tokenBlock) {
      this.#tokenBlock = block;
      add({ kind: 'token', value: this.#stepText, block });
    }
  }

  forget(): void {
    this.#block = -1;
    this.#hour = -1;
    this.#tokenBlock = -1;
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

/** What ids of that step begin with: texts of this form are in the order of their times. */
function stepText(step: number): string {
  const digits = step.toString(16).padStart(stepLength - 1, '0');
  return `${digits.slice(0, -3)}-${digits.slice(-3)}`;
}

/** The values of the notes that an entry with this token id may have. */
export function noteValues(tokenId: string): { readonly id: string; readonly step: string } {
  return { id: tokenId, step: tokenId.slice(0, stepLength) };
}

/** Places in the log, first and last. */
export interface SeqRange {
  readonly first: number;
  readonly last: number;
}

/** One after another the ranges that may hold entries of `filter`; everything, where it asks for nothing that is noted. */
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
  // Of a token there are few entries, whatever else is asked for.
  if (tokenId !== undefined) return yield* rangesOfToken(db, tokenId, after);
  if (asked.length === 0 && !hasTime) return yield { first: after + 1, last: Number.MAX_SAFE_INTEGER };
  const span = blocksOfTime(db, sinceMs, untilMs);
  for (let block = Math.max(blockOf(after + 1), span.first); ; block++) {
    block = nextBlock(db, asked, block) ?? Number.POSITIVE_INFINITY;
    if (block > span.last) return;
    yield { first: Math.max(after + 1, block * blockEntries), last: (block + 1) * blockEntries - 1 };
  }
}

/** The first `limit` entries of `filter` in `range`. */
export function entriesIn(db: BetterSQLite3Database, range: SeqRange, filter: AuditFilter, limit: number): readonly AuditRow[] {
  const whenGiven = (column: SQLiteColumn, wanted: string | undefined) => (wanted === undefined ? undefined : eq(column, wanted));
  const isAsked = and(
    between(audit.seq, range.first, range.last),
    whenGiven(audit.client, filter.client),
    whenGiven(audit.event, filter.event),
    whenGiven(audit.actor, filter.actor),
    whenGiven(audit.audience, filter.audience),
    whenGiven(audit.tokenId, filter.tokenId),
    filter.sinceMs === undefined ? undefined : gte(audit.atMs, filter.sinceMs),
    filter.untilMs === undefined ? undefined : lte(audit.atMs, filter.untilMs),
  );
  return db.select().from(audit).where(isAsked).orderBy(asc(audit.seq)).limit(limit).all();
}

function* rangesOfToken(db: BetterSQLite3Database, tokenId: string, after: number): Generator<SeqRange> {
  const { kind, value, block } = auditBlocks;
  const { id, step } = noteValues(tokenId);
  const isNoted = and(eq(kind, 'token'), inArray(value, [id, step]));
  for (const found of db.selectDistinct({ block }).from(auditBlocks).where(isNoted).orderBy(block).all()) {
    const first = found.block * tokenBlockEntries;
    yield { first: Math.max(after + 1, first), last: first + tokenBlockEntries - 1 };
  }
}

/** Whether an entry is in the block of a token's note that it is joined with. */
export function isInTokenBlock(): SQL {
  const first = sql`${auditBlocks.block} * ${sql.raw(String(tokenBlockEntries))}`;
  return sql`${audit.seq} between ${first} and ${first} + ${sql.raw(String(tokenBlockEntries - 1))}`;
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
