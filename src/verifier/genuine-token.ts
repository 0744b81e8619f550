/**
 * From text to a token whose signature holds: decode, find the key, run the chain. Nothing that the text says is in a message before
 * that, since anyone may have written it.
 */
import { type ConditionReader, type ReadCondition, readConditions, sealedBy } from '../caveats/clear-caveats.js';
import { readSeal, request } from '../caveats/types/request.js';
import {
  chainBeforeLastCaveat,
  chainOfSignature,
  conditionAfter,
  decode,
  decodeIdentifier,
  encodeUtf8,
  type FlatCondition,
  type FlatMacaroon,
  type FlatToken,
  flatSignatureFault,
  type IdentifierFacts,
  isPromise,
  type KeyReference,
  keyReferenceAt,
  knownIdentifierAt,
  type Macaroon,
  MacaroonError,
  MacaroonKey,
  readFlat,
  readKeyReference,
  signatureBeforeLastCaveat,
  signatureOfChain,
  textsRead,
  type UnverifiedMacaroon,
  usedDischarges,
  verifySignature,
} from '../core/index.js';
import { type AnswerKey, answerKeyOf } from '../protocol/sealed-answer.js';
import { bindingOf, sealedBinding } from './binding.js';
import { ConditionList, type ConditionLists, isOfThisProject } from './condition-list.js';
import type { KnownText, Prefix, PrefixCache } from './prefix-cache.js';
import type { AudienceKey, Denial, DenialCode, KeyLookup, KeySource, RevocationSubject } from './result.js';
import { type GenuineToken, type SignatureCache, textNumber } from './signature-cache.js';

/** A token whose signature held, and the key it held under. */
export interface Authenticated {
  readonly ok: true;
  /** Kept to be compared where the token is remembered. */
  readonly text: string;
  readonly token: GenuineToken;
  readonly entry: AudienceKey;
  /** The key of `entry` when the signature held: the source may put another one into the same entry. */
  readonly key: MacaroonKey;
  /** What the answer must be signed with, made when it is asked for; there when the token claims to be sealed, whether it is sealed well or not. */
  readonly answerKey: (() => AnswerKey) | undefined;
}

/** How far a text came. */
export type Authentication =
  | Authenticated
  | { readonly ok: false; readonly failedAt: 'decode' | 'key' | 'signature'; readonly denial: Denial };

type KeyFault = Extract<KeyLookup, { found: false }>['code'];

const keyFaults: Readonly<Record<KeyFault, string>> = {
  ERR_KEY_UNKNOWN: 'the token asks for a key that this audience does not have',
  ERR_KEY_DESTROYED: 'the key of the token was destroyed',
  ERR_REVOKED_ROOT_KEY: 'the root key of the token was revoked',
  ERR_REVOKED_AUDIENCE_KEY: 'the audience key of the token was revoked',
};

const sealPrefix = encodeUtf8(`${request.name} `);

const signatureFault = 'the signature does not hold: the token was forged or altered, or is for another audience';

/** What it takes to tell whether a text is a token of the audience. */
export interface AuthenticationSetup {
  readonly audience: string;
  readonly keys: KeySource;
  readonly reader: ConditionReader;
  readonly lists: ConditionLists;
  readonly cache: SignatureCache<Authenticated>;
  readonly prefixes: PrefixCache;
}

/**
 * `text` as a token of the audience, if it is one. `keys.find` is asked every time; the chain is run unless a cache knows that the same
 * text, or the beginning of it, held under the same key. Answers at once where `keys` does. Throws what `keys` throws, and `ERR_ARGUMENT` for what `keys` must not answer.
 */
export function authenticate(text: string, setup: AuthenticationSetup): Authentication | Promise<Authentication> {
  const number = textNumber(text);
  const same = setup.cache.get(number, text);
  const beginning = same === undefined ? setup.prefixes.ofText(text) : undefined;
  const known = same ?? (beginning && sealedChild(text, beginning, setup.reader));
  if (known === undefined) return authenticateAnew(text, number, setup, beginning);
  const { rootKeyId, generation } = known.token.facts;
  const found = setup.keys.find(setup.audience, rootKeyId, generation);
  if (!isPromise(found)) return stillUnder(known, found) ?? authenticateAnew(text, number, setup, beginning);
  return Promise.resolve(found).then((late) => stillUnder(known, late) ?? authenticateAnew(text, number, setup, beginning));
}

