/**
 * JSON over HTTPS to one issuer: the only place of client, verifier and CLI that opens a connection. It sends secrets, so it checks whom
 * it talks to (`tls.ts`), follows no redirect, and bounds the time and the size of every answer. It retries nothing.
 */
import { randomBytes as systemRandomBytes } from 'node:crypto';
import { Agent } from 'undici';
import { type Clock, encodeUtf8, MacaroonError, type RandomBytes, requireKnownNames } from '../core/index.js';
import type { PlainAnswer } from '../protocol/answer-signer.js';
import type { ClientCertificate } from './credential.js';
import { type ExchangeLimits, exchange, exchangeLimits } from './exchange.js';
import type { ClientEndpoint } from './given-credential.js';
import { checkEndpoint, type IssuerEndpoint, readCaFile } from './issuer-endpoint.js';
import type { IssuerUrl } from './issuer-url.js';
import type { ProvingRequest, RequestProver } from './proofs/prover.js';
import { proverOf } from './proofs/prover-of.js';
import { readAnswer } from './read-answer.js';
import { tlsConnector } from './tls.js';

export interface IssuerHttpOptions {
  /**
   * Longest time until the answer of a request is there, connecting included, up to 2^31-1 ms; 10,000 ms when absent. A proof that the issuer must
   * be asked for first, or that has to be made once more, is a request of its own.
   */
  readonly timeoutMs?: number | undefined;
  /** Largest answer in bytes; 16 MiB when absent: the lists of an issuer with ten thousand clients take some. */
  readonly maxAnswerBytes?: number | undefined;
  /** The time that proofs tell; the system's when absent. */
  readonly clock?: Clock | undefined;
  /** Where the nonces of proofs come from; the system's when absent. */
  readonly randomBytes?: RandomBytes | undefined;
}

export interface IssuerRequest {
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Members that are `undefined` are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  /** The `Authorization` header, e.g. of a token; sent instead of the client's own proof. */
  readonly authorization?: string | undefined;
  /** Makes sure that the answer is the issuer's, where the request proves something else than the client. Throws `InterferenceError`. */
  readonly checkAnswer?: ((answer: PlainAnswer) => void) | undefined;
}

const optionNames = [
  'timeoutMs',
  'maxAnswerBytes',
  'clock',
  'randomBytes',
] as const satisfies readonly (keyof IssuerHttpOptions)[];

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';

interface ProvedAnswer {
  readonly answer: PlainAnswer;
  /** Whether the answer proved itself. */
  readonly isChecked: boolean;
}

/** A connection pool to one issuer. Close it when done, or the process stays alive for some seconds. */
export class IssuerHttp {
  readonly #endpoint: IssuerEndpoint;
  readonly #certificate: ClientCertificate | undefined;
  readonly #prover: RequestProver | undefined;
  readonly #url: IssuerUrl;
  readonly #limits: ExchangeLimits;
  #agent: Promise<Agent> | undefined;

