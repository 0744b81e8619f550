/** Verifies with keys at hand: authentication, then revocation, the identifier's facts and the caveats, in this order and no other. */
import type { RequestContext } from '../caveats/caveat-type.js';
import { type ClearResult, checkConditions, clearConditions, clearedBy } from '../caveats/clear-caveats.js';
import { InForce } from '../caveats/in-force.js';
import type { CaveatRegistry, ParsedCaveat } from '../caveats/registry.js';
import { action } from '../caveats/types/action.js';
import { timeBefore } from '../caveats/types/time-before.js';
import type { IdentifierFacts } from '../core/index.js';
import type { ReplayStore } from '../protocol/replay-store.js';
import type { Binding } from './binding.js';
import { claimRequest } from './claim-request.js';
import { caveatStep, explanationOf } from './explanation.js';
import { type FactInput, factChecks } from './fact-checks.js';
import { type Authentication, authenticate, brokenSource, denied } from './genuine-token.js';
import type { KeyProof } from './key-proof.js';
import { markVerified } from './mark-verified.js';
import type { RequestProofs } from './request-proofs.js';
import type {
  Denial,
  ExplainedStep,
  Explanation,
  KeySource,
  RevocationCode,
  RevocationSubject,
  VerifiedMacaroon,
  VerifyResult,
} from './result.js';
import { isOneArrival, type SentRequest } from './sent-request.js';
import { type GenuineToken, SignatureCache } from './signature-cache.js';

type Authenticated = Extract<Authentication, { ok: true }>;

/** What a local verifier stands on. */
export interface LocalSetup {
  readonly audience: string;
  readonly keys: KeySource;
  readonly registry: CaveatRegistry;
  /** Absent where no request can be bound to a token. */
  readonly replayStore: ReplayStore | undefined;
  /** How far the time of sending of a sealed request may lie from ours. */
  readonly windowMs: number;
}

/** The request at hand as the caveats see it, and the key that signed it, where a caveat asks for one. */
interface BoundContext {
  readonly context: RequestContext;
  readonly keyProof: KeyProof | undefined;
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
  readonly #registry: CaveatRegistry;
  readonly #replayStore: ReplayStore | undefined;
  readonly #windowMs: number;
  readonly #cache = new SignatureCache();
  readonly #accepted = new WeakSet<SentRequest>();

  constructor({ audience, keys, registry, replayStore, windowMs }: LocalSetup) {
    this.#audience = audience;
    this.#keys = keys;
    this.#registry = registry;
    this.#replayStore = replayStore;
    this.#windowMs = windowMs;
  }