/** A token whose signature held under `key`, which may be another by now. */
type Held = Omit<Authenticated, 'ok' | 'entry'> & { readonly ok?: true; readonly entry?: AudienceKey };

/** `held`, if the key that it held under is the one in force. */
function stillUnder(held: Held | Authenticated, answer: KeyLookup): Authenticated | undefined {
  const lookup = requireLookup(answer);
  if (!lookup.found || lookup.entry.key !== held.key) return undefined;
  const { text, token, key, answerKey } = held;
  return lookup.entry === held.entry ? (held as Authenticated) : { ok: true, text, token, entry: lookup.entry, key, answerKey };
}

/** The token in `text`, which begins as `known`, if it goes on with a seal alone: its signature holds then, under the key of the beginning. */
function sealedChild(text: string, { opening, entry: { prefix, key } }: KnownText, reader: ConditionReader): Held | undefined {
  const list = prefix.lists.sealed;
  if (list === undefined || !reader.knowsSeals) return undefined;
  const condition = conditionAfter(text, opening, prefix);
  if (condition === undefined || !isCalledSeal(condition)) return undefined;
  const { bytes, view, start, end } = condition;
  const reading = readSeal(bytes, view, start, end, start + sealPrefix.length);
  if (reading === undefined) return undefined;
  const index = prefix.caveatCount;
  const { facts, subject } = prefix;
  const binding = sealedBinding(reading.value, index, list.binding);
  const { isStandard } = list;
  const token = { facts, list, seal: sealedBy(reading, index), binding, isStandard, subject, prefix, verified: undefined };
  return { text, token, key, answerKey: answerKeyMaker(prefix.chain) };
}

function authenticateAnew(
  text: string,
  number: number,
  setup: AuthenticationSetup,
  beginning: KnownText | undefined,
): Authentication | Promise<Authentication> {
  const flat = readFlat(text, beginning?.opening.beginning);
  const reading = textsRead();
  const reference = flat === undefined ? undefined : keyReferenceAt(flat.bytes, flat.identifierStart, flat.identifierEnd);
  if (flat === undefined || reference === undefined) return authenticateAnyForm(text, number, setup);
  const lookup = setup.keys.find(setup.audience, reference.rootKeyId, reference.generation);
  if (isPromise(lookup)) return authenticateAnyForm(text, number, setup, lookup);
  requireLookup(lookup);
  if (!lookup.found) return { ok: false, failedAt: 'key', denial: denied(lookup.code, keyFaults[lookup.code]) };
  const { entry } = lookup;
  const { key } = entry;
  // Whoever was asked may have read another text meanwhile, and so may the answer, whose members may be made when they are looked at.
  if (textsRead() !== reading) return authenticateAnyForm(text, number, setup, lookup);
  // Beginnings are remembered of plain tokens alone.
  const known = flat.isPlain ? setup.prefixes.longest(flat, key, beginning) : undefined;
  const fault = flatSignatureFault(flat, key, known);
  if (fault !== undefined) return { ok: false, failedAt: 'signature', denial: denied(fault, messageOf(fault)) };
  const facts = known?.facts ?? factsOf(flat, reference);
  if ('ok' in facts) return { ok: false, failedAt: 'decode', denial: facts };
  const claimsSeal = endsInSeal(flat);
  const chainBefore = claimsSeal ? chainBeforeSeal(flat, known) : undefined;
  const last = flat.caveatCount - 1;
  const isNewBeginning = flat.isPlain && last >= 0 && known?.caveatCount !== last;
  // What begins with what was never seen was not seen itself, and need not be looked up.
  const sighting = isNewBeginning ? setup.prefixes.see(flat, last, number) : 'other';
  // A sealed token comes once, so of that there is nothing to remember but what it began with.
  const wasSeen = !claimsSeal && (sighting === 'same' || (sighting === 'other' && setup.cache.wasSeen(number)));
  const isBeginning = isNewBeginning && !wasSeen && sighting !== 'none';
  const subject = known?.subject ?? (wasSeen || isBeginning ? Object.freeze(subjectOf(facts, setup.audience)) : undefined);
  if (subject !== undefined && flat.isPlain) {
    if (wasSeen) setup.prefixes.set(flat, flat.caveatCount, key, { facts, subject, chain: chainOfSignature(flat) });
    if (isBeginning) {
      const parts = { facts, subject, chain: chainBeforeLastCaveat() };
      setup.prefixes.setText(text, flat, setup.prefixes.set(flat, last, key, parts));
    } else if (beginning === undefined && known?.caveatCount === last) {
      setup.prefixes.setTextAgain(text, flat, known);
    }
  }
  const token = tokenOf(flat, facts, subject, claimsSeal, setup, known, reading);
  // A caveat type may have read a text as well.
  if (textsRead() !== reading) return authenticateAnyForm(text, number, setup, lookup);
  const answerKey = chainBefore && answerKeyMaker(chainBefore);
  const authenticated: Authenticated = { ok: true, text, token, entry, key, answerKey };
  if (wasSeen) setup.cache.set(number, authenticated);
  return authenticated;
}

