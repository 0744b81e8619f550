/**
 * The chained audit log. Each row's MAC covers its columns and the MAC before it, under a key that only the master key gives, so an
 * altered, removed, inserted or reordered row breaks the chain. Rows cut off at the end are found with a head noted elsewhere.
 */
import type { KeyObject } from 'node:crypto';
import { MacaroonError } from '../../core/index.js';
import { canonicalRow, equalText } from './row-mac.js';
import { audit } from './sqlite-schema.js';
import { macOfTexts } from './text-mac.js';

const maxDetailsBytes = 4096;
const pageRows = 1000;

/** A row as it is in the database. */
export type AuditRow = typeof audit.$inferSelect;

/** Where the chain breaks: */
export type AuditBreak =
  | 'altered' // the row does not match its MAC and the one before it: changed, inserted, or moved
  | 'not-listed' // who asks for its event, name, audience, time or token would pass the row over (audit-blocks.ts)
  | 'missing' // there is no row with this seq, but there are later ones
  | 'truncated' // the log ends before the given head
  | 'head-differs'; // the row of the given head has another MAC: cut off there and written anew

export type AuditChainResult =
  | { readonly ok: true; readonly entries: number; readonly head: string }
  | {
      readonly ok: false;
      /** Rows before the break. */
      readonly entries: number;
      /** `seq:mac` of the last row before the break. */
      readonly head: string;
      /** seq of the first row that does not hold or is not there. */
      readonly brokenAt: number;
      readonly reason: AuditBreak;
    };

/** The last row of a log: its place and MAC. */
export interface AuditHead {
  readonly seq: number;
  readonly mac: string;
}

/** The head of an empty log. */
export const emptyAuditHead: AuditHead = { seq: 0, mac: '' };

/** `details`, where it is no text yet, as JSON with sorted names. Throws `ERR_ARGUMENT` when it has no JSON or more than 4 KiB of it. */
export function auditDetails(details: Readonly<Record<string, unknown>> | string): string {
  const text = typeof details === 'string' ? details : sortedJson(details);
  // A character takes at most three bytes, so that those of a short text need not be counted.
  if (text.length * 3 > maxDetailsBytes && Buffer.byteLength(text) > maxDetailsBytes) {
    throw new MacaroonError('ERR_ARGUMENT', `details of an audit entry have at most ${maxDetailsBytes} bytes`, {
      argument: 'details',
    });
  }
  return text;
}

function sortedJson(details: Readonly<Record<string, unknown>>): string {
  try {
    return JSON.stringify(sorted(details));
  } catch (cause) {
    throw new MacaroonError('ERR_ARGUMENT', 'details of an audit entry must be JSON', { argument: 'details', cause });
  }
}

/** `value` with the names of its objects in order. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value;
  if (Array.isArray(value)) return value.every((item) => typeof item !== 'object') ? value : value.map(sorted);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, item]) => [name, sorted(item)]));
}

/** base64url MAC of `row` after a row with MAC `previousMac`. */
export function auditMac(key: KeyObject, previousMac: string, row: Omit<AuditRow, 'mac'>): string {
  return macOfTexts(key, (lengthOf) => {
    const content = canonicalRow(audit, row, lengthOf);
    return `${lengthOf(previousMac)}:${previousMac}${lengthOf(content)}:${content}`;
  });
}

/** `row` when it holds after a row with MAC `previousMac`, which is `undefined` where there is none. Throws `ERR_STORE_CORRUPT` otherwise. */
export function checkAuditRow(key: KeyObject, previousMac: string | undefined, row: AuditRow): AuditRow {
  if (previousMac !== undefined && equalText(row.mac, auditMac(key, previousMac, row))) return row;
  throw new MacaroonError(
    'ERR_STORE_CORRUPT',
    `entry ${row.seq} of the audit log was altered outside of macaroond or damaged, or the one before it: restore a backup`,
  );
}

/**
 * Follows the chain from the first row, in pages of `readAfter` (rows with a greater seq, in order), and yields to others between
 * them; `isListed` is asked of each row. `expectedHead` is `seq:mac` as an earlier check told it. Throws `ERR_ARGUMENT` for another spelling of it.
 */
export async function followAuditChain(
  key: KeyObject,
  readAfter: (seq: number, limit: number) => Promise<readonly AuditRow[]>,
  isListed: (row: AuditRow) => boolean,
  expectedHead?: string,
): Promise<AuditChainResult> {
  const expected = expectedHead === undefined ? undefined : parseHead(expectedHead);
  let last = emptyAuditHead;
  const broken = (brokenAt: number, reason: AuditBreak): AuditChainResult => {
    return { ok: false, entries: last.seq, head: formatHead(last), brokenAt, reason };
  };
  for (;;) {
    const rows = await readAfter(last.seq, pageRows);
    for (const row of rows) {
      if (row.seq !== last.seq + 1) return broken(last.seq + 1, 'missing');
      if (!equalText(row.mac, auditMac(key, last.mac, row))) return broken(row.seq, 'altered');
      if (!isListed(row)) return broken(row.seq, 'not-listed');
      if (row.seq === expected?.seq && !equalText(row.mac, expected.mac)) return broken(row.seq, 'head-differs');
      last = row;
    }
    if (rows.length < pageRows) break;
    await new Promise((resume) => setImmediate(resume));
  }
  if (expected !== undefined && last.seq < expected.seq) return broken(last.seq + 1, 'truncated');
  return { ok: true, entries: last.seq, head: formatHead(last) };
}

function formatHead({ seq, mac }: AuditHead): string {
  return `${seq}:${mac}`;
}

function parseHead(text: string): AuditHead {
  const [, seq, mac] = /^(0|[1-9][0-9]{0,14}):([A-Za-z0-9_-]{43}|)$/.exec(text) ?? [];
  if (seq === undefined || mac === undefined) {
    throw new MacaroonError('ERR_ARGUMENT', 'a head is "seq:mac" as "audit verify" prints it', { argument: 'head' });
  }
  return { seq: Number(seq), mac };
}
