/**
 * Rows of the audit log that a group of works has added and that are not in the database yet: they are inserted together, right before the commit
 * or when somebody asks for one, as each run of a statement costs half of what it does. With them go the notes of audit-blocks.ts, which follow
 * from them.
 */
import { type BlockNote, BlockNotes } from './audit-blocks.js';
import type { AuditRow } from './audit-chain.js';
import type { WriteStatements } from './sqlite-queries.js';

/** More rows than that are not kept waiting. */
const maxRows = 128;

export class AppendedRows {
  readonly #writes: WriteStatements;
  readonly #notes = new BlockNotes();
  #entries: AuditRow[] = [];
  #newNotes: BlockNote[] = [];

  constructor(writes: WriteStatements) {
    this.#writes = writes;
  }

  /** `row` with its MAC. */
  addEntry(row: AuditRow): void {
    this.#entries.push(row);
    this.#notes.note(row, (note) => this.#newNotes.push(note));
    if (this.#entries.length >= maxRows) this.flush();
  }

  /** Inserts what waits. */
  flush(): void {
    const { insertAudit, noteBlocks } = this.#writes;
    if (this.#entries.length > 0) insertAudit(this.#entries);
    if (this.#newNotes.length > 0) noteBlocks(this.#newNotes);
    this.#entries = [];
    this.#newNotes = [];
  }

  /** Call after a rollback, and when another process has written. */
  forget(): void {
    this.#entries = [];
    this.#newNotes = [];
    this.#notes.forget();
  }
}
