/**
 * A MAC over every column of a row. SQLite has no page checksums and a flipped bit passes its integrity check, so what decides
 * security (states, owners, limits, times) is covered like the secrets are. It does not notice a row that was replaced by an older
 * copy of itself or removed; `doctor` finds those by the audit log, as far as they gave something back that was taken away.
 */
import { type KeyObject, timingSafeEqual } from 'node:crypto';
import { getTableColumns, getTableName } from 'drizzle-orm';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';
import { encodeUtf8, MacaroonError } from '../../core/index.js';
import { macOfText } from './text-mac.js';

/** A row by property names. */
export type PlainRow = Readonly<Record<string, string | number | null>>;

interface TableShape {
  readonly name: string;
  /** Properties with their column's name after its length, sorted by that name. */
  readonly columns: readonly (readonly [string, string])[];
}

const shapes = new WeakMap<SQLiteTable, TableShape>();

function shapeOf(table: SQLiteTable): TableShape {
  const known = shapes.get(table);
  if (known !== undefined) return known;
  const columns = Object.entries(getTableColumns(table))
    .map(([property, column]) => [property, column.name] as const)
    .filter(([, name]) => name !== 'row_mac' && name !== 'mac')
    .sort(([, a], [, b]) => (a < b ? -1 : 1))
    .map(([property, name]) => [property, lengthPrefixedText(name)] as const);
  const shape = { name: getTableName(table), columns };
  shapes.set(table, shape);
  return shape;
}

/**
 * One text for each content of a row: table, then name and value of every column that is not null, each with its length in bytes.
 * A null is left out, so that a column added later leaves the texts of older rows as they were.
 */
export function canonicalRow(table: SQLiteTable, row: PlainRow): string {
  const shape = shapeOf(table);
  const text = rowText(shape, row, charactersOf);
  // Almost all rows are ASCII, where characters are bytes: one look at the whole tells it.
  return isAscii(text) ? text : rowText(shape, row, bytesOf);
}

function rowText({ name, columns }: TableShape, row: PlainRow, lengthOf: (text: string) => number): string {
  let text = lengthPrefixedText(name);
  for (const [property, column] of columns) {
    const value = row[property];
    if (value === null || value === undefined) continue;
    const written = typeof value === 'number' ? `i${value}` : `s${value}`;
    text += `${column}${lengthOf(written)}:${written}`;
  }
  return text;
}

/** `text` after its length in UTF-8 bytes. Throws `ERR_FORMAT_UTF8` for text that would come back as another one. */
export function lengthPrefixedText(text: string): string {
  return `${isAscii(text) ? text.length : bytesOf(text)}:${text}`;
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

function charactersOf(text: string): number {
  return text.length;
}

function bytesOf(text: string): number {
  return encodeUtf8(text).length;
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
    `a row of table ${shapeOf(table).name} was altered outside of macaroond or damaged: restore a backup`,
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
  return macOfText(key, canonicalRow(table, row));
}
