/**
 * What one call of `verify` was told of its request, and what it hands back for it: the facts that bound caveats ask for, and the way to sign the
 * answer. One for each call.
 */
import type { RequestFacts } from '../caveats/caveat-type.js';
import { type Clock, MacaroonError, requireKnownNames } from '../core/index.js';
import type { AnswerSigner } from '../protocol/answer-signer.js';
import { singleField } from '../protocol/header-fields.js';
import { type AnswerKey, sealedAnswerSigner } from '../protocol/sealed-answer.js';
import type { Binding } from './binding.js';
import type { KeyProof } from './key-proof.js';
import type { Denial, VerifyContext, VerifyResult } from './result.js';
import { type Origin, RequestReader, type SentRequest, type ToldRequest } from './sent-request.js';

/** What a verifier is, as far as requests are concerned. */
export interface RequestSetup {
  /** None where the service configured none. */
  readonly origins: readonly Origin[];
  readonly windowMs: number;
  readonly clock: Clock;
}

const sentNames = [
  'target',
  'headers',
  'body',
  'certificate',
  'origins',
  'onSigner',
] as const satisfies readonly (keyof SentRequest)[];
const toldNames = ['authority', 'target', 'digest', 'onAnswerKey'] as const satisfies readonly (keyof ToldRequest)[];
const randomBytes = (length: number): Uint8Array => globalThis.crypto.getRandomValues(new Uint8Array(length));

export class RequestProofs {
  readonly #text: string;
  readonly #method: string;
  readonly #setup: RequestSetup;
  readonly #sent: SentRequest | undefined;
  readonly #told: ToldRequest | undefined;
  #reader: RequestReader | undefined;
  #signAnswer: AnswerSigner | undefined;

  /** Throws `ERR_ARGUMENT` for a `request` that is neither kind of one. */
  constructor(text: string, request: VerifyContext['request'], method: string | undefined, setup: RequestSetup) {
    this.#text = text;
    this.#method = method ?? '';
    this.#setup = setup;
    if (request === undefined) return;
    if (typeof request !== 'object' || request === null) throw badRequest();
    if (isSent(request)) {
      requireKnownNames(request, sentNames, 'request');
      this.#sent = request;
    } else if (isTold(request)) {
      if (Array.isArray(request) || hasOthers(request)) requireKnownNames(request, toldNames, 'request');
      this.#told = request;
    } else {
      throw badRequest();
    }
  }

  /** The request as it came, if that was told. */
  get sent(): SentRequest | undefined {
    return this.#sent;
  }

  /** What a `request` caveat is compared with. Throws what reading the body throws. */
  facts(binding: Binding): RequestFacts | undefined | Promise<RequestFacts | undefined> {
    const { windowMs } = this.#setup;
    if (this.#told === undefined) return this.#read()?.facts(binding, windowMs);
    const { authority, target, digest } = this.#told;
    return { authority, target, digest, windowMs, overridesMethod: false };
  }

  /** Why a request with a token that is bound to it is refused for a header that asks to take it for one with another method. */
  overrideDenial({ sealIndex }: Binding): Denial | undefined {
    if (this.#read()?.overridesMethod !== true) return undefined;
    const message = 'request: needs no header that overrides the method, got one';
    const place = sealIndex === undefined ? {} : { caveatIndex: sealIndex };
    return Object.freeze({ ok: false, code: 'ERR_CAVEAT_DENIED', message, ...place });
  }

  /** The proof of the key that `binding` names, if it names one that signed the request. Throws what reading the body throws. */
  key({ keys }: Binding, nowMs: number): KeyProof | undefined | Promise<KeyProof | undefined> {
    return keys.length === 0 ? undefined : this.#read()?.key(keys, nowMs);
  }

  /** SHA-256 of the certificate that the peer showed, if it did. */
  certificateThumbprint(): string | undefined {
    return this.#read()?.certificateThumbprint();
  }

  /** Tells whoever answers how: call it as soon as the signature of a sealed token held. `makeKey` is called where an answer is to be signed. */
  onAnswerKey(makeKey: () => AnswerKey, tokenId: string): void {
    this.#told?.onAnswerKey?.(makeKey());
    if (this.#sent === undefined) return;
    const authorization = singleField(this.#sent.headers, 'authorization') ?? `Macaroon ${this.#text}`;
    const { clock } = this.#setup;
    const request = { method: this.#method, authorization, tokenId };
    let sign: AnswerSigner | undefined;
    this.#signAnswer = (answer) => {
      sign ??= sealedAnswerSigner(makeKey(), request, { clock, randomBytes });
      return sign(answer);
    };
    this.#sent.onSigner?.(this.#signAnswer);
  }

  /** Made when a token asks for it: most ask for nothing. */
  #read(): RequestReader | undefined {
    if (this.#sent !== undefined) this.#reader ??= new RequestReader(this.#sent, this.#method, this.#setup.origins);
    return this.#reader;
  }

  /** `result`, able to sign the answer where it must be signed. */
  finish<Result extends VerifyResult>(result: Result): Result {
    if (this.#signAnswer === undefined) return result;
    return Object.freeze(Object.defineProperty({ ...result }, 'signAnswer', { value: this.#signAnswer }));
  }
}

/** Whether `request` has names, or inherits some, that may be unknown. In a loop of this kind the engine makes no list of them. */
function hasOthers(request: ToldRequest): boolean {
  for (const name in request) {
    if (name !== 'authority' && name !== 'target' && name !== 'digest' && name !== 'onAnswerKey') return true;
  }
  return false;
}

function badRequest(): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', 'request must hold target, headers and body, or authority, target and digest', {
    argument: 'request',
  });
}

function isSent(request: SentRequest | ToldRequest): request is SentRequest {
  return (
    'headers' in request &&
    typeof request.target === 'string' &&
    request.headers instanceof Map &&
    typeof request.body === 'function'
  );
}

function isTold(request: SentRequest | ToldRequest): request is ToldRequest {
  return (
    'digest' in request &&
    typeof request.authority === 'string' &&
    typeof request.target === 'string' &&
    typeof request.digest === 'string'
  );
}
