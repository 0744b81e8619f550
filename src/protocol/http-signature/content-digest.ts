/** `Content-Digest` (RFC 9530): the digest of the body as sent, which a signature covers in place of the body. */
import { equalBytes, MacaroonError, sha256 } from '../../core/index.js';
import { formatDictionary, type InnerList, type Item, parseMembers } from './structured-fields.js';

/** Algorithms of RFC 9530 §5 that are not broken. */
const digests: ReadonlyMap<string, (body: Uint8Array) => Promise<Uint8Array>> = new Map([
  ['sha-256', async (body: Uint8Array) => sha256(body)],
  ['sha-512', async (body: Uint8Array) => new Uint8Array(await crypto.subtle.digest('SHA-512', new Uint8Array(body)))],
]);

/** The field for `body`: `sha-256=:…:`. */
export function contentDigest(body: Uint8Array): string {
  return formatDictionary([['sha-256', sha256(body)]]);
}

/**
 * Whether `fieldValue` (lines joined with ", ") is true of `body`: it has SHA-256 or SHA-512, and of those each that it has is right. Others are
 * ignored. False for a malformed one.
 */
export async function verifyContentDigest(fieldValue: string, body: Uint8Array): Promise<boolean> {
  let proven = false;
  for (const [name, claimed] of readMembers(fieldValue)) {
    const digest = digests.get(name);
    if (digest === undefined) continue;
    if (claimed.kind !== 'item' || !(claimed.value instanceof Uint8Array)) return false;
    if (!equalBytes(claimed.value, await digest(body))) return false;
    proven = true;
  }
  return proven;
}

function readMembers(fieldValue: string): Iterable<readonly [string, Item | InnerList]> {
  try {
    return parseMembers(fieldValue);
  } catch (error) {
    if (error instanceof MacaroonError) return [];
    throw error;
  }
}