/** Apart, as a function that has one inside allocates for it also where that is not made. */
function answerKeyMaker(chainBefore: Int32Array): () => AnswerKey {
  return () => answerKeyOf(signatureOfChain(chainBefore));
}

/** What revocation looks at: what `facts` say, but under our own audience, whatever the token says. Made for it, as the key source is not ours. */
export function subjectOf(
  { tokenId, issuedAtMs, client, rootKeyId, generation }: IdentifierFacts,
  audience: string,
): RevocationSubject {
  return { tokenId, issuedAtMs, client, audience, rootKeyId, generation };
}

function factsOf({ bytes, identifierStart, identifierEnd }: FlatToken, reference: KeyReference): IdentifierFacts | Denial {
  return (
    knownIdentifierAt(bytes, identifierStart, identifierEnd, reference) ??
    orDenial(() => decodeIdentifier(bytes.slice(identifierStart, identifierEnd)))
  );
}

/** Whether the last condition of the root macaroon claims to seal the token to a request. */
function endsInSeal({ bytes, starts, ends, verificationIdStarts, caveatCount }: FlatToken): boolean {
  if (caveatCount === 0 || verificationIdStarts[caveatCount - 1] !== 0) return false;
  return isCalledSeal({ bytes, start: starts[caveatCount - 1] as number, end: ends[caveatCount - 1] as number });
}

/** The same of a macaroon as a value. By the bytes, as those of a seal that is none may be no text. */
function rootEndsInSeal({ caveats }: Macaroon): boolean {
  const last = caveats.at(-1);
  return last?.kind === 'first-party' && isCalledSeal({ bytes: last.condition, start: 0, end: last.condition.length });
}

function isCalledSeal({ bytes, start, end }: Omit<FlatCondition, 'view'>): boolean {
  if (end - start < sealPrefix.length) return false;
  for (let i = 0; i < sealPrefix.length; i++) if (bytes[start + i] !== sealPrefix[i]) return false;
  return true;
}

/** What the chain was before the last caveat of `flat`, whose beginning is `known` where that is told. */
function chainBeforeSeal({ caveatCount }: FlatToken, known: Prefix | undefined): Int32Array {
  return known?.caveatCount === caveatCount - 1 ? known.chain : chainBeforeLastCaveat();
}

/**
 * What `flat` says, whose beginning is `known` where that is told, and which ends in what claims to be a seal where it `claimsSeal`. It counts for nothing,
 * and nothing of it is kept, where `textsRead` is no longer `reading`.
 */
function tokenOf(
  flat: FlatToken,
  facts: IdentifierFacts,
  subject: RevocationSubject | undefined,
  claimsSeal: boolean,
  { reader, lists }: AuthenticationSetup,
  known: Prefix | undefined,
  reading: number,
): GenuineToken {
  const { bytes, view, starts, ends, caveatCount } = flat;
  const last = caveatCount - 1;
  const seal = claimsSeal ? reader.readSeal(bytes, view, starts[last] as number, ends[last] as number, last) : undefined;
  const isSealed = seal?.isSealed === true;
  const before = known && listOf(flat, known, isSealed, lists, reading);
  if (!flat.isPlain) return genuineToken(facts, subject, new ConditionList(readAll(flat, seal, isSealed, reader)));
  return genuineToken(facts, subject, lists.read(flat, claimsSeal ? last : caveatCount, isSealed, before), seal, known);
}

