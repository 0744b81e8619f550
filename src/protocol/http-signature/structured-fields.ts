/**
 * Dictionaries of RFC 9651 (structured fields) as our headers and RFC 9421 use them: strings, integers, tokens, booleans, byte sequences, inner
 * lists, parameters. One pass, bounded, and stricter than the RFC where it lets two texts mean one thing: a repeated key is refused instead of
 * overwritten, base64 has one spelling. Decimals, dates and display strings are refused: nothing here uses them.
 */
import { encodeBase64 } from './base64.js';
import { FieldScanner } from './field-scanner.js';
import { messageFault } from './message-error.js';

/** A token (RFC 9651 §3.3.4), so that it is never taken for a string. */
export class Token {
  readonly text: string;

  /** `text`: a letter or `*`, then letters, digits and the marks that a token may have. Throws `ERR_MESSAGE_SIGNATURE` for another. */
  constructor(text: string) {
    if (!/^[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*$/.test(text)) throw messageFault('text that a token cannot hold');
    this.text = text;
  }
}

export type BareItem = string | number | boolean | Token | Uint8Array;

/** In the order they came. */
export type Parameters = ReadonlyMap<string, BareItem>;

export interface Item {
  readonly kind: 'item';
  readonly value: BareItem;
  readonly parameters: Parameters;
}

export interface InnerList {
  readonly kind: 'list';
  readonly items: readonly Item[];
  readonly parameters: Parameters;
}

/** In the order they came. */
export type Dictionary = ReadonlyMap<string, Item | InnerList>;

/** What one dictionary may hold. */
export const fieldLimits = { characters: 8192, members: 32, items: 64, parameters: 32 } as const;

const noParameters: Parameters = new Map();

/** Reads a whole dictionary of at least one member. Throws `ERR_MESSAGE_SIGNATURE` for anything else, or more than `fieldLimits`. */
export function parseMembers(text: string): Dictionary {
  const scanner = new FieldScanner(text, fieldLimits.characters);
  const members = new Map<string, Item | InnerList>();
  scanner.skipSpaces();
  do {
    const key = scanner.key();
    if (members.has(key)) throw messageFault('a dictionary with a repeated key');
    if (members.size === fieldLimits.members) throw messageFault('a dictionary with too many members');
    members.set(key, readMember(scanner));
  } while (scanner.comma());
  scanner.skipSpaces();
  scanner.end();
  return members;
}

/** Reads one item with its parameters. Throws `ERR_MESSAGE_SIGNATURE` for anything else. */
export function parseItem(text: string): Item {
  const scanner = new FieldScanner(text, fieldLimits.characters);
  const item = readItem(scanner);
  scanner.end();
  return item;
}

/**
 * Reads a dictionary of plain values, as headers of this project are: no tokens, no inner lists, no parameters. Throws
 * `ERR_MESSAGE_SIGNATURE` for anything else.
 */
export function parseDictionary(text: string): ReadonlyMap<string, string | number | boolean | Uint8Array> {
  const plain = new Map<string, string | number | boolean | Uint8Array>();
  for (const [key, member] of parseMembers(text)) {
    if (member.kind === 'list' || member.value instanceof Token || member.parameters.size > 0) {
      throw messageFault('a dictionary that holds more than plain values');
    }
    plain.set(key, member.value);
  }
  return plain;
}

function readMember(scanner: FieldScanner): Item | InnerList {
  if (!scanner.take('=')) return { kind: 'item', value: true, parameters: readParameters(scanner) };
  return scanner.take('(') ? readInnerList(scanner) : readItem(scanner);
}

/** What follows `(`. */
function readInnerList(scanner: FieldScanner): InnerList {
  const items: Item[] = [];
  scanner.skipSpaces();
  while (!scanner.take(')')) {
    if (items.length === fieldLimits.items) throw messageFault('an inner list with too many items');
    items.push(readItem(scanner));
    if (!scanner.skipSpaces() && !scanner.at(')')) throw messageFault('an inner list whose items are not apart');
  }
  return { kind: 'list', items, parameters: readParameters(scanner) };
}

function readItem(scanner: FieldScanner): Item {
  return { kind: 'item', value: readBareItem(scanner), parameters: readParameters(scanner) };
}

function readParameters(scanner: FieldScanner): Parameters {
  if (!scanner.at(';')) return noParameters;
  const parameters = new Map<string, BareItem>();
  while (scanner.take(';')) {
    scanner.skipSpaces();
    const key = scanner.key();
    if (parameters.has(key)) throw messageFault('a repeated parameter');
    if (parameters.size === fieldLimits.parameters) throw messageFault('too many parameters');
    parameters.set(key, scanner.take('=') ? readBareItem(scanner) : true);
  }
  return parameters;
}

function readBareItem(scanner: FieldScanner): BareItem {
  if (scanner.take('"')) return scanner.restOfString();
  if (scanner.take(':')) return scanner.restOfBytes();
  if (scanner.take('?')) return scanner.restOfBoolean();
  const token = scanner.token();
  return token === undefined ? scanner.integer() : new Token(token);
}

/** A dictionary of plain values in the order of `entries`. Throws `ERR_MESSAGE_SIGNATURE` for a key or a value that it cannot hold. */
export function formatDictionary(entries: Iterable<readonly [key: string, value: BareItem]>): string {
  const members = new Map<string, Item>();
  for (const [key, value] of entries) members.set(key, { kind: 'item', value, parameters: noParameters });
  return formatMembers(members);
}

/** The one text of `members` (RFC 9651 §4.1.2). Throws `ERR_MESSAGE_SIGNATURE` for a key or a value that a dictionary cannot hold. */
export function formatMembers(members: Dictionary): string {
  return [...members].map(([key, member]) => formatEntry(key, member)).join(', ');
}

function formatEntry(key: string, member: Item | InnerList): string {
  if (member.kind === 'item' && member.value === true) return formatKey(key) + formatParameters(member.parameters);
  return `${formatKey(key)}=${formatMember(member)}`;
}

/** The one text of an item or an inner list, with its parameters (RFC 9651 §4.1.1.1 and §4.1.3). */
export function formatMember(member: Item | InnerList): string {
  const value = member.kind === 'item' ? formatBareItem(member.value) : `(${member.items.map(formatMember).join(' ')})`;
  return value + formatParameters(member.parameters);
}

function formatParameters(parameters: Parameters): string {
  let text = '';
  for (const [key, value] of parameters) text += `;${formatKey(key)}${value === true ? '' : `=${formatBareItem(value)}`}`;
  return text;
}

function formatKey(key: string): string {
  if (!/^[a-z*][a-z0-9_.*-]*$/.test(key)) throw messageFault('a key that a structured field cannot hold');
  return key;
}

function formatBareItem(value: BareItem): string {
  if (typeof value === 'string') return formatString(value);
  if (typeof value === 'boolean') return value ? '?1' : '?0';
  if (value instanceof Token) return value.text;
  if (value instanceof Uint8Array) return `:${encodeBase64(value)}:`;
  if (!Number.isInteger(value) || Math.abs(value) > 999_999_999_999_999) {
    throw messageFault('a number that a structured field cannot hold');
  }
  return String(value);
}

function formatString(value: string): string {
  if (!/^[\x20-\x7e]*$/.test(value)) throw messageFault('text that a structured field cannot hold: ASCII without controls only');
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}
