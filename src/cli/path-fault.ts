/** What about a path is not canonical, in words: `isCanonicalPath` says only whether it is. */
import { isCanonicalPath } from '../caveats/path.js';
import { limits } from '../core/index.js';

/** `undefined` for a canonical path. */
export function pathFault(path: string): string | undefined {
  if (isCanonicalPath(path)) return undefined;
  if (!path.startsWith('/')) return 'a path starts with /';
  if (path.length > limits.maxPathLength) return `a path has at most ${limits.maxPathLength} characters`;
  if (/[?#]/.test(path)) return 'a path holds no query and no fragment: leave out what starts with ? or #';
  if (path.includes('//')) return 'it holds an empty segment (//), which servers read in different ways';
  if (/\/\.\.?(?:[/;]|%3b|$)/i.test(path))
    return 'it holds a . or .. segment, which servers take away: write the path without it';
  const foreign = path.search(/[^\w.~!$&'()*+,;=:@/%-]|%(?![0-9A-Fa-f]{2})/);
  if (foreign >= 0) return `the character at offset ${foreign} cannot stand in a path as it is: percent-encode it`;
  if (/%(?![0-9A-F]{2})/.test(path)) return 'percent-encoding is written in upper case, e.g. %C3%A9';
  return 'it percent-encodes what has another spelling (a letter, a digit, - . _ ~), or what no path may hold (/ \\ % a control character, what is not UTF-8)';
}