  /** The first fault in order, or the verified token. Throws what the key source, the replay store and reading the body throw. */
  async verify(text: string, context: RequestContext, proofs: RequestProofs): Promise<VerifyResult> {
    const authentication = await this.#authenticate(text, proofs);
    if (!authentication.ok) return authentication.denial;
    const revocation = await this.#revocationOf(authentication.token.facts);
    if (revocation !== undefined) return revocation;
    const input = this.#factInput(authentication, context);
    for (const check of factChecks) if (!check.holds(input)) return denied(check.code, check.explain(input));
    const { token } = authentication;
    const bound = token.binding === undefined ? { context, keyProof: undefined } : await bind(token.binding, context, proofs);
    const cleared = clearConditions(token.conditions, bound.context);
    return (cleared.ok ? await this.#claim(token, bound, proofs) : undefined) ?? resultOf(token.facts, cleared);
  }

  /** Every step as far as the token can be trusted to tell it: nothing after a signature that does not hold. */
  async explain(text: string, context: RequestContext, proofs: RequestProofs): Promise<Explanation> {
    const authentication = await this.#authenticate(text, proofs);
    if (!authentication.ok) return explanationOf(authentication.denial, failedSteps(authentication));
    const steps: ExplainedStep[] = authenticationNames.map((name) => ({ holds: true, text: `${name}: ${passedTexts[name]}` }));
    const { token } = authentication;
    const revocation = await this.#revocationOf(token.facts);
    steps.push({ holds: revocation === undefined, text: `revocation: ${revocation?.message ?? 'not revoked'}` });
    let fault: Denial | undefined = revocation;
    const input = this.#factInput(authentication, context);
    for (const check of factChecks) {
      const holds = check.holds(input);
      const why = holds ? check.describe(input) : check.explain(input);
      steps.push({ holds, text: `${check.name}: ${why}` });
      if (!holds) fault ??= denied(check.code, why);
    }
    const bound = token.binding === undefined ? { context, keyProof: undefined } : await bind(token.binding, context, proofs);
    const checked = checkConditions(token.conditions, bound.context);
    for (const { text: condition, ...caveat } of checked) steps.push(caveatStep({ ...caveat, condition }));
    const cleared = clearedBy(checked);
    if (fault !== undefined || !cleared.ok) return explanationOf(fault ?? resultOf(token.facts, cleared), steps);
    const repeated = await this.#claim(token, bound, proofs);
    if (repeated !== undefined) steps.push({ holds: false, text: `nonce: ${repeated.message}` });
    return explanationOf(repeated ?? resultOf(token.facts, cleared), steps);
  }

  /** Forgets every verified signature and ends the key source's work. */
  async close(): Promise<void> {
    this.#cache.clear();
    await this.#keys.close();
  }

  async #authenticate(text: string, proofs: RequestProofs): Promise<Authentication> {
    const authentication = await authenticate(text, this.#audience, this.#keys, this.#registry, this.#cache);
    if (authentication.ok && authentication.answerKey !== undefined) {
      proofs.onAnswerKey(authentication.answerKey, authentication.token.facts.tokenId);
    }
    return authentication;
  }

  /** Claims the nonces of a request whose every condition holds. */
  async #claim(
    { facts, binding }: GenuineToken,
    { keyProof }: BoundContext,
    { sent }: RequestProofs,
  ): Promise<Denial | undefined> {
    if (binding === undefined) return undefined;
    const { seal } = binding;
    if (sent !== undefined && this.#accepted.has(sent)) return undefined;
    const nonces = { audience: this.#audience, tokenId: facts.tokenId, windowMs: this.#windowMs, seal, keyProof };
    const repeated = await claimRequest(this.#replayStore, nonces);
    if (repeated === undefined && sent !== undefined && isOneArrival(sent)) this.#accepted.add(sent);
    return repeated;
  }

  async #revocationOf(facts: IdentifierFacts): Promise<Denial | undefined> {
    const { tokenId, issuedAtMs, client, rootKeyId, generation } = facts;
    const subject: RevocationSubject = { tokenId, issuedAtMs, client, audience: this.#audience, rootKeyId, generation };
    const code = await this.#keys.revocationOf(subject);
    if (code === undefined) return undefined;
    if (!Object.hasOwn(revocationTexts, code)) throw brokenSource('revocationOf');
    return denied(code, revocationTexts[code]);
  }

  #factInput({ token, entry }: Authenticated, context: RequestContext): FactInput {
    return { facts: token.facts, entry, audience: this.#audience, context };
  }
}

/** `context` with what the bound caveats ask for, read only now. Frozen like `context`. */
async function bind(binding: Binding, context: RequestContext, proofs: RequestProofs): Promise<BoundContext> {
  const request = binding.asksRequest ? await proofs.facts(binding) : undefined;
  const keyProof = binding.asksKey ? await proofs.key(context.nowMs) : undefined;
  const bound = {
    __proto__: null,
    ...context,
    request: Object.freeze(request),
    certificateThumbprint:
      context.certificateThumbprint ?? (binding.asksCertificate ? proofs.certificateThumbprint() : undefined),
    keyThumbprint: keyProof?.thumbprint ?? context.keyThumbprint,
  };
  return { context: Object.freeze(bound), keyProof };
}

function resultOf(facts: IdentifierFacts, cleared: ClearResult): VerifyResult {
  return cleared.ok ? verifiedOf(facts, cleared.caveats) : Object.freeze(cleared);
}

function verifiedOf(facts: IdentifierFacts, caveats: readonly ParsedCaveat[]): VerifiedMacaroon {
  const inForce = new InForce(facts);
  for (const caveat of caveats) if (caveat.type === action || caveat.type === timeBefore) inForce.add(caveat);
  return markVerified({
    client: facts.client,
    audience: facts.audience,
    tokenId: facts.tokenId,
    rootKeyId: facts.rootKeyId,
    authMethods: facts.authMethods,
    actions: inForce.value(action, []) ?? facts.actions,
    issuedAtMs: facts.issuedAtMs,
    expiresAtMs: inForce.value(timeBefore) ?? facts.expiresAtMs,
    caveats: caveats.map((caveat) => caveat.text),
  });
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
