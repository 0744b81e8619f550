/** Audience keys by root key id and generation, as the key sources hold them. */
import { equalBytes, type MacaroonKey } from '../../core/index.js';
import type { AudienceKey, KeyLookup } from '../result.js';

type FoundKey = Extract<KeyLookup, { found: true }>;

export class KeyRing {
  readonly #keys = new Map<string, Map<number, FoundKey>>();
  /** What was found last, until anything changes: most services have few clients, and two tables cost a twentieth of a token that was seen before. */
  #lastRootKeyId = '';
  #lastGeneration = -1;
  #last: FoundKey | undefined;

  get(rootKeyId: string, generation: number): FoundKey | undefined {
    if (rootKeyId === this.#lastRootKeyId && generation === this.#lastGeneration) return this.#last;
    const found = this.#keys.get(rootKeyId)?.get(generation);
    this.#remember(rootKeyId, generation, found);
    return found;
  }

  /** Adds or replaces. A key that is here already stays the same object, as cached signatures hang on it. */
  put(entry: AudienceKey): FoundKey {
    const known = this.get(entry.rootKeyId, entry.generation);
    if (known !== undefined && known.entry.client === entry.client && isSameKey(known.entry.key, entry.key)) return known;
    this.#forget();
    const found = Object.freeze({ found: true, entry: Object.freeze(entry) });
    const generations = this.#keys.get(entry.rootKeyId);
    if (generations === undefined) this.#keys.set(entry.rootKeyId, new Map([[entry.generation, found]]));
    else generations.set(entry.generation, found);
    return found;
  }

  dropRootKey(rootKeyId: string): void {
    this.#forget();
    this.#keys.delete(rootKeyId);
  }

  dropGeneration(generation: number): void {
    this.#forget();
    for (const generations of this.#keys.values()) generations.delete(generation);
  }

  #remember(rootKeyId: string, generation: number, found: FoundKey | undefined): void {
    this.#lastRootKeyId = rootKeyId;
    this.#lastGeneration = generation;
    this.#last = found;
  }

  #forget(): void {
    this.#remember('', -1, undefined);
  }
}

function isSameKey(one: MacaroonKey, other: MacaroonKey): boolean {
  return equalBytes(one.reveal(), other.reveal());
}
