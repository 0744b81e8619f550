/**
 * What is kept of a token: its entry `token.minted` in the audit log, and nothing beside it. Before anything in an entry is believed it is checked
 * against its MAC and the one before it; that none was removed is for the check of the whole chain to say.
 */
import { parseRfc3339 } from '../../caveats/rfc3339.js';
import { isUuidText, MacaroonError, uuidTimeMs } from '../../core/index.js';
import type { TokenRecord } from '../domain/records.js';
import { noteValues } from './audit-blocks.js';
import { type AuditRow, checkAuditRow, emptyAuditHead } from './audit-chain.js';
import type { StoreKeys } from './encryption.js';
import type { ReadStatements } from './sqlite-queries.js';
import { fromAuditRow } from './sqlite-records.js';

/** See `StoreReader.token`. */
export function findToken(reads: ReadStatements, keys: StoreKeys, tokenId: string): TokenRecord | undefined {
  const row = reads.firstAuditOfToken.get(noteValues(tokenId));
  if (row === undefined) return undefined;
  const { event, client, audience, details } = fromAuditRow(checkInChain(reads, keys, row));
  const expiresAtMs = parseRfc3339(String(details['expires_at']));
  if (event === 'token.minted' && client !== undefined && audience !== undefined && expiresAtMs !== undefined) {
    return { tokenId, client, audience, expiresAtMs };
  }
  throw corrupt(row);
}

/** See `StoreReader.latestIssue`. */
export function findLatestIssue(reads: ReadStatements, keys: StoreKeys): number {
  const newest = reads.newestTokenNote.get()?.value;
  if (newest === undefined || newest === null) return 0;
  // A token that is noted by its time may be newer than one of the same time that is noted by its id.
  const values = noteValues(newest);
  const row = reads.auditOfNewestToken.get(values);
  if (row === undefined) throw notThere();
  const { tokenId } = checkInChain(reads, keys, row);
  if (tokenId === null || !isUuidText(tokenId)) throw corrupt(row);
  // An entry of an older one must not pass for it: more would live on than whoever revokes is told.
  if (tokenId < values.step) throw notThere();
  return issueTimeOf(tokenId);
}

/** When the token of this id was issued. */
export function issueTimeOf(tokenId: string): number {
  return uuidTimeMs(Buffer.from(tokenId.replaceAll('-', ''), 'hex'));
}

function checkInChain(reads: ReadStatements, keys: StoreKeys, row: AuditRow): AuditRow {
  const before = row.seq === 1 ? emptyAuditHead : reads.auditMac.get({ seq: row.seq - 1 });
  return checkAuditRow(keys.auditKey, before?.mac, row);
}

function notThere(): MacaroonError {
  return new MacaroonError(
    'ERR_STORE_CORRUPT',
    'the audit log has no entry of the newest token that is noted in it: restore a backup',
  );
}

/** The entry is one of ours, but not the one that must be there. */
function corrupt({ seq }: AuditRow): MacaroonError {
  return new MacaroonError(
    'ERR_STORE_CORRUPT',
    `the token of entry ${seq} of the audit log has no entry of its minting: restore a backup`,
  );
}
