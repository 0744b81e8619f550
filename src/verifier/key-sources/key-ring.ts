/** Audience keys by root key id and generation, as the key sources hold them. */
import { equalBytes, type MacaroonKey } from '../../core/index.js';
import type { AudienceKey, KeyLookup } from '../result.js';

type FoundKey = Extract<KeyLookup, { found: true }>;

export class KeyRing {
  readonly #keys = new Map<string, Map<number, FoundKey>>();

  get(rootKeyId: string, generation: number): FoundKey | undefined {
    return this.#keys.get(rootKeyId)?.get(generation);
  }

  /** Adds or replaces. A key that is here already stays the same object, as cached signatures hang on it. */
  put(entry: AudienceKey): FoundKey {
    const known = this.get(entry.rootKeyId, entry.generation);
    if (known !== undefined && known.entry.client === entry.client && isSameKey(known.entry.key, entry.key)) return known;
    const found = Object.freeze({ found: true, entry: Object.freeze(entry) });
    const generations = this.#keys.get(entry.rootKeyId);
    if (generations === undefined) this.#keys.set(entry.rootKeyId, new Map([[entry.generation, found]]));
    else generations.set(entry.generation, found);
    return found;
  }

  dropRootKey(rootKeyId: string): void {
    this.#keys.delete(rootKeyId);
  }

  dropGeneration(generation: number): void {
    for (const generations of this.#keys.values()) generations.delete(generation);
  }
}

function isSameKey(one: MacaroonKey, other: MacaroonKey): boolean {
  return equalBytes(one.reveal(), other.reveal());
}
