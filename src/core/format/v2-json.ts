/**
 * V2 JSON, as libmacaroons (doc/format.txt), go-macaroon, pymacaroons and npm `macaroon` write it. Read at the edges only, and
 * normalised into the same values that V2 binary gives; written for other libraries only.
 *
 * `{"v":2,"l":…,"i":…|"i64":…,"c":[{"i":…|"i64":…,"v":…|"v64":…,"l":…}],"s":…|"s64":…}`, or an array: root macaroon, then discharges.
 * `v` may be absent (Go, Python) or a string (libmacaroons). Base64 may be of either alphabet, padded or not, as the format says.
 */
import { decodeBase64Any, encodeBase64url } from '../base64url.js';
import { decodeUtf8, encodeUtf8 } from '../bytes.js';
import { type LimitErrorCode, MacaroonError } from '../errors.js';
import { limits } from '../limits.js';
import { type Caveat, type Macaroon, type Signature, toSignature, type UnverifiedMacaroon } from '../macaroon.js';
import { JsonCursor } from './json-cursor.js';

const v1Members: readonly string[] = ['caveats', 'location', 'identifier', 'signature'];

/** A caveat in V2 JSON, as `exportV2Json` writes it. */
export interface V2JsonCaveat {
  readonly i?: string;
  readonly i64?: string;
  readonly v64?: string;
  readonly l?: string;
}

/** A macaroon in V2 JSON, as `exportV2Json` writes it: text where the bytes are text, unpadded base64url where they are not. */
export interface V2Json {
  readonly v: 2;
  readonly l?: string;
  readonly i?: string;
  readonly i64?: string;
  readonly c?: readonly V2JsonCaveat[];
  readonly s64: string;
}

/** V2 JSON of `macaroon`, for libraries that do not read V2 binary. Make text of it with `JSON.stringify`. */
export function exportV2Json(macaroon: Macaroon): V2Json {
  const caveats = macaroon.caveats.map(exportCaveat);
  return {
    v: 2,
    ...(macaroon.location === '' ? {} : { l: macaroon.location }),
    ...exportBytes(macaroon.identifier),
    ...(caveats.length === 0 ? {} : { c: caveats }),
    s64: encodeBase64url(macaroon.signature),
  };
}

function exportCaveat(caveat: Caveat): V2JsonCaveat {
  if (caveat.kind === 'first-party') return exportBytes(caveat.condition);
  return {
    ...exportBytes(caveat.identifier),
    v64: encodeBase64url(caveat.verificationId),
    ...(caveat.location === '' ? {} : { l: caveat.location }),
  };
}

/** Bytes go out as text only when every reader gets the same bytes back: some drop a byte order mark. */
function exportBytes(bytes: Uint8Array): { readonly i: string } | { readonly i64: string } {
  try {
    const text = decodeUtf8(bytes);
    if (!text.startsWith('\ufeff')) return { i: text };
  } catch {
    // Not UTF-8.
  }
  return { i64: encodeBase64url(bytes) };
}

/**
 * The token in `text`: one macaroon, or an array of the root macaroon and its discharges. Refuses unknown, repeated and ambiguous
 * members. Throws `ERR_FORMAT_*` and `ERR_LIMIT_*` with the character offset.
 */
export function decodeV2Json(text: string): UnverifiedMacaroon {
  if (text.length > limits.maxImportLength) throw overLimit('ERR_LIMIT_TEXT', limits.maxImportLength, limits.maxImportLength);
  const cursor = new JsonCursor(text);
  if (cursor.peek() === '') throw new MacaroonError('ERR_FORMAT_EMPTY', 'the token is empty', { offset: cursor.offset });
  const macaroons: Macaroon[] = [];
  if (cursor.peek() === '[') {
    readArray(cursor, () => {
      if (macaroons.length > limits.maxDischarges) {
        throw overLimit('ERR_LIMIT_DISCHARGES', limits.maxDischarges, cursor.offset);
      }
      macaroons.push(readMacaroon(cursor));
    });
  } else {
    macaroons.push(readMacaroon(cursor));
  }
  if (cursor.peek() !== '') {
    throw new MacaroonError('ERR_FORMAT_TRAILING', 'text after the end of the token', { offset: cursor.offset });
  }
  const [root, ...discharges] = macaroons;
  if (root === undefined) throw new MacaroonError('ERR_FORMAT_EMPTY', 'the token is empty', { offset: 0 });
  return Object.freeze({ root, discharges: Object.freeze(discharges) });
}

function readMacaroon(cursor: JsonCursor): Macaroon {
  cursor.peek();
  const start = cursor.offset;
  const caveats: Caveat[] = [];
  const members = readMembers(cursor, ['v', 'l', 'i', 'i64', 'c', 's', 's64'], (name) => {
    if (name === 'v') readVersion(cursor);
    else if (name === 'c') readArray(cursor, () => caveats.push(readCaveat(cursor, caveats.length)));
    else return false;
    return true;
  });
  const location = locationOf(members);
  const identifier = bytesOf(members, 'i', 'ERR_LIMIT_IDENTIFIER', limits.maxIdentifierBytes);
  const signature = signatureOf(members);
  if (identifier === undefined || signature === undefined) throw badField(start);
  return Object.freeze({ location, identifier, caveats: Object.freeze(caveats), signature });
}

