/**
 * Reads what the issuer answers to a verifier. Whatever is not exactly as expected is `ERR_ISSUER_ANSWER`: an entry that was skipped
 * could be the revocation that matters, so a verifier that cannot read one goes stale instead.
 */
import { parseRfc3339 } from '../../caveats/rfc3339.js';
import { decodeBase64url, isName, isUuidText, MacaroonError, MacaroonKey } from '../../core/index.js';
import type { AudienceKey } from '../result.js';
import type { Revocation } from './revocation-set.js';

/** One page of a list that is followed by its cursor. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly cursor: number;
  readonly more: boolean;
}

/** A revocation with the issuer's time of it. */
export interface DatedRevocation {
  readonly revocation: Revocation;
  readonly revokedAtMs: number;
}

const rootKeyIdLength = 22;
const keyBytes = 32;

/** Throws `ERR_ISSUER_ANSWER`. */
export function readAudienceKeys(answer: unknown): Page<AudienceKey> {
  return readPage(answer, 'keys', readAudienceKey);
}

/** Throws `ERR_ISSUER_ANSWER`. */
export function readRevocations(answer: unknown): Page<DatedRevocation> {
  return readPage(answer, 'revocations', readRevocation);
}

/** Throws `ERR_ISSUER_ANSWER`. */
export function readAudienceKey(answer: unknown): AudienceKey {
  const fields = readObject(answer);
  const key = readBase64url(fields['key'], keyBytes);
  return {
    rootKeyId: readRootKeyId(fields['root_key_id']),
    generation: readGeneration(fields['generation']),
    client: readText(fields['client'], isName),
    key: new MacaroonKey(key),
  };
}

function readRevocation(answer: unknown): DatedRevocation {
  const fields = readObject(answer);
  return { revocation: readTarget(fields), revokedAtMs: readTime(fields['revoked_at']) };
}

function readTarget(fields: Readonly<Record<string, unknown>>): Revocation {
  switch (fields['kind']) {
    case 'token':
      return {
        kind: 'token',
        tokenId: readText(fields['token_id'], isUuidText),
        expiresAtMs: readTime(fields['expires_at']),
      };
    case 'client':
      return { kind: 'client', client: readText(fields['client'], isName), beforeMs: readTime(fields['before']) };
    case 'root_key':
      return { kind: 'root_key', rootKeyId: readRootKeyId(fields['root_key_id']) };
    case 'audience_key':
      return {
        kind: 'audience_key',
        audience: readText(fields['audience'], isName),
        generation: readGeneration(fields['generation']),
      };
    default:
      throw unreadable('a revocation of an unknown kind');
  }
}

function readPage<Item>(answer: unknown, list: string, readItem: (item: unknown) => Item): Page<Item> {
  const fields = readObject(answer);
  const { cursor, more } = fields;
  const items = fields[list];
  if (!Array.isArray(items) || !Number.isSafeInteger(cursor) || typeof more !== 'boolean') throw unreadable('a page');
  return { items: items.map(readItem), cursor: cursor as number, more };
}

/** `answer` as an object. Throws `ERR_ISSUER_ANSWER`. */
export function readObject(answer: unknown): Readonly<Record<string, unknown>> {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) throw unreadable('an object');
  return answer as Readonly<Record<string, unknown>>;
}

/** `value` as text that `isValid` accepts. Throws `ERR_ISSUER_ANSWER`. */
export function readText(value: unknown, isValid: (text: string) => boolean = () => true): string {
  if (typeof value !== 'string' || !isValid(value)) throw unreadable('a text');
  return value;
}

/** `value`, RFC 3339 text, as Unix milliseconds. Throws `ERR_ISSUER_ANSWER`. */
export function readTime(value: unknown): number {
  const timeMs = typeof value === 'string' ? parseRfc3339(value) : undefined;
  if (timeMs === undefined) throw unreadable('a time');
  return timeMs;
}

function readGeneration(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0xffffffff) throw unreadable('a generation');
  return value;
}

function readRootKeyId(value: unknown): string {
  readBase64url(value, 16);
  return readText(value, (text) => text.length === rootKeyIdLength);
}

/** `value`, base64url, as `length` bytes. Throws `ERR_ISSUER_ANSWER`. */
export function readBase64url(value: unknown, length: number): Uint8Array {
  try {
    const bytes = decodeBase64url(readText(value));
    if (bytes.length === length) return bytes;
  } catch {
    // Answered below, without the offset, which would be of no use.
  }
  throw unreadable('an id or a key');
}

/** `ERR_ISSUER_ANSWER`, naming `what` could not be read. */
export function unreadable(what: string): MacaroonError {
  return new MacaroonError('ERR_ISSUER_ANSWER', `the issuer's answer cannot be used: ${what} is missing or not as it should be`);
}
