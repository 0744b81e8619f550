/** Verifies with keys at hand: authentication, then revocation, the identifier's facts and the caveats, in this order and no other. */
import type { RequestContext, RequestFacts } from '../caveats/caveat-type.js';
import {
  type CheckedCaveat,
  ConditionReader,
  checkConditions,
  clearedBy,
  faultOfCondition,
  type ReadCondition,
} from '../caveats/clear-caveats.js';
import type { CaveatRegistry } from '../caveats/registry.js';
import { isPromise, whenKnown } from '../core/index.js';
import type { ReplayStore } from '../protocol/replay-store.js';
import type { Binding } from './binding.js';
import { claimRequest, sealScope } from './claim-request.js';
import { ConditionLists } from './condition-list.js';
import { caveatStep, explanationOf } from './explanation.js';
import { allFactsHold, type FactInput, factChecks } from './fact-checks.js';
import {
  type Authenticated,
  type Authentication,
  type AuthenticationSetup,
  authenticate,
  brokenSource,
  denied,
  subjectOf,
} from './genuine-token.js';
import type { KeyProof } from './key-proof.js';
import { markVerified } from './mark-verified.js';
import { PrefixCache } from './prefix-cache.js';
import type { RequestProofs } from './request-proofs.js';
import type {
  Denial,
  ExplainedCaveat,
  ExplainedStep,
  Explanation,
  KeySource,
  RevocationCode,
  RevocationSubject,
  VerifiedMacaroon,
  VerifyResult,
} from './result.js';
import { arrivalOf } from './sent-request.js';
import { type GenuineToken, SignatureCache } from './signature-cache.js';
import { type ToldFacts, wholeContext } from './told-facts.js';

/** What a local verifier stands on. */
export interface LocalSetup {
  readonly audience: string;
  readonly keys: KeySource;
  readonly registry: CaveatRegistry;
  /** Absent where no request can be bound to a token. */
  readonly replayStore: ReplayStore | undefined;
  /** How far the time of sending of a sealed request may lie from ours. */
  readonly windowMs: number;
  /** How many texts and beginnings are remembered at most, of each so many. */
  readonly rememberedTokens: number;
}

const revocationTexts: Readonly<Record<RevocationCode, string>> = {
  ERR_REVOKED_TOKEN: 'the token was revoked',
  ERR_REVOKED_CLIENT: "the client's tokens were revoked up to a time after this one was issued",
  ERR_REVOKED_ROOT_KEY: 'the root key of the token was revoked',
  ERR_REVOKED_AUDIENCE_KEY: 'the audience key of the token was revoked',
};

export class LocalVerification {
  readonly #audience: string;
  readonly #keys: KeySource;
  readonly #replayStore: ReplayStore | undefined;
  readonly #windowMs: number;
  readonly #cache: SignatureCache<Authenticated>;
  readonly #prefixes: PrefixCache;
  readonly #setup: AuthenticationSetup;
  readonly #accepted = new WeakSet<object>();

  constructor({ audience, keys, registry, replayStore, windowMs, rememberedTokens }: LocalSetup) {
    this.#audience = audience;
    this.#keys = keys;
    this.#cache = new SignatureCache(rememberedTokens);
    this.#prefixes = new PrefixCache(rememberedTokens);
    const reader = new ConditionReader(registry);
    const lists = new ConditionLists(reader);
    this.#setup = { audience, keys, reader, lists, cache: this.#cache, prefixes: this.#prefixes };
    this.#replayStore = replayStore;
    this.#windowMs = windowMs;
  }

