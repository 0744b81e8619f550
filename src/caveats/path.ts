/**
 * Which request paths have one meaning only. Servers, proxies and frameworks disagree about `//`, `..`, `;` and percent-encoding, so a
 * path that any of them could rewrite is refused and never normalised (RFC 3986 §3.3, §6.2.2).
 */
import { asciiAt, limits } from '../core/index.js';

const shape = /^\/(?:[\w.~!$&'()*+,;=:@/-]|%[0-9A-F]{2})*$/;
const emptyOrDotSegment = /\/\/|\/\.\.?(?:[/;]|%3B|$)/;
/** Percent-encoded unreserved characters, `%`, `/` and `\`. */
const needlessEncoding = /%(?:2[5DEF]|3[0-9]|4[1-9A-F]|5[0-9ACF]|6[1-9A-F]|7[0-9AE])/;
const controlPattern = /\p{Cc}/u;
const spaceCode = 0x20;
const numberSignCode = 0x23;
const slashCode = 0x2f;
const questionCode = 0x3f;
/** The last printable one of ASCII. */
const tildeCode = 0x7e;

/**
 * Whether `path` (raw, without query) is canonical: at most `limits.maxPathLength` characters; starts with `/`; pchar only; no empty segment but the last; no `.` or `..`
 * segment, also before `;`; percent-encoding in upper case, of UTF-8, never of an unreserved or control character, `/`, `\` or `%`.
 */
export function isCanonicalPath(path: string): boolean {
  if (path === lastCanonical) return true;
  const isCanonical = hasOneMeaning(path);
  if (isCanonical) lastCanonical = path;
  return isCanonical;
}

/** The last path that was found canonical: a verification asks about the same several times. */
let lastCanonical: string | undefined;

function hasOneMeaning(path: string): boolean {
  if (path.length > limits.maxPathLength || !shape.test(path) || emptyOrDotSegment.test(path)) return false;
  return !path.includes('%') || (!needlessEncoding.test(path) && isEncodedText(path));
}

/** Overlong UTF-8 spells `/` and `.` a second time for sloppy decoders; a strict one throws. */
function isEncodedText(path: string): boolean {
  try {
    return !controlPattern.test(decodeURIComponent(path));
  } catch {
    return false;
  }
}

/** Whether the canonical `path` is `prefix` or below it by segment: `/a` covers `/a` and `/a/b`; `/a/` covers `/a/` and below, not `/a`. */
export function pathCovers(prefix: string, path: string): boolean {
  const { length } = prefix;
  if (path.length <= length) return path === prefix;
  if (path.charCodeAt(length) !== slashCode && prefix.charCodeAt(length - 1) !== slashCode) return false;
  // `startsWith` is a loop over the characters of both, and a search goes on behind the beginning where they differ: a token has room for 1,500 prefixes.
  return path.slice(0, length) === prefix;
}

/** A query as it is sent: printable ASCII without space and `#`. What it means is the service's affair; it is compared as it is. */
const queryPattern = /^[!"$-~]*$/;

/** Whether `target` is a canonical path, alone or with `?` and a query. */
export function isCanonicalTarget(target: string): boolean {
  const query = target.indexOf('?');
  return query < 0
    ? isCanonicalPath(target)
    : isCanonicalPath(target.slice(0, query)) && queryPattern.test(target.slice(query + 1));
}

/** What a path can be made of that needs no second look: anywhere in it, or anywhere but behind a slash. */
const plain = 1;
const plainInSegment = 2;
const plainCodes = new Uint8Array(256);
for (let code = 0; code < 128; code++) {
  const character = String.fromCharCode(code);
  if (shape.test(`/${character}`)) plainCodes[code] = character === '/' || character === '.' ? plainInSegment : plain;
}

/** Whether a canonical target stands in `bytes` from `start` to `end`: what `isCanonicalTarget` says of the text there. */
export function isCanonicalTargetAt(bytes: Uint8Array, start: number, end: number): boolean {
  const pathEnd = endOfPlainPath(bytes, start, end);
  const isPlain =
    pathEnd > start && pathEnd - start <= limits.maxPathLength && (pathEnd === end || bytes[pathEnd] === questionCode);
  return isVisible(bytes, isPlain ? pathEnd : start, end) && (isPlain || isCanonicalTarget(asciiAt(bytes, start, end)));
}

/** Up to where a plain path stands in `bytes` from `start` on. */
function endOfPlainPath(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start] !== slashCode) return start;
  let before = 0;
  let at = start;
  for (; at < end; at++) {
    const code = bytes[at] as number;
    const kind = plainCodes[code];
    if (kind !== plain && (kind !== plainInSegment || before === slashCode)) break;
    before = code;
  }
  return at;
}

/** Whether all that stands in `bytes` from `start` to `end` is printable ASCII without space and `#`. */
function isVisible(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const code = bytes[i] as number;
    if (code <= spaceCode || code > tildeCode || code === numberSignCode) return false;
  }
  return true;
}
