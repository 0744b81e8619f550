/** Keys and revocations given in code: for tests, for embedding, and for services that get them some other way. */
import { decodeBase64url, isName, isUuidText, MacaroonError, MacaroonKey } from '../../core/index.js';
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

const unknownKey: KeyLookup = Object.freeze({ found: false, code: 'ERR_KEY_UNKNOWN' });

/** A key source that holds `keys`, which must be those of the verifier's audience. Throws `ERR_ARGUMENT` for what cannot be a key or a revocation. */
export function staticKeys(keys: readonly StaticKey[], options: StaticKeysOptions = {}): KeySource {
  const ring = new KeyRing();
  for (const [index, key] of keys.entries()) {
    const entry = readKey(key, `keys[${index}]`);
    if (ring.get(entry.rootKeyId, entry.generation) !== undefined) throw badArgument(`keys[${index}]`, 'is given twice');
    ring.put(entry);
  }
  const revoked = new RevocationSet();
  for (const [index, revocation] of (options.revocations ?? []).entries()) {
    if (!isRevocation(revocation)) throw badArgument(`revocations[${index}]`, 'is not a revocation');
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
  const { rootKeyId, generation, client } = given;
  if (bytesOf(rootKeyId)?.length !== 16) throw badArgument(argument, 'needs a rootKeyId: base64url of 16 bytes');
  if (!isGeneration(generation)) throw badArgument(argument, 'needs a generation: 0 to 2^32-1');
  if (typeof client !== 'string' || !isName(client)) throw badArgument(argument, 'needs the name of its client');
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

function isRevocation(value: Revocation): boolean {
  switch (value.kind) {
    case 'token':
      return isUuidText(value.tokenId);
    case 'client':
      return isName(value.client) && Number.isFinite(value.beforeMs);
    case 'root_key':
      return bytesOf(value.rootKeyId)?.length === 16;
    case 'audience_key':
      return isName(value.audience) && isGeneration(value.generation);
    default:
      return false;
  }
}

function isGeneration(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffffffff;
}

function badArgument(argument: string, fault: string): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', `${argument} ${fault}`, { argument });
}
