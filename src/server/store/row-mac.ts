/**
 * A MAC over every column of a row. SQLite has no page checksums and a flipped bit passes its integrity check, so what decides
 * security (states, owners, limits, times) is covered like the secrets are. It does not notice a row that was replaced by an older
 * copy of itself or removed; `doctor` finds those by the audit log, as far as they gave something back that was taken away or made narrower.
 */
import { type KeyObject, timingSafeEqual } from 'node:crypto';
import { getTableColumns, getTableName } from 'drizzle-orm';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';
import { MacaroonError } from '../../core/index.js';
import { type LengthOf, macOfTexts } from './text-mac.js';

/** A row by property names. */
export type PlainRow = Readonly<Record<string, string | number | null>>;

interface TableShape {
  /** After its length. */
  readonly name: string;
  /** Sorted by the column's name. */
  readonly columns: readonly Column[];
}

interface Column {
  readonly property: string;
  /** The column's name after its length. */
  readonly name: string;
  /** What stands before a text of so many bytes: the name, and the length. */
  readonly heads: string[];
}

/** For texts of fewer bytes the heads are kept: a mint puts ten together. */
const keptHeads = 512;

const shapes = new WeakMap<SQLiteTable, TableShape>();

function shapeOf(table: SQLiteTable): TableShape {
  const known = shapes.get(table);
  if (known !== undefined) return known;
  const columns = Object.entries(getTableColumns(table))
    .map(([property, column]) => [property, column.name] as const)
    .filter(([, name]) => name !== 'row_mac' && name !== 'mac')
    .sort(([, a], [, b]) => (a < b ? -1 : 1))
    .map(([property, name]) => ({ property, name: withLength(name), heads: [] }));
  const shape = { name: withLength(getTableName(table)), columns };
  shapes.set(table, shape);
  return shape;
}

/** A name, which is ASCII, after its length. */
function withLength(name: string): string {
  return `${name.length}:${name}`;
}

/**
 * One text for each content of a row: table, then name and value of every column that is not null, each after its length.
 * A null is left out, so that a column added later leaves the texts of older rows as they were.
 */
export function canonicalRow(table: SQLiteTable, row: PlainRow, lengthOf: LengthOf): string {
  const { name, columns } = shapeOf(table);
  let text = name;
  for (let i = 0; i < columns.length; i++) {
    const column = columns[i] as Column;
    const value = row[column.property];
    if (value === null || value === undefined) continue;
    if (typeof value === 'string') text += headOf(column, lengthOf(value)) + value;
    else text += `${column.name}${String(value).length + 1}:i${value}`;
  }
  return text;
}

/** What stands before a text of `length` bytes. */
function headOf({ name, heads }: Column, length: number): string {
  const known = heads[length];
  if (known !== undefined) return known;
  const head = `${name}${length + 1}:s`;
  if (length < keptHeads) heads[length] = head;
  return head;
}

/** `row` with its MAC. */
export function addRowMac<R extends PlainRow>(key: KeyObject, table: SQLiteTable, row: R): R & { readonly rowMac: string } {
  return { ...row, rowMac: rowMacOf(key, table, row) };
}

/** `row` when its MAC holds. Throws `ERR_STORE_CORRUPT` otherwise. */
export function checkRowMac<R extends PlainRow & { readonly rowMac: string }>(key: KeyObject, table: SQLiteTable, row: R): R {
  if (equalText(row.rowMac, rowMacOf(key, table, row))) return row;
  throw new MacaroonError(
    'ERR_STORE_CORRUPT',
    `a row of table ${getTableName(table)} was altered outside of macaroond or damaged: restore a backup`,
  );
}

/** Whether two MAC texts are equal, in a time that depends on their lengths only. */
export function equalText(a: string, b: string): boolean {
  const aBytes = Buffer.from(a);
  const bBytes = Buffer.from(b);
  return aBytes.length === bBytes.length && timingSafeEqual(aBytes, bBytes);
}

/** base64url MAC of `row`; a `rowMac` in it does not count. */
export function rowMacOf(key: KeyObject, table: SQLiteTable, row: PlainRow): string {
  return macOfTexts(key, (lengthOf) => canonicalRow(table, row, lengthOf));
}
