/** Tells a caller which member of its request is wrong, without repeating what a stranger wrote at length. */

const maxPointerLength = 128;
const maxMemberNameLength = 24;

/**
 * The RFC 6901 pointer to `path`, up to the first name that is longer than ours are: a secret may stand in the wrong place. Cut where
 * many names make it long.
 */
export function pointerOf(path: readonly PropertyKey[]): string {
  const segments = path.map(String);
  const end = segments.findIndex((segment) => segment.length > maxMemberNameLength);
  const named = end < 0 ? segments : segments.slice(0, end);
  const pointer = named.map((segment) => `/${segment.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  return pointer.slice(0, maxPointerLength);
}
