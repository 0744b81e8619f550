/**
 * Which request paths have one meaning only. Servers, proxies and frameworks disagree about `//`, `..`, `;` and percent-encoding, so a
 * path that any of them could rewrite is refused and never normalised (RFC 3986 §3.3, §6.2.2).
 */
import { limits } from '../core/index.js';

const shape = /^\/(?:[\w.~!$&'()*+,;=:@/-]|%[0-9A-F]{2})*$/;
const emptyOrDotSegment = /\/\/|\/\.\.?(?:[/;]|%3B|$)/;
/** Percent-encoded unreserved characters, `%`, `/` and `\`. */
const needlessEncoding = /%(?:2[5DEF]|3[0-9]|4[1-9A-F]|5[0-9ACF]|6[1-9A-F]|7[0-9AE])/;
const controlPattern = /\p{Cc}/u;
const slashCode = 0x2f;

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
