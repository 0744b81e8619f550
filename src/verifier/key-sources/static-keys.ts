/** Keys and revocations given in code: for tests, for embedding, and for services that get them some other way. */
import { decodeBase64url, isName, isUuidText, MacaroonError, MacaroonKey, requireKnownNames } from '../../core/index.js';
import type { AudienceKey, KeyLookup, KeySource } from '../result.js';
import { KeyRing } from './key-ring.js';
import { type Revocation, RevocationSet } from './revocation-set.js';

/** One key of the audience that the verifier is for. */
export interface StaticKey {
  /** Base64url of 16 bytes. */
  readonly rootKeyId: string;
  /** Generation of the audience key, 0 to 2^32-1. */
  readonly generation: number;
  /** The client whose root key the key was derived from. */
  readonly client: string;
  /** K_a: 32 bytes, or their base64url. */
  readonly key: string | Uint8Array;
}

export interface StaticKeysOptions {
  readonly revocations?: readonly Revocation[] | undefined;
}

const keyNames: readonly string[] = ['rootKeyId', 'generation', 'client', 'key'];

type Check = (value: unknown) => boolean;
const isClientOrAudience: Check = (value) => typeof value === 'string' && isName(value);
const isRootKeyId: Check = (value) => typeof value === 'string' && bytesOf(value)?.length === 16;
const isTokenId: Check = (value) => typeof value === 'string' && isUuidText(value);
const isGeneration: Check = (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 0xffffffff;

/** What a revocation of each kind must hold. One that is misspelt, or of another type, would revoke nothing. */
const revocationChecks = new Map<string, Readonly<Record<string, Check>>>([
  ['token', { tokenId: isTokenId, expiresAtMs: (value) => value === undefined || Number.isFinite(value) }],
  ['client', { client: isClientOrAudience, beforeMs: Number.isFinite }],
  ['root_key', { rootKeyId: isRootKeyId }],
  ['audience_key', { audience: isClientOrAudience, generation: isGeneration }],
]);

const unknownKey: KeyLookup = Object.freeze({ found: false, code: 'ERR_KEY_UNKNOWN' });

/**
 * A key source that holds `keys`, which must be those of the verifier's audience. Throws `ERR_ARGUMENT` for what cannot be a key or a
 * revocation, and for an option or a member that there is not.
 */
export function staticKeys(keys: readonly StaticKey[], options: StaticKeysOptions = {}): KeySource {
  requireKnownNames(options, ['revocations'], 'options');
  const { revocations = [] } = options;
  requireList(keys, 'keys');
  requireList(revocations, 'revocations');
  const ring = new KeyRing();
  for (const [index, key] of keys.entries()) {
    const entry = readKey(key, `keys[${index}]`);
    if (ring.get(entry.rootKeyId, entry.generation) !== undefined) throw badArgument(`keys[${index}]`, 'is given twice');
    ring.put(entry);
  }
  const revoked = new RevocationSet();
  for (const [index, revocation] of revocations.entries()) {
    checkRevocation(revocation, `revocations[${index}]`);
    revoked.add(revocation);
  }
  return Object.freeze({
    kind: 'keys',
    find: (audience: string, rootKeyId: string, generation: number): KeyLookup => {
      const code = revoked.revocationOfKey(audience, rootKeyId, generation);
      return code === undefined ? (ring.get(rootKeyId, generation) ?? unknownKey) : { found: false, code };
    },
    revocationOf: (subject) => revoked.revocationOf(subject.audience, subject),
    close: async () => {},
  } satisfies KeySource);
}

function readKey(given: StaticKey, argument: string): AudienceKey {
  requireKnownNames(given, keyNames, argument);
  const { rootKeyId, generation, client } = given;
  if (!isRootKeyId(rootKeyId)) throw badArgument(argument, 'needs a rootKeyId: base64url of 16 bytes');
  if (!isGeneration(generation)) throw badArgument(argument, 'needs a generation: 0 to 2^32-1');
  if (!isClientOrAudience(client)) throw badArgument(argument, 'needs the name of its client');
  const bytes = bytesOf(given.key);
  if (bytes?.length !== 32) throw badArgument(argument, 'needs a key: 32 bytes, or their base64url');
  return { rootKeyId, generation, client, key: new MacaroonKey(bytes) };
}

function bytesOf(value: string | Uint8Array): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  try {
    return decodeBase64url(value);
  } catch {
    return undefined;
  }
}

function checkRevocation(revocation: Revocation, argument: string): void {
  const checks = revocationChecks.get(revocation?.kind);
  if (checks === undefined) throw badArgument(argument, 'is not a revocation');
  requireKnownNames(revocation, ['kind', ...Object.keys(checks)], argument);
  const members: Readonly<Record<string, unknown>> = revocation;
  for (const [name, isRight] of Object.entries(checks)) {
    if (!isRight(members[name])) throw badArgument(argument, `has a wrong ${name}`);
  }
}

function requireList(value: unknown, argument: string): void {
  if (!Array.isArray(value)) throw badArgument(argument, 'must be a list');
}

function badArgument(argument: string, fault: string): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', `${argument} ${fault}`, { argument });
}