  /**
   * To an `endpoint` with a proof, requests are sent as its client; to one without, as nobody.
   * Throws `ERR_ARGUMENT` for a URL, a pin, a proof or a limit that cannot be one, for both `ca` and `caFile`, and for an unknown name.
   */
  constructor(endpoint: IssuerEndpoint | ClientEndpoint, options: IssuerHttpOptions = {}) {
    requireKnownNames(options, optionNames, 'options');
    this.#url = checkEndpoint(endpoint);
    this.#endpoint = endpoint;
    this.#limits = exchangeLimits(options);
    if (!('proof' in endpoint)) return;
    this.#certificate = endpoint.tls;
    if (endpoint.tls !== undefined && !this.#url.isTls) {
      throw new MacaroonError('ERR_ARGUMENT', 'a client certificate is for an https issuer', { argument: 'issuer' });
    }
    const { clock = Date.now, randomBytes = systemRandomBytes } = options;
    const ask = async (method: HttpMethod, path: string, body?: unknown): Promise<unknown> =>
      readAnswer(await this.#exchange(this.#messageOf(method, path, { body })));
    this.#prover = proverOf(endpoint, { clock, randomBytes, ask });
  }

  /**
   * One request to `path` (from the root of the API, segments already percent-encoded). Resolves to the parsed JSON of a 2xx answer, or to
   * `undefined` for one without a body. `Answer` is what the caller expects; it must check that before relying on it.
   * Throws `ERR_ISSUER_UNREACHABLE`, `ERR_ISSUER_IDENTITY`, `ERR_ISSUER_REFUSED` (with `problem`, `status` and perhaps `outcome`), `ERR_ISSUER_ANSWER`,
   * `ERR_INTERFERENCE`, and `ERR_ARGUMENT` for a CA or a client certificate that cannot be read.
   */
  async request<Answer = unknown>(method: HttpMethod, path: string, request: IssuerRequest = {}): Promise<Answer> {
    const message = this.#messageOf(method, path, request);
    const isProved = this.#prover !== undefined && request.authorization === undefined;
    const sent = isProved
      ? await this.#prove(this.#prover, message)
      : { answer: await this.#exchange(message), isChecked: false };
    request.checkAnswer?.(sent.answer);
    const isChecked = sent.isChecked || request.checkAnswer !== undefined;
    return readAnswer(sent.answer, isChecked && method !== 'GET') as Answer;
  }

  /** Ends all connections; requests under way fail with `ERR_ISSUER_UNREACHABLE`. */
  async close(): Promise<void> {
    const agent = await this.#agent?.catch(() => undefined);
    await agent?.destroy();
  }

  /** Everything of a request but its proof. Its body is made text here and nowhere else, as proofs are over its bytes. */
  #messageOf(method: HttpMethod, path: string, { body, query, authorization }: IssuerRequest): ProvingRequest {
    const target = `${this.#url.basePath}${path}${queryText(query)}`;
    return {
      method,
      target,
      targetUri: `${this.#url.origin}${target}`,
      headers: {
        accept: 'application/json, application/problem+json',
        // Signatures of answers are over the bytes that come.
        'accept-encoding': 'identity',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(authorization === undefined ? {} : { authorization }),
      },
      body: body === undefined ? new Uint8Array() : encodeUtf8(JSON.stringify(body)),
    };
  }

  /** Sends `message` with a proof, and once more with a new one where the answer to the first asks for that. */
  async #prove(prover: RequestProver, message: ProvingRequest): Promise<ProvedAnswer> {
    const proof = await prover.prove(message);
    const answer = await this.#exchange(message, proof.headers);
    const isChecked = proof.checkAnswer !== undefined;
    if ((await proof.checkAnswer?.(answer)) !== 'again') return { answer, isChecked };
    const newProof = await prover.prove(message);
    const newAnswer = await this.#exchange(message, newProof.headers);
    await newProof.checkAnswer?.(newAnswer);
    return { answer: newAnswer, isChecked };
  }

  /** The answer to `message` as it came. Throws `ERR_ISSUER_*`, `ERR_ARGUMENT`. */
  async #exchange(message: ProvingRequest, proof: Readonly<Record<string, string>> = {}): Promise<PlainAnswer> {
    const { method, target, body } = message;
    const headers = { ...message.headers, ...proof };
    return exchange(await this.#connect(), { origin: this.#url.origin, target, method, headers, body }, this.#limits, 'issuer');
  }

  #connect(): Promise<Agent> {
    // A CA file that could not be read is tried again at the next request.
    this.#agent ??= this.#createAgent().catch((error: unknown) => {
      this.#agent = undefined;
      throw error;
    });
    return this.#agent;
  }

  async #createAgent(): Promise<Agent> {
    const { ca, caFile, pinSha256 } = this.#endpoint;
    const { timeoutMs } = this.#limits;
    const limits = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
    if (!this.#url.isTls) return new Agent({ ...limits, connect: { timeout: timeoutMs } });
    const trust = { ca: caFile === undefined ? ca : await readCaFile(caFile), pinSha256 };
    return new Agent({ ...limits, connect: tlsConnector(trust, this.#certificate, timeoutMs) });
  }
}

function queryText(query: IssuerRequest['query']): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) search.append(name, String(value));
  return search.size === 0 ? '' : `?${search}`;
}
