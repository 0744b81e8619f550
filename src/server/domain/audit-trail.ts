/** How use cases write the audit log, and how entries look on the wire. */
import { formatRfc3339 } from '../../caveats/rfc3339.js';
import type { WireAuditEntry } from '../../protocol/wire.js';
import type { Origin } from './issuer.js';
import type { Known, StoreReader, StoreTransaction } from './ports.js';
import type { AuditEvent, AuditFilter, AuditRecord } from './records.js';

/** Who acts, for the audit log; an administrator's token is named so that its holder can be found. */
export interface Actor extends Origin {
  readonly client: string;
  readonly tokenId?: string | undefined;
}

/** What an entry is about. */
export interface Subject {
  readonly client?: string | undefined;
  readonly audience?: string | undefined;
  readonly tokenId?: string | undefined;
}

/** Appends an entry in the caller's transaction: when it cannot be written, nothing of the transaction is. */
export function record(
  tx: StoreTransaction,
  atMs: number,
  actor: Actor,
  event: string,
  subject: Subject,
  details: Readonly<Record<string, unknown>> = {},
): Known<void> {
  const entry: AuditEvent = {
    atMs,
    event,
    actor: actor.client,
    client: subject.client,
    audience: subject.audience,
    tokenId: subject.tokenId,
    address: actor.address,
    requestId: actor.requestId,
    details: actor.tokenId === undefined ? details : { ...details, by_token_id: actor.tokenId },
  };
  return tx.appendAudit(entry);
}

/** Entries that match `filter`, in order, with the cursor to go on from. */
export async function listAudit(
  read: StoreReader,
  filter: AuditFilter,
): Promise<{ readonly entries: readonly WireAuditEntry[]; readonly cursor: number; readonly more: boolean }> {
  const rows = await read.audit({ ...filter, limit: filter.limit + 1 });
  const page = rows.slice(0, filter.limit);
  return { entries: page.map(toWire), cursor: page.at(-1)?.seq ?? filter.after ?? 0, more: rows.length > filter.limit };
}

function toWire(row: AuditRecord): WireAuditEntry {
  const { seq, atMs, event, actor, client, audience, tokenId, address, requestId, details, mac } = row;
  return {
    seq,
    at: formatRfc3339(atMs),
    event,
    actor,
    ...(client === undefined ? {} : { client }),
    ...(audience === undefined ? {} : { audience }),
    ...(tokenId === undefined ? {} : { token_id: tokenId }),
    ...(address === undefined ? {} : { address }),
    ...(requestId === undefined ? {} : { request_id: requestId }),
    details,
    mac,
  };
}