  /**
   * The first fault in order, or the verified token: at once, unless something has to be waited for. Throws, or rejects with, what the key source, the
   * replay store and reading the body throw.
   */
  verify(text: string, facts: ToldFacts, proofs: RequestProofs): VerifyResult | Promise<VerifyResult> {
    const authentication = authenticate(text, this.#setup);
    // Ours, or a promise of ours: here that is told sooner than by `isPromise`, which is asked of everything.
    return 'ok' in authentication
      ? this.#verifyAuthentic(authentication, facts, proofs)
      : authentication.then((late) => this.#verifyAuthentic(late, facts, proofs));
  }

  #verifyAuthentic(
    authentication: Authentication,
    facts: ToldFacts,
    proofs: RequestProofs,
  ): VerifyResult | Promise<VerifyResult> {
    if (!authentication.ok) return authentication.denial;
    tellAnswerKey(authentication, proofs);
    const code = this.#keys.revocationOf(this.#subjectOf(authentication.token));
    return isPromise(code)
      ? Promise.resolve(code).then((late) => this.#verifyInForce(authentication, late, facts, proofs))
      : this.#verifyInForce(authentication, code, facts, proofs);
  }

  #subjectOf({ facts, subject }: GenuineToken): RevocationSubject {
    return subject ?? subjectOf(facts, this.#audience);
  }

  #verifyInForce(
    authentication: Authenticated,
    code: RevocationCode | undefined,
    facts: ToldFacts,
    proofs: RequestProofs,
  ): VerifyResult | Promise<VerifyResult> {
    if (code !== undefined) return revokedBy(code);
    const { token, entry } = authentication;
    if (!allFactsHold(token.facts, facts, this.#audience, entry)) {
      const fault = this.#factFault(authentication, facts);
      if (fault !== undefined) return fault;
    }
    if (token.binding !== undefined) return this.#verifyBound(token, token.binding, facts, proofs);
    return faultOf(token, facts) ?? verifiedOf(token);
  }

  #verifyBound(
    token: GenuineToken,
    binding: Binding,
    facts: ToldFacts,
    proofs: RequestProofs,
  ): VerifyResult | Promise<VerifyResult> {
    const keyProof = bind(binding, facts, proofs);
    return isPromise(keyProof)
      ? keyProof.then((late) => this.#verifyProven(token, facts, late, proofs))
      : this.#verifyProven(token, facts, keyProof, proofs);
  }

  #verifyProven(
    token: GenuineToken,
    facts: ToldFacts,
    keyProof: KeyProof | undefined,
    proofs: RequestProofs,
  ): VerifyResult | Promise<VerifyResult> {
    const fault = faultOf(token, facts);
    if (fault !== undefined && !isEarly(token, fault, facts.nowMs)) return fault;
    const repeated = this.#claim(token, keyProof, proofs);
    return isPromise(repeated)
      ? repeated.then((late) => fault ?? late ?? verifiedOf(token))
      : (fault ?? repeated ?? verifiedOf(token));
  }

  /** Every step as far as the token can be trusted to tell it: nothing after a signature that does not hold. */
  async explain(text: string, facts: ToldFacts, proofs: RequestProofs): Promise<Explanation> {
    const authentication = await authenticate(text, this.#setup);
    if (!authentication.ok) return explanationOf(authentication.denial, [], () => failedSteps(authentication));
    const { token, entry } = authentication;
    tellAnswerKey(authentication, proofs);
    const code = await this.#keys.revocationOf(this.#subjectOf(token));
    const revocation = code === undefined ? undefined : revokedBy(code);
    const keyProof = token.binding === undefined ? undefined : await bind(token.binding, facts, proofs);
    const context = contextFor(token, facts);
    const input = this.#factInput(authentication, context);
    const { list, seal } = token;
    const checked = checkConditions(seal === undefined ? list.conditions : [...list.conditions, seal], context);
    const cleared = clearedBy(checked);
    const fault = revocation ?? this.#factFault(authentication, context) ?? (cleared.ok ? undefined : Object.freeze(cleared));
    const repeated = fault === undefined ? await this.#claim(token, keyProof, proofs) : undefined;
    return explanationOf(fault ?? repeated ?? verifiedOf(token), checked.map(toExplained), (caveats) => [
      ...authenticationNames.map((name) => ({ holds: true, text: `${name}: ${passedTexts[name]}` })),
      { holds: revocation === undefined, text: `revocation: ${revocation?.message ?? 'not revoked'}` },
      ...factChecks.map((check) => {
        const holds = check.holds(token.facts, context, this.#audience, entry);
        return { holds, text: `${check.name}: ${holds ? check.describe(input) : check.explain(input)}` };
      }),
      ...caveats.map(caveatStep),
      ...(repeated === undefined ? [] : [{ holds: false, text: `nonce: ${repeated.message}` }]),
    ]);
  }

  /** Forgets every verified signature and ends the key source's work. */
  async close(): Promise<void> {
    this.#cache.clear();
    this.#prefixes.clear();
    await this.#keys.close();
  }

  /** Claims the nonces of a request whose every condition holds. */
  #claim(
    token: GenuineToken,
    keyProof: KeyProof | undefined,
    proofs: RequestProofs,
  ): Denial | undefined | Promise<Denial | undefined> {
    const { binding } = token;
    if (binding === undefined) return undefined;
    const overridden = proofs.overrideDenial(binding);
    if (overridden !== undefined) return overridden;
    const { seal, sealIndex } = binding;
    const arrival = proofs.sent === undefined ? undefined : arrivalOf(proofs.sent);
    if (arrival !== undefined && this.#accepted.has(arrival)) return undefined;
    const sealed = seal && { seal, caveatIndex: sealIndex, scope: this.#sealScopeOf(token) };
    const nonces = { audience: this.#audience, windowMs: this.#windowMs, sealed, keyProof };
    const claimed = claimRequest(this.#replayStore, nonces);
    if (arrival === undefined) return claimed;
    return whenKnown(claimed, (repeated) => {
      if (repeated === undefined) this.#accepted.add(arrival);
      return repeated;
    });
  }

  /** Made once for all tokens that begin alike. */
  #sealScopeOf({ facts, prefix }: GenuineToken): string {
    if (prefix === undefined) return sealScope(this.#audience, facts.tokenId);
    prefix.sealScope ??= sealScope(this.#audience, facts.tokenId);
    return prefix.sealScope;
  }

  /** Why the identifier of the token does not allow the request; `undefined` when it does. */
  #factFault(authentication: Authenticated, context: RequestContext): Denial | undefined {
    const { token, entry } = authentication;
    const failed = factChecks.find((check) => !check.holds(token.facts, context, this.#audience, entry));
    return failed && denied(failed.code, failed.explain(this.#factInput(authentication, context)));
  }

  #factInput({ token, entry }: Authenticated, context: RequestContext): FactInput {
    return { facts: token.facts, entry, audience: this.#audience, context };
  }
}

/** Whether a sealed request is refused for its time alone, which is yet to come: its sender seals another one, so this one must serve nobody then. */
function isEarly({ binding }: GenuineToken, cleared: Denial, nowMs: number): boolean {
  return cleared.code === 'ERR_REQUEST_STALE' && binding?.seal !== undefined && binding.seal.sentAtMs > nowMs;
}

/** Adds to `facts` what the bound caveats ask for, read only now. Gives the proof of the key that signed the request, where a caveat names one. */
function bind(binding: Binding, facts: ToldFacts, proofs: RequestProofs): KeyProof | undefined | Promise<KeyProof | undefined> {
  const request = binding.asksRequest ? proofs.facts(binding) : undefined;
  if (isPromise(request)) return request.then((late) => bindTo(late, binding, facts, proofs));
  return bindTo(request, binding, facts, proofs);
}

function bindTo(
  request: RequestFacts | undefined,
  binding: Binding,
  facts: ToldFacts,
  proofs: RequestProofs,
): KeyProof | undefined | Promise<KeyProof | undefined> {
  facts.request = request;
  const keyProof = proofs.key(binding, facts.nowMs);
  return isPromise(keyProof) ? bindToLate(keyProof, binding, facts, proofs) : bindToKey(keyProof, binding, facts, proofs);
}

/** Apart, as a function that has one inside allocates for it also where that is not made. */
function bindToLate(
  keyProof: Promise<KeyProof | undefined>,
  binding: Binding,
  facts: ToldFacts,
  proofs: RequestProofs,
): Promise<KeyProof | undefined> {
  return keyProof.then((late) => bindToKey(late, binding, facts, proofs));
}

function bindToKey(
  keyProof: KeyProof | undefined,
  { asksCertificate }: Binding,
  facts: ToldFacts,
  proofs: RequestProofs,
): KeyProof | undefined {
  if (asksCertificate) facts.certificateThumbprint ??= proofs.certificateThumbprint();
  if (keyProof !== undefined) facts.keyThumbprint = keyProof.thumbprint;
  return keyProof;
}

/** Tells whoever answers how, as soon as the signature of a sealed token held. */
function tellAnswerKey({ answerKey, token }: Authenticated, proofs: RequestProofs): void {
  if (answerKey !== undefined) proofs.onAnswerKey(answerKey, token.facts.tokenId);
}

function revokedBy(code: RevocationCode): Denial {
  if (!Object.hasOwn(revocationTexts, code)) throw brokenSource('revocationOf');
  return denied(code, revocationTexts[code]);
}

/** What the conditions of `token` are shown: types of a service's own get a copy of the facts. */
function contextFor({ isStandard }: GenuineToken, facts: ToldFacts): RequestContext {
  return isStandard ? facts : wholeContext(facts);
}

/** The first condition of `token` that does not hold; `undefined` when all do. */
function faultOf(token: GenuineToken, facts: ToldFacts): Denial | undefined {
  const context = contextFor(token, facts);
  const { conditions } = token.list;
  for (let i = 0; i < conditions.length; i++) {
    const fault = faultOfCondition(conditions[i] as ReadCondition, context);
    if (fault !== undefined) return Object.freeze(fault);
  }
  const fault = token.seal && faultOfCondition(token.seal, context);
  return fault && Object.freeze(fault);
}

/** The result for `token` when all its conditions hold. It says nothing of the request, so a token that is kept has one for all. */
function verifiedOf(token: GenuineToken): VerifiedMacaroon {
  token.verified ??= newVerified(token);
  return token.verified;
}

function newVerified({ facts, list, seal }: GenuineToken): VerifiedMacaroon {
  return markVerified({
    client: facts.client,
    audience: facts.audience,
    tokenId: facts.tokenId,
    rootKeyId: facts.rootKeyId,
    authMethods: facts.authMethods,
    actions: list.actionsOf(facts.actions),
    issuedAtMs: facts.issuedAtMs,
    expiresAtMs: Math.min(facts.expiresAtMs, list.expiresAtMs),
    caveats: seal === undefined ? list.texts : textsWith(list.conditions, seal),
  });
}

/** The texts of `conditions`, and that of `seal`: filled in, as a list that grows has room for several times as many. */
function textsWith(conditions: readonly ReadCondition[], { reading }: ReadCondition): readonly string[] {
  const { length } = conditions;
  const all = new Array<string>(length + 1);
  for (let i = 0; i < length; i++) all[i] = (conditions[i] as ReadCondition).reading.text;
  all[length] = reading.text;
  return Object.freeze(all);
}

function toExplained({ text, holds, message, caveatIndex, dischargeIndex }: CheckedCaveat): ExplainedCaveat {
  const place = dischargeIndex === undefined ? { caveatIndex } : { caveatIndex, dischargeIndex };
  return { condition: text, holds, message, ...place };
}

const authenticationNames = ['decode', 'key', 'signature'] as const;
const passedTexts = { decode: 'the token is well formed', key: 'known to this audience', signature: 'holds' } as const;

function failedSteps({ failedAt, denial }: Extract<Authentication, { ok: false }>): readonly ExplainedStep[] {
  const failedIndex = authenticationNames.indexOf(failedAt);
  return authenticationNames.slice(0, failedIndex + 1).map((name) => ({
    holds: name !== failedAt,
    text: `${name}: ${name === failedAt ? denial.message : passedTexts[name]}`,
  }));
}
