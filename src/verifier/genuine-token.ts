/**
 * From text to a token whose signature holds: decode, find the key, run the chain. Nothing that the text says is in a message before
 * that, since anyone may have written it.
 */
import { readConditions } from '../caveats/clear-caveats.js';
import type { CaveatRegistry } from '../caveats/registry.js';
import {
  decode,
  decodeIdentifier,
  type KeyReference,
  MacaroonError,
  MacaroonKey,
  readKeyReference,
  signatureBeforeLastCaveat,
  type UnverifiedMacaroon,
  verifySignature,
} from '../core/index.js';
import { type AnswerKey, answerKeyOf } from '../protocol/sealed-answer.js';
import { sealOf } from '../protocol/sealed-request.js';
import { bindingOf } from './binding.js';
import type { AudienceKey, Denial, DenialCode, KeyLookup, KeySource } from './result.js';
import type { GenuineToken, SignatureCache } from './signature-cache.js';

/** How far a text came. */
export type Authentication =
  | {
      readonly ok: true;
      readonly token: GenuineToken;
      readonly entry: AudienceKey;
      /** What the answer must be signed with; there when the token claims to be sealed, whether it is sealed well or not. */
      readonly answerKey?: AnswerKey;
    }
  | { readonly ok: false; readonly failedAt: 'decode' | 'key' | 'signature'; readonly denial: Denial };

type KeyFault = Extract<KeyLookup, { found: false }>['code'];

const keyFaults: Readonly<Record<KeyFault, string>> = {
  ERR_KEY_UNKNOWN: 'the token asks for a key that this audience does not have',
  ERR_KEY_DESTROYED: 'the key of the token was destroyed',
  ERR_REVOKED_ROOT_KEY: 'the root key of the token was revoked',
  ERR_REVOKED_AUDIENCE_KEY: 'the audience key of the token was revoked',
};

const signatureFault = 'the signature does not hold: the token was forged or altered, or is for another audience';

/**
 * `text` as a token of `audience`, if it is one, with its conditions as `registry` reads them. `keys.find` is asked every time; the chain is run unless `cache` knows that the same
 * text held under the same key. Throws what `keys` throws, and `ERR_ARGUMENT` for what `keys` must not answer.
 */
export async function authenticate(
  text: string,
  audience: string,
  keys: KeySource,
  registry: CaveatRegistry,
  cache: SignatureCache,
): Promise<Authentication> {
  const known = cache.get(text);
  if (known !== undefined) {
    const { rootKeyId, generation } = known.token.facts;
    const lookup = requireLookup(await keys.find(audience, rootKeyId, generation));
    if (lookup.found && lookup.entry.key === known.key) return { ok: true, token: known.token, entry: lookup.entry };
  }
  const decoded = decodeToken(text);
  if (!('token' in decoded)) return { ok: false, failedAt: 'decode', denial: decoded };
  const { token, reference } = decoded;
  const lookup = requireLookup(await keys.find(audience, reference.rootKeyId, reference.generation));
  if (!lookup.found) return { ok: false, failedAt: 'key', denial: denied(lookup.code, keyFaults[lookup.code]) };
  const { entry } = lookup;
  const signature = verifySignature(token, entry.key);
  if (!signature.ok) return { ok: false, failedAt: 'signature', denial: denied(signature.code, messageOf(signature.code)) };
  const facts = orDenial(() => decodeIdentifier(token.root.identifier));
  if ('ok' in facts) return { ok: false, failedAt: 'decode', denial: facts };
  const conditions = readConditions(registry, signature.conditions);
  const genuine: GenuineToken = { facts, conditions, binding: bindingOf(conditions) };
  if (sealOf(token.root) !== undefined) {
    // It comes once, so there is nothing to remember.
    return { ok: true, token: genuine, entry, answerKey: answerKeyOf(signatureBeforeLastCaveat(token.root, entry.key)) };
  }
  cache.set(text, entry.key, genuine);
  return { ok: true, token: genuine, entry };
}

/** `lookup`, if a key source may answer so. Anything else is the source's fault, not the token's, and decides nothing. */
function requireLookup(lookup: KeyLookup): KeyLookup {
  if (lookup?.found === true) {
    if (lookup.entry?.key instanceof MacaroonKey && typeof lookup.entry.client === 'string') return lookup;
  } else if (lookup?.found === false && Object.hasOwn(keyFaults, lookup.code)) {
    return lookup;
  }
  throw brokenSource('find');
}

/** The error for a key source that answers `method` with what it must not. */
export function brokenSource(method: keyof KeySource): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', `${method} of the key source answered what it must not`, { argument: 'keys' });
}

/** The token in `text` and the key it asks for, or why it is no token. Throws nothing for any text. */
export function decodeToken(text: string): { readonly token: UnverifiedMacaroon; readonly reference: KeyReference } | Denial {
  return orDenial(() => {
    const token = decode(text);
    return { token, reference: readKeyReference(token.root.identifier) };
  });
}

/** What `read` returns; the `MacaroonError` of a token that is no token becomes a denial. */
function orDenial<Value>(read: () => Value): Value | Denial {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof MacaroonError)) throw error;
    return denied(error.code as DenialCode, error.message);
  }
}

function messageOf(code: DenialCode): string {
  return code.startsWith('ERR_DISCHARGE') || code.startsWith('ERR_LIMIT')
    ? 'the discharges of the token do not hold: one is missing, unused, used twice, too deep, or not bound to it'
    : signatureFault;
}

/** A frozen denial that is not about a caveat. */
export function denied(code: DenialCode, message: string): Denial {
  return Object.freeze({ ok: false, code, message });
}
