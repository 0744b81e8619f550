/**
 * What the works of one group have changed and not committed yet, as far as that need not be asked of the database: the end of the audit log,
 * and the issue times of clients, which every mint moves and which are written once, right before the commit.
 */
import type { ClientRecord } from '../domain/records.js';
import type { AuditHead } from './audit-chain.js';

interface ChangedClient {
  readonly client: ClientRecord;
  readonly isWritten: boolean;
}

export class GroupChanges {
  readonly #clients = new Map<string, ChangedClient>();
  /** Takes the latest changes back, last first. */
  readonly #undo: (() => void)[] = [];
  #auditHead: AuditHead | undefined;
  #hasOthers = false;
  #hasErased = false;

  /** `auditHead` as committed; `undefined` when the database must be asked. */
  constructor(auditHead: AuditHead | undefined) {
    this.#auditHead = auditHead;
  }

  get auditHead(): AuditHead | undefined {
    return this.#auditHead;
  }

  /** Whether anything was written beside tokens, audit entries and issue times. Stays, also when that work failed. */
  get hasOthers(): boolean {
    return this.#hasOthers;
  }

  /** Whether an encrypted secret was erased, whose old page then still lies in the WAL. */
  get hasErased(): boolean {
    return this.#hasErased;
  }

  /** The client as the group has it; `undefined` where it did not change it. */
  client(name: string): ClientRecord | undefined {
    return this.#clients.get(name)?.client;
  }

  /** Every client that the group changed. */
  clients(): readonly ClientRecord[] {
    return [...this.#clients.values()].map(({ client }) => client);
  }

  /** Clients whose issue times are still to be written. */
  unwrittenClients(): readonly ClientRecord[] {
    return [...this.#clients.values()].filter(({ isWritten }) => !isWritten).map(({ client }) => client);
  }

  noteAudit(head: AuditHead): void {
    const before = this.#auditHead;
    this.#undo.push(() => {
      this.#auditHead = before;
    });
    this.#auditHead = head;
  }

  noteClient(client: ClientRecord, isWritten: boolean): void {
    const { name } = client;
    const before = this.#clients.get(name);
    this.#undo.push(() => {
      if (before === undefined) this.#clients.delete(name);
      else this.#clients.set(name, before);
    });
    this.#clients.set(name, { client, isWritten });
  }

  noteOther(): void {
    this.#hasOthers = true;
  }

  noteErased(): void {
    this.#hasErased = true;
  }

  /** Where the changes are now, for `undoTo`. */
  mark(): number {
    return this.#undo.length;
  }

  /** Forgets what a work changed that was rolled back. */
  undoTo(mark: number): void {
    while (this.#undo.length > mark) this.#undo.pop()?.();
  }
}
