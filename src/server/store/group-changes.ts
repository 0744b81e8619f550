/**
 * What the works of one group have changed and not committed yet, as far as that need not be asked of the database: the end of the audit log,
 * and the issue times of clients, which mints move (once a minute each) and which are written once, right before the commit.
 */
import type { ClientRecord } from '../domain/records.js';
import type { AuditHead } from './audit-chain.js';

interface ChangedClient {
  readonly client: ClientRecord;
  readonly isWritten: boolean;
}

export class GroupChanges {
  readonly #clients = new Map<string, ChangedClient>();
  #auditHead: AuditHead | undefined;
  #hasOthers = false;
  #hasErased = false;
  #writesBegun = 0;

  /** `auditHead` as committed; `undefined` when the database must be asked. */
  constructor(auditHead: AuditHead | undefined) {
    this.#auditHead = auditHead;
  }

  get auditHead(): AuditHead | undefined {
    return this.#auditHead;
  }

  /** How many writes were begun, whatever came of them. */
  get writesBegun(): number {
    return this.#writesBegun;
  }

  /** Whether anything was written beside audit entries and issue times. */
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

  /** Call before each write. */
  beginWrite(): void {
    this.#writesBegun++;
  }

  noteAudit(head: AuditHead): void {
    this.#auditHead = head;
  }

  noteClient(client: ClientRecord, isWritten: boolean): void {
    this.#clients.set(client.name, { client, isWritten });
  }

  /** Call before each write of anything else. */
  beginOther(): void {
    this.beginWrite();
    this.#hasOthers = true;
  }

  noteErased(): void {
    this.#hasErased = true;
  }
}
