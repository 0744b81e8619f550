/**
 * From text to a token whose signature holds: decode, find the key, run the chain. Nothing that the text says is in a message before
 * that, since anyone may have written it.
 */
import { type ConditionReader, type ReadCondition, readConditions } from '../caveats/clear-caveats.js';
import { standardCaveats } from '../caveats/standard.js';
import { request } from '../caveats/types/request.js';
import {
  decode,
  decodeIdentifier,
  encodeUtf8,
  type FlatToken,
  flatSignatureHolds,
  type IdentifierFacts,
  type KeyReference,
  keyReferenceAt,
  knownIdentifierAt,
  MacaroonError,
  MacaroonKey,
  readFlat,
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

type FoundKey = Extract<KeyLookup, { found: true }>;
type KeyFault = Extract<KeyLookup, { found: false }>['code'];

const keyFaults: Readonly<Record<KeyFault, string>> = {
  ERR_KEY_UNKNOWN: 'the token asks for a key that this audience does not have',
  ERR_KEY_DESTROYED: 'the key of the token was destroyed',
  ERR_REVOKED_ROOT_KEY: 'the root key of the token was revoked',
  ERR_REVOKED_AUDIENCE_KEY: 'the audience key of the token was revoked',
};

const standardTypes: ReadonlySet<unknown> = new Set(standardCaveats);
const sealPrefix = encodeUtf8(`${request.name} `);

const signatureFault = 'the signature does not hold: the token was forged or altered, or is for another audience';

/** What it takes to tell whether a text is a token of the audience. */
export interface AuthenticationSetup {
  readonly audience: string;
  readonly keys: KeySource;
  readonly reader: ConditionReader;
  readonly cache: SignatureCache;
}

/**
 * `text` as a token of the audience, if it is one. `keys.find` is asked every time; the chain is run unless the cache knows that the same
 * text held under the same key. Answers at once where `keys` does. Throws what `keys` throws, and `ERR_ARGUMENT` for what `keys` must not answer.
 */
export function authenticate(text: string, setup: AuthenticationSetup): Authentication | Promise<Authentication> {
  const { audience, keys, cache } = setup;
  const known = cache.get(text);
  if (known === undefined) return authenticateAnew(text, setup);
  const { rootKeyId, generation } = known.token.facts;
  const found = keys.find(audience, rootKeyId, generation);
  const decide = (lookup: KeyLookup): Authentication | Promise<Authentication> =>
    isKeyOf(known.key, lookup) ? { ok: true, token: known.token, entry: lookup.entry } : authenticateAnew(text, setup);
  return isPromise(found) ? Promise.resolve(found).then(decide) : decide(found);
}

function isKeyOf(key: MacaroonKey, answer: KeyLookup): answer is FoundKey {
  const lookup = requireLookup(answer);
  return lookup.found && lookup.entry.key === key;
}

function authenticateAnew(text: string, setup: AuthenticationSetup): Authentication | Promise<Authentication> {
  const flat = readFlat(text);
  const reference = flat === undefined ? undefined : keyReferenceAt(flat.bytes, flat.identifierStart, flat.identifierEnd);
  if (flat === undefined || reference === undefined || isSealed(flat)) return authenticateAnyForm(text, setup);
  const lookup = setup.keys.find(setup.audience, reference.rootKeyId, reference.generation);
  // Whoever was asked may have read another text meanwhile.
  if (isPromise(lookup) || !flat.isCurrent()) return authenticateAnyForm(text, setup, lookup);
  requireLookup(lookup);
  if (!lookup.found) return { ok: false, failedAt: 'key', denial: denied(lookup.code, keyFaults[lookup.code]) };
  const { entry } = lookup;
  if (!flatSignatureHolds(flat, entry.key)) {
    return { ok: false, failedAt: 'signature', denial: denied('ERR_SIGNATURE_MISMATCH', signatureFault) };
  }
  const { bytes, identifierStart, identifierEnd } = flat;
  const facts =
    knownIdentifierAt(bytes, identifierStart, identifierEnd) ??
    orDenial(() => decodeIdentifier(bytes.slice(identifierStart, identifierEnd)));
  if ('ok' in facts) return { ok: false, failedAt: 'decode', denial: facts };
  const conditions = conditionsOf(flat, setup.reader);
  // A caveat type may have read one as well.
  if (!flat.isCurrent()) return authenticateAnyForm(text, setup, lookup);
  return { ok: true, token: remember(text, entry.key, genuineToken(facts, conditions), setup.cache), entry };
}

/** Whether the last condition claims to seal the token to a request. */
function isSealed({ bytes, starts, ends, caveatCount }: FlatToken): boolean {
  if (caveatCount === 0) return false;
  const start = starts[caveatCount - 1] as number;
  if ((ends[caveatCount - 1] as number) - start < sealPrefix.length) return false;
  for (let i = 0; i < sealPrefix.length; i++) if (bytes[start + i] !== sealPrefix[i]) return false;
  return true;
}

function conditionsOf(flat: FlatToken, reader: ConditionReader): readonly ReadCondition[] {
  const { bytes, starts, ends, caveatCount } = flat;
  const conditions: ReadCondition[] = [];
  for (let i = 0; i < caveatCount; i++) {
    conditions.push(reader.read(bytes, starts[i] as number, ends[i] as number, i, i === caveatCount - 1));
  }
  return conditions;
}

async function authenticateAnyForm(
  text: string,
  { audience, keys, reader, cache }: AuthenticationSetup,
  asked?: KeyLookup | PromiseLike<KeyLookup>,
): Promise<Authentication> {
  const decoded = decodeToken(text);
  if (!('token' in decoded)) return { ok: false, failedAt: 'decode', denial: decoded };
  const { token, reference } = decoded;
  const lookup = requireLookup(await (asked ?? keys.find(audience, reference.rootKeyId, reference.generation)));
  if (!lookup.found) return { ok: false, failedAt: 'key', denial: denied(lookup.code, keyFaults[lookup.code]) };
  const { entry } = lookup;
  const signature = verifySignature(token, entry.key);
  if (!signature.ok) return { ok: false, failedAt: 'signature', denial: denied(signature.code, messageOf(signature.code)) };
  const facts = orDenial(() => decodeIdentifier(token.root.identifier));
  if ('ok' in facts) return { ok: false, failedAt: 'decode', denial: facts };
  const genuine = genuineToken(facts, readConditions(reader.registry, signature.conditions));
  if (sealOf(token.root) !== undefined) {
    // It comes once, so there is nothing to remember.
    return { ok: true, token: genuine, entry, answerKey: answerKeyOf(signatureBeforeLastCaveat(token.root, entry.key)) };
  }
  return { ok: true, token: remember(text, entry.key, genuine, cache), entry };
}

function genuineToken(facts: IdentifierFacts, conditions: readonly ReadCondition[]): GenuineToken {
  const binding = bindingOf(conditions);
  return { facts, conditions, binding, isStandard: areStandard(conditions), verified: undefined };
}

function areStandard(conditions: readonly ReadCondition[]): boolean {
  for (const { reading } of conditions) if ('type' in reading && !standardTypes.has(reading.type)) return false;
  return true;
}

function remember(text: string, key: MacaroonKey, token: GenuineToken, cache: SignatureCache): GenuineToken {
  if (cache.wasSeen(text)) cache.set(text, key, token);
  return token;
}

/** Whether `value` must be waited for. */
export function isPromise<Value>(value: Value | PromiseLike<Value>): value is PromiseLike<Value> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
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
