/**
 * Records that were read before, as they are committed: a mint asks for the same few again and again. Whatever a commit changes beyond issue
 * times empties it, and so does a commit of another process (group-writer.ts), so that nothing in it outlives what it was read from. Records
 * are immutable; secrets among them redact themselves.
 */
import type { RootKey } from '../../core/index.js';
import type { MintBasis } from '../domain/ports.js';
import type {
  AudienceGenerationRecord,
  AudienceRecord,
  ClientRecord,
  CredentialRecord,
  GrantRecord,
  RevocationRecord,
  RootKeyRecord,
} from '../domain/records.js';
import { RevokedTokens } from './revoked-tokens.js';

/** Records of one kind in each generation. */
const maxRecords = 16_384;

/** What was found under a key, which may be nothing: names that nobody has cost strangers and us the same as others. */
export interface Kept<T> {
  readonly found: T;
}

/** Two generations: when the young one is full, what was not asked for since the last time is forgotten. */
export class KeptRecords<T> {
  #young = new Map<string, Kept<T>>();
  #old = new Map<string, Kept<T>>();

  get(key: string): Kept<T> | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.#put(key, old);
    return old;
  }

  set(key: string, found: T): void {
    this.#put(key, { found });
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }

  #put(key: string, kept: Kept<T>): void {
    if (this.#young.size >= maxRecords) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, kept);
  }
}

export class RecordCache {
  readonly client = new KeptRecords<ClientRecord | undefined>();
  readonly credential = new KeptRecords<CredentialRecord | undefined>();
  readonly credentials = new KeptRecords<readonly CredentialRecord[]>();
  readonly rootKey = new KeptRecords<RootKeyRecord | undefined>();
  readonly rootKeys = new KeptRecords<readonly RootKeyRecord[]>();
  readonly rootKeySecret = new KeptRecords<RootKey | undefined>();
  readonly audience = new KeptRecords<AudienceRecord | undefined>();
  readonly audienceGenerations = new KeptRecords<readonly AudienceGenerationRecord[]>();
  /** By client and audience. */
  readonly grant = new KeptRecords<GrantRecord | undefined>();
  /** By client and audience. */
  readonly mintBasis = new KeptRecords<MintBasis | undefined>();
  readonly verifierAudiences = new KeptRecords<readonly string[]>();
  /** Whether a root key was revoked, by its id. */
  readonly rootKeyRevocation = new KeptRecords<RevocationRecord | undefined>();

  readonly revokedTokens = new RevokedTokens();

  /** Call when anything else than issue times was committed. */
  clear(): void {
    for (const kind of Object.values(this)) if (kind instanceof KeptRecords) kind.clear();
    this.revokedTokens.markStale();
  }
}

/** Names of the kinds of records that are kept. */
export type KeptKind = {
  [Name in keyof RecordCache]: RecordCache[Name] extends KeptRecords<infer _> ? Name : never;
}[keyof RecordCache];

/** What is found of a kind. */
export type FoundOf<Kind extends KeptKind> = RecordCache[Kind] extends KeptRecords<infer Found> ? Found : never;
