/**
 * Verifies by asking the issuer. What the issuer cannot see is read here: which origin was called, the digest of the content, and the key that signed
 * the request, whose nonce is kept here too. That of a sealed request is kept at the issuer.
 */
import type { RequestFacts } from '../caveats/caveat-type.js';
import type { Seal } from '../caveats/types/request.js';
import { decode, decodeIdentifier } from '../core/index.js';
import type { ReplayStore } from '../protocol/replay-store.js';
import type { AnswerKey } from '../protocol/sealed-answer.js';
import { type Binding, claimedBinding } from './binding.js';
import { claimRequest } from './claim-request.js';
import type { KeyProof } from './key-proof.js';
import { RequestProofs, type RequestSetup } from './request-proofs.js';
import type { Denial, Explanation, RemoteSource, VerifyContext, VerifyResult } from './result.js';
import type { ToldRequest } from './sent-request.js';

export interface RemoteSetup {
  readonly audience: string;
  readonly source: RemoteSource;
  readonly setup: RequestSetup;
  readonly replayStore: ReplayStore | undefined;
}

/** A call that was made ready for the issuer. */
interface RemoteCall {
  readonly proofs: RequestProofs;
  readonly binding: Binding | undefined;
  readonly seen: RequestFacts | undefined;
  readonly keyProof: KeyProof | undefined;
  readonly context: VerifyContext;
}

export class RemoteVerification {
  readonly #audience: string;
  readonly #source: RemoteSource;
  readonly #setup: RequestSetup;
  readonly #replayStore: ReplayStore | undefined;

  constructor({ audience, source, setup, replayStore }: RemoteSetup) {
    this.#audience = audience;
    this.#source = source;
    this.#setup = setup;
    this.#replayStore = replayStore;
  }

  /** What the issuer answers about the token in `text`, which is one. Throws what the source, the replay store and reading the body throw. */
  async verify(text: string, facts: VerifyContext): Promise<VerifyResult> {
    const call = await this.#call(text, facts);
    const result = await this.#source.verify(this.#audience, text, call.context);
    return call.proofs.finish(result.ok ? ((await this.#objection(call)) ?? result) : result);
  }

  /** The same with every step. */
  async explain(text: string, facts: VerifyContext): Promise<Explanation> {
    const call = await this.#call(text, facts);
    const explanation = await this.#source.explain(this.#audience, text, call.context);
    const { result } = explanation;
    const objection = result.ok ? await this.#objection(call) : undefined;
    if (objection === undefined) return explanation;
    const { caveats, steps, text: told } = explanation;
    return Object.freeze({ result: objection, caveats, steps, text: `${told}\n✗ ${objection.message}` });
  }

  async #call(text: string, { request, ...facts }: VerifyContext): Promise<RemoteCall> {
    const proofs = new RequestProofs(text, request, facts.method, this.#setup);
    const token = decode(text);
    const binding = claimedBinding(token);
    if (binding === undefined)
      return { proofs, binding, seen: undefined, keyProof: undefined, context: { __proto__: null, ...facts } };
    const seen = binding.asksRequest ? await proofs.facts(binding) : undefined;
    const keyProof = await proofs.key(binding, this.#setup.clock());
    // The issuer has found the signature to hold when it tells the key, so the identifier can be read.
    const onAnswerKey = (key: AnswerKey) => proofs.onAnswerKey(() => key, decodeIdentifier(token.root.identifier).tokenId);
    const told = seen === undefined ? {} : { request: toldRequest(seen, onAnswerKey) };
    const shown = binding.asksCertificate ? proofs.certificateThumbprint() : undefined;
    const context = {
      __proto__: null,
      ...facts,
      ...told,
      ...(keyProof === undefined ? {} : { keyThumbprint: keyProof.thumbprint }),
      ...(shown === undefined || facts.certificateThumbprint !== undefined ? {} : { certificateThumbprint: shown }),
    };
    return { proofs, binding, seen, keyProof, context };
  }

  /** Why a request that the issuer allows is refused all the same. */
  async #objection({ proofs, binding, seen, keyProof, context }: RemoteCall): Promise<Denial | undefined> {
    const overridden = binding === undefined ? undefined : proofs.overrideDenial(binding);
    if (overridden !== undefined) return overridden;
    const { seal, sealIndex } = binding ?? {};
    if (seal !== undefined && !isSealedTo(seal, context.method, seen)) {
      const message = 'request: the token is sealed to another request';
      return Object.freeze({
        ok: false,
        code: 'ERR_CAVEAT_DENIED',
        message,
        ...(sealIndex === undefined ? {} : { caveatIndex: sealIndex }),
      });
    }
    const nonces = { audience: this.#audience, windowMs: this.#setup.windowMs, keyProof };
    return await claimRequest(this.#replayStore, nonces);
  }
}

/** Whether `seal` is for the request as it was seen here; its time and nonce are the issuer's to judge. */
function isSealedTo(seal: Seal, method: string | undefined, seen: RequestFacts | undefined): boolean {
  return (
    seal.method === method && seal.authority === seen?.authority && seal.target === seen.target && seal.digest === seen.digest
  );
}

function toldRequest({ authority, target, digest }: RequestFacts, onAnswerKey: (key: AnswerKey) => void): ToldRequest {
  return { authority, target, digest, onAnswerKey };
}
