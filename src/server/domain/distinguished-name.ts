/**
 * The subject of a certificate as text, in one spelling: RFC 4514, so that what an administrator types and what a certificate says can
 * be compared as text. Pure: how a name is read out of a certificate is known to `server/pki` alone.
 */
import { decodeUtf8, encodeHex, encodeUtf8, MacaroonError } from '../../core/index.js';

/** Short names of RFC 4514 §3, and those that `openssl` prints beside them, with their object identifiers. */
const oidByName: ReadonlyMap<string, string> = new Map([
  ['CN', '2.5.4.3'],
  ['SN', '2.5.4.4'],
  ['serialNumber', '2.5.4.5'],
  ['C', '2.5.4.6'],
  ['L', '2.5.4.7'],
  ['ST', '2.5.4.8'],
  ['street', '2.5.4.9'],
  ['O', '2.5.4.10'],
  ['OU', '2.5.4.11'],
  ['title', '2.5.4.12'],
  ['GN', '2.5.4.42'],
  ['UID', '0.9.2342.19200300.100.1.1'],
  ['DC', '0.9.2342.19200300.100.1.25'],
  ['emailAddress', '1.2.840.113549.1.9.1'],
]);
const nameByOid = new Map([...oidByName].map(([name, oid]) => [oid, name]));
const oidByLowerName = new Map([...oidByName].map(([name, oid]) => [name.toLowerCase(), oid]));

const maxTextLength = 1024;
const specials = '"+,;<>\\';

/** One attribute: an object identifier, and its value as text, or as the DER of a value that is not one of the common strings. */
export interface NameAttribute {
  readonly oid: string;
  readonly value: string | Uint8Array;
}

/** A name in the order of its DER: the sets of attributes, the least specific first by custom. */
export type DistinguishedName = readonly (readonly NameAttribute[])[];

/** Whether the attribute has a name of its own, under which text may be its value. */
export function hasShortName(oid: string): boolean {
  return nameByOid.has(oid);
}

/** RFC 4514 text of `name`, in one spelling: the last set first, attributes of a set sorted, escapes only where needed. */
export function formatName(name: DistinguishedName): string {
  return name
    .map((attributes) => attributes.map(formatAttribute).sort().join('+'))
    .reverse()
    .join(',');
}

/**
 * The one spelling of a subject that a person wrote: RFC 4514 (`O=MailServer,CN=localhost`) or the form of openssl's `-subj`
 * (`/CN=localhost/O=MailServer`, the other way round). At most 1024 characters. Throws `ERR_ARGUMENT` for what can be read in
 * two ways: empty values, unknown attribute names, spaces around `=` and `,`, quotes, a bare `+` in the form with slashes.
 */
export function canonicalSubject(text: string): string {
  if (text.length === 0 || text.length > maxTextLength) refuse('is empty or too long');
  const isSlashForm = text.startsWith('/');
  const sets = isSlashForm ? splitAt(text.slice(1), '/') : splitAt(text, ',');
  const name = sets.map((set) => {
    const parts = splitAt(set, '+');
    if (isSlashForm && parts.length > 1) refuse('has a bare "+": write "\\+", or RFC 4514 for attributes that belong together');
    const attributes = parts.map((part) => parseAttribute(part, isSlashForm ? '' : specials));
    if (new Set(attributes.map(({ oid }) => oid)).size !== attributes.length) refuse('has one attribute twice in one set');
    return attributes;
  });
  return formatName(isSlashForm ? name : name.reverse());
}

function formatAttribute({ oid, value }: NameAttribute): string {
  const name = nameByOid.get(oid);
  if (typeof value !== 'string') return `${name ?? oid}=#${encodeHex(value).toUpperCase()}`;
  if (name === undefined) throw new MacaroonError('ERR_ARGUMENT', 'an attribute without a short name has a value in DER');
  return `${name}=${escapeValue(value)}`;
}

function escapeValue(value: string): string {
  const characters = [...value].map((character, index, all) => {
    const code = character.charCodeAt(0);
    if (code < 0x20 || code === 0x7f) return `\\${code.toString(16).padStart(2, '0').toUpperCase()}`;
    const isOuterSpace = character === ' ' && (index === 0 || index === all.length - 1);
    return specials.includes(character) || isOuterSpace || (character === '#' && index === 0) ? `\\${character}` : character;
  });
  return characters.join('');
}

/** `text` cut at every bare `separator`: one that no backslash stands before. */
function splitAt(text: string, separator: string): readonly string[] {
  const parts = [''];
  for (let at = 0; at < text.length; at++) {
    const taken = text[at] === '\\' ? text.slice(at, at + 2) : text.charAt(at);
    if (taken === separator) parts.push('');
    else parts.push((parts.pop() ?? '') + taken);
    at += taken.length - 1;
  }
  return parts;
}

function parseAttribute(text: string, neverBare: string): NameAttribute {
  const equals = text.indexOf('=');
  const oid = oidByLowerName.get(text.slice(0, Math.max(equals, 0)).toLowerCase());
  if (oid === undefined) refuse(`has an attribute that is not one of ${[...oidByName.keys()].join(', ')}`);
  return { oid, value: parseValue(text.slice(equals + 1), neverBare) };
}

function parseValue(text: string, neverBare: string): string {
  if (text === '') refuse('has an empty value');
  if (text.startsWith('#')) refuse('has a bare "#" before a value');
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === ' ' && (at === 0 || at === text.length - 1)) refuse('has a bare space around a value');
    const [taken, written] = takeCharacter(text, at, neverBare);
    bytes.push(...written);
    at += taken - 1;
  }
  try {
    return decodeUtf8(Uint8Array.from(bytes));
  } catch {
    return refuse('has escapes that are not UTF-8');
  }
}

/** How many characters of `text` at `at` stand for the bytes that follow. */
function takeCharacter(text: string, at: number, neverBare: string): readonly [taken: number, bytes: Iterable<number>] {
  const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
  if (character !== '\\') {
    if (neverBare.includes(character)) refuse('has one of " + ; < > without a backslash');
    if (character < ' ' || character === '\x7f') refuse('has a control character');
    return [character.length, encodeUtf8(character)];
  }
  const hex = /^[0-9A-Fa-f]{2}/.exec(text.slice(at + 1, at + 3))?.[0];
  if (hex !== undefined) return [3, [Number.parseInt(hex, 16)]];
  const escaped = text.charAt(at + 1);
  if (!`${specials} #=/`.includes(escaped) || escaped === '') refuse('has a backslash before what needs none');
  return [2, encodeUtf8(escaped)];
}

function refuse(what: string): never {
  throw new MacaroonError(
    'ERR_ARGUMENT',
    `the subject ${what}; copy it from "openssl x509 -noout -subject -nameopt RFC2253 -in FILE"`,
    { argument: 'subject' },
  );
}
