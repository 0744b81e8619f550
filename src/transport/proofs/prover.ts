/** How a client proves itself in a request, and makes sure of the answer: one interface, one file a method, `prover-of.ts` the registry. */
import type { Clock, RandomBytes } from '../../core/index.js';
import type { PlainAnswer } from '../../protocol/answer-signer.js';
import type { RequestParts } from '../../protocol/request-hash.js';

/** A request that is about to be sent. */
export interface ProvingRequest extends RequestParts {
  /** Path and query as they will be sent. */
  readonly target: string;
  /** Names in lower case, without those that the proof adds. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface RequestProof {
  /** Headers to add to the request. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Makes sure that `answer` is the server's answer to this very request. `again`: it is a refusal that a new proof may mend (the clock was corrected
   * by the signed time of the answer); asked for once at most. Throws `InterferenceError`. Absent where answers do not prove themselves.
   */
  readonly checkAnswer?: ((answer: PlainAnswer) => Promise<'final' | 'again'>) | undefined;
}

export interface RequestProver {
  /** A new proof, with a nonce and a time of its own. Throws `ERR_ISSUER_*` where the issuer must be asked first. */
  prove(request: ProvingRequest): Promise<RequestProof>;
}

/** What provers stand on. */
export interface ProverTools {
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** Sends a request without a proof to the issuer and resolves to the JSON of its answer. Throws `ERR_ISSUER_*`. */
  readonly ask: (method: 'GET' | 'POST', path: string, body?: unknown) => Promise<unknown>;
}