/** The conditions of the beginning of `flat` that is `known`; kept, unless `textsRead` is no longer `reading`. */
function listOf(flat: FlatToken, known: Prefix, isSealed: boolean, lists: ConditionLists, reading: number): ConditionList {
  const kind = isSealed ? 'sealed' : 'open';
  const kept = known.lists[kind];
  if (kept !== undefined) return kept;
  const list = lists.read(flat, known.caveatCount, isSealed);
  if (textsRead() === reading) known.lists[kind] = list;
  return list;
}

/** The conditions of `flat`, which is not plain: those of its root macaroon, the last of which is `seal` where that is told, then those of its discharges. */
function readAll(
  flat: FlatToken,
  seal: ReadCondition | undefined,
  isSealed: boolean,
  reader: ConditionReader,
): readonly ReadCondition[] {
  const { bytes, starts, ends, verificationIdStarts, caveatCount } = flat;
  const conditions: ReadCondition[] = [];
  for (let i = 0; i < caveatCount - (seal === undefined ? 0 : 1); i++) {
    if (verificationIdStarts[i] !== 0) continue;
    conditions.push(reader.read(bytes, starts[i] as number, ends[i] as number, i, i === caveatCount - 1, isSealed));
  }
  if (seal !== undefined) conditions.push(seal);
  readDischargesInto(conditions, flat, isSealed, reader);
  return conditions;
}

/** `conditions` with those of the discharges of `flat` after them, in the order in which the discharges were asked for. */
function readDischargesInto(
  conditions: ReadCondition[],
  { bytes, starts, ends, verificationIdStarts, discharges }: FlatToken,
  isSealed: boolean,
  reader: ConditionReader,
): void {
  for (const index of usedDischarges()) {
    const { firstCaveat, caveatCount } = discharges[index] as FlatMacaroon;
    for (let i = 0; i < caveatCount; i++) {
      const at = firstCaveat + i;
      if (verificationIdStarts[at] !== 0) continue;
      const isLast = i === caveatCount - 1;
      conditions.push(reader.readDischarged(bytes, starts[at] as number, ends[at] as number, i, index, isLast, isSealed));
    }
  }
}

async function authenticateAnyForm(
  text: string,
  number: number,
  { audience, keys, reader, cache }: AuthenticationSetup,
  asked?: KeyLookup | PromiseLike<KeyLookup>,
): Promise<Authentication> {
  const decoded = decodeToken(text);
  if (!('token' in decoded)) return { ok: false, failedAt: 'decode', denial: decoded };
  const { token, reference } = decoded;
  const lookup = requireLookup(await (asked ?? keys.find(audience, reference.rootKeyId, reference.generation)));
  if (!lookup.found) return { ok: false, failedAt: 'key', denial: denied(lookup.code, keyFaults[lookup.code]) };
  const { entry } = lookup;
  const { key } = entry;
  const signature = verifySignature(token, key);
  if (!signature.ok) return { ok: false, failedAt: 'signature', denial: denied(signature.code, messageOf(signature.code)) };
  const facts = orDenial(() => decodeIdentifier(token.root.identifier));
  if ('ok' in facts) return { ok: false, failedAt: 'decode', denial: facts };
  const claimsSeal = rootEndsInSeal(token.root);
  const wasSeen = !claimsSeal && cache.wasSeen(number);
  const subject = wasSeen ? Object.freeze(subjectOf(facts, audience)) : undefined;
  const genuine = genuineToken(facts, subject, new ConditionList(readConditions(reader.registry, signature.conditions)));
  const answerKey = claimsSeal ? () => answerKeyOf(signatureBeforeLastCaveat(token.root, key)) : undefined;
  const authenticated: Authenticated = { ok: true, text, token: genuine, entry, key, answerKey };
  if (wasSeen) cache.set(number, authenticated);
  return authenticated;
}

function genuineToken(
  facts: IdentifierFacts,
  subject: RevocationSubject | undefined,
  list: ConditionList,
  seal?: ReadCondition,
  prefix?: Prefix,
): GenuineToken {
  const binding = seal === undefined ? list.binding : bindingOf([seal], list.binding);
  const isStandard = list.isStandard && (seal === undefined || isOfThisProject(seal));
  return { facts, list, seal, binding, isStandard, subject, prefix, verified: undefined };
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