function readVersion(cursor: JsonCursor): void {
  const written = cursor.peek() === '"' ? cursor.takeString() : cursor.takeWord();
  if (written !== '2') throw new MacaroonError('ERR_FORMAT_VERSION', 'not a V2 macaroon', { offset: cursor.offset });
}

function readCaveat(cursor: JsonCursor, caveatsBefore: number): Caveat {
  cursor.peek();
  const start = cursor.offset;
  if (caveatsBefore === limits.maxCaveats) throw overLimit('ERR_LIMIT_CAVEATS', limits.maxCaveats, start);
  const members = readMembers(cursor, ['i', 'i64', 'v', 'v64', 'l'], () => false);
  const location = locationOf(members);
  const identifier = bytesOf(members, 'i', 'ERR_LIMIT_CONDITION', limits.maxConditionBytes);
  const verificationId = bytesOf(members, 'v', 'ERR_LIMIT_CONDITION', limits.maxConditionBytes);
  if (identifier === undefined) throw badField(start);
  if (verificationId !== undefined) return Object.freeze({ kind: 'third-party', identifier, verificationId, location });
  if (location !== '') throw badField(start);
  return Object.freeze({ kind: 'first-party', condition: identifier });
}

interface Member {
  readonly value: string;
  readonly offset: number;
}
type Members = ReadonlyMap<string, Member>;

/** Members of an object: `readOther` reads those that are no strings and says that it did. */
function readMembers(cursor: JsonCursor, names: readonly string[], readOther: (name: string) => boolean): Members {
  const seen = new Set<string>();
  const members = new Map<string, Member>();
  cursor.take('{');
  if (cursor.takeIf('}')) return members;
  do {
    cursor.peek();
    const start = cursor.offset;
    const name = cursor.takeString();
    if (v1Members.includes(name)) {
      throw new MacaroonError('ERR_FORMAT_VERSION', 'V1 JSON is not read', { offset: start });
    }
    if (!names.includes(name)) throw cursor.fault('a member is unknown', start);
    if (seen.has(name)) throw cursor.fault('a member is repeated', start);
    seen.add(name);
    cursor.take(':');
    cursor.peek();
    const offset = cursor.offset;
    if (!readOther(name)) members.set(name, { value: cursor.takeString(), offset });
  } while (cursor.takeIf(','));
  cursor.take('}');
  return members;
}

function readArray(cursor: JsonCursor, readItem: () => void): void {
  cursor.take('[');
  if (cursor.takeIf(']')) return;
  do readItem();
  while (cursor.takeIf(','));
  cursor.take(']');
}

/** npm `macaroon` writes the location of every third-party caveat, even an empty one: that is no location. */
function locationOf(members: Members): string {
  const member = members.get('l');
  if (member === undefined) return '';
  const bytes = utf8Of(member);
  if (bytes.length > limits.maxLocationBytes) throw overLimit('ERR_LIMIT_LOCATION', limits.maxLocationBytes, member.offset);
  return member.value;
}

function signatureOf(members: Members): Signature | undefined {
  const bytes = bytesOf(members, 's', 'ERR_LIMIT_CONDITION', limits.maxConditionBytes);
  if (bytes === undefined || bytes.length === 32) return bytes && toSignature(bytes);
  const offset = (members.get('s') ?? members.get('s64'))?.offset ?? 0;
  throw new MacaroonError('ERR_FORMAT_SIGNATURE', 'a signature has 32 bytes', { offset });
}

/** Bytes of the field that is `name` as text or `name` + "64" as base64; `undefined` when it is absent. */
function bytesOf(members: Members, name: string, code: LimitErrorCode, limit: number): Uint8Array | undefined {
  const asText = members.get(name);
  const asBase64 = members.get(`${name}64`);
  const member = asText ?? asBase64;
  if (member === undefined) return undefined;
  if (asText !== undefined && asBase64 !== undefined) {
    throw new MacaroonError('ERR_FORMAT_JSON', 'a field is there both as text and as base64', { offset: asBase64.offset });
  }
  const bytes = asText === undefined ? base64Of(member) : utf8Of(member);
  if (bytes.length === 0) throw badField(member.offset);
  if (bytes.length > limit) throw overLimit(code, limit, member.offset);
  return bytes;
}

function utf8Of(member: Member): Uint8Array {
  try {
    return encodeUtf8(member.value);
  } catch (cause) {
    throw new MacaroonError('ERR_FORMAT_UTF8', 'text that UTF-8 cannot hold', { offset: member.offset, cause });
  }
}

function base64Of(member: Member): Uint8Array {
  try {
    return decodeBase64Any(member.value);
  } catch (cause) {
    throw new MacaroonError('ERR_FORMAT_BASE64', 'a field is not base64', { offset: member.offset, cause });
  }
}

function badField(offset: number): MacaroonError {
  return new MacaroonError('ERR_FORMAT_FIELD', 'a field is missing, empty, or where it cannot be', { offset });
}

function overLimit(code: LimitErrorCode, limit: number, offset: number): MacaroonError {
  return new MacaroonError(code, `more than ${limit} at offset ${offset}`, { limit, offset });
}
