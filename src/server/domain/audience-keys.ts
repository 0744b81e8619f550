/**
 * Keys of audiences, each derived once while its root key is held: a mint and a verification need the same few again and again. They go when the
 * store lets go of the root key, which it does with every change (store/record-cache.ts), and redact themselves like it.
 */
import { deriveAudienceKey, type MacaroonKey, type RootKey } from '../../core/index.js';

/** Audiences and generations of one root key; more are derived anew. */
const maxKeys = 64;

const derived = new WeakMap<RootKey, Map<string, MacaroonKey>>();

/** See `deriveAudienceKey`. */
export function audienceKeyOf(rootKey: RootKey, audience: string, generation: number): MacaroonKey {
  const keys = derived.get(rootKey) ?? new Map<string, MacaroonKey>();
  const place = `${generation} ${audience}`;
  const known = keys.get(place);
  if (known !== undefined) return known;
  const key = deriveAudienceKey(rootKey, audience, generation);
  if (keys.size < maxKeys) derived.set(rootKey, keys.set(place, key));
  return key;
}
