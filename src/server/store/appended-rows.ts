/**
 * Rows of tokens and of the audit log that a group of works has added and that are not in the database yet: they are inserted together, right before
 * the commit or when somebody asks for one, as each run of a statement costs half of what it does. With them goes what follows from them alone: the
 * notes of audit-blocks.ts, and the time that no token outlives.
 */
import { BlockNotes } from './audit-blocks.js';
import type { AuditRow } from './audit-chain.js';
import type { PlainRow } from './row-mac.js';
import type { WriteStatements } from './sqlite-queries.js';

/** More rows than that are not kept waiting. */
const maxRows = 128;
/** The time that no token outlives is moved in steps, so that it need not be written for each. */
const expiryStepMs = 3_600_000;

export class AppendedRows {
  readonly #writes: WriteStatements;
  readonly #notes = new BlockNotes();
  #tokens: PlainRow[] = [];
  #entries: PlainRow[] = [];
  #newNotes: PlainRow[] = [];
  #latestExpiryMs: number | undefined;

  constructor(writes: WriteStatements) {
    this.#writes = writes;
  }

  /** `row` with its MAC; `latestExpiryMs` asks the database. */
  addToken(row: PlainRow, expiresAtMs: number, latestExpiryMs: () => number): void {
    this.#tokens.push(row);
    this.#latestExpiryMs ??= latestExpiryMs();
    if (expiresAtMs > this.#latestExpiryMs) {
      this.#latestExpiryMs = Math.ceil(expiresAtMs / expiryStepMs) * expiryStepMs;
      this.#writes.updateSetting({ name: 'latest_expiry_ms', value: String(this.#latestExpiryMs) });
    }
    if (this.#tokens.length >= maxRows) this.flush();
  }

  addEntry(row: AuditRow): void {
    this.#entries.push(row);
    this.#notes.note(row, (note) => this.#newNotes.push(note));
    if (this.#entries.length >= maxRows) this.flush();
  }

  /** Inserts what waits. */
  flush(): void {
    const { insertTokens, insertAudit, noteBlocks } = this.#writes;
    if (this.#tokens.length > 0) insertTokens(this.#tokens);
    if (this.#entries.length > 0) insertAudit(this.#entries);
    if (this.#newNotes.length > 0) noteBlocks(this.#newNotes);
    this.#tokens = [];
    this.#entries = [];
    this.#newNotes = [];
  }

  /** Call after a rollback, and when another process has written. */
  forget(): void {
    this.#tokens = [];
    this.#entries = [];
    this.#newNotes = [];
    this.#notes.forget();
    this.#latestExpiryMs = undefined;
  }
}
