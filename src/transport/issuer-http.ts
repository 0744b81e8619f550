/**
 * JSON over HTTPS to one issuer: the only place of client, verifier and CLI that opens a connection. It sends secrets, so it checks whom
 * it talks to (`tls.ts`), follows no redirect, and bounds the time and the size of every answer. It retries nothing.
 */
import { readFile } from 'node:fs/promises';
import { Agent, type Dispatcher } from 'undici';
import { decodeUtf8, MacaroonError, requireKnownNames } from '../core/index.js';
import { connectionError } from './connection-error.js';
import { type IssuerUrl, parseIssuerUrl } from './issuer-url.js';
import { parsePin } from './pin.js';
import { answerError, readAnswer } from './read-answer.js';
import { tlsConnector } from './tls.js';

/** Where an issuer is and how it is recognised; a `Credential` is one. */
export interface IssuerEndpoint {
  /** `https` URL; `http` on loopback only. */
  readonly issuer: string;
  /** CA certificates, PEM. */
  readonly ca?: string | undefined;
  /** File with the CA certificates, read at the first request. */
  readonly caFile?: string | undefined;
  /** Pin of the issuer's public key, as curl's `--pinnedpubkey`; alone, or on top of a CA. */
  readonly pinSha256?: string | undefined;
}

export interface IssuerHttpOptions {
  /** Longest time for one request, connecting and reading the answer included, up to 2^31-1 ms; 10,000 ms when absent. */
  readonly timeoutMs?: number | undefined;
  /** Largest answer in bytes; 16 MiB when absent: the lists of an issuer with ten thousand clients take some. */
  readonly maxAnswerBytes?: number | undefined;
}

export interface IssuerRequest {
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Members that are `undefined` are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  /** The `Authorization` header, e.g. from `basicAuthorization`. */
  readonly authorization?: string | undefined;
}

/** What an `IssuerEndpoint` may hold: its own members, and those of a `Credential`, which is one. */
const endpointNames = ['issuer', 'ca', 'caFile', 'pinSha256', 'client', 'secret', 'authMethod', 'credentialId'];
const optionNames = ['timeoutMs', 'maxAnswerBytes'] as const satisfies readonly (keyof IssuerHttpOptions)[];
const maxTimeoutMs = 2 ** 31 - 1;

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** A connection pool to one issuer. Close it when done, or the process stays alive for some seconds. */
export class IssuerHttp {
  readonly #endpoint: IssuerEndpoint;
  readonly #url: IssuerUrl;
  readonly #timeoutMs: number;
  readonly #maxAnswerBytes: number;
  #agent: Promise<Agent> | undefined;

  /** Throws `ERR_ARGUMENT` for a URL, a pin or a limit that cannot be one, for both `ca` and `caFile`, and for an unknown name. */
  constructor(endpoint: IssuerEndpoint, options: IssuerHttpOptions = {}) {
    requireKnownNames(endpoint, endpointNames, 'endpoint');
    requireKnownNames(options, optionNames, 'options');
    this.#url = parseIssuerUrl(endpoint.issuer);
    requireText(endpoint.ca, 'ca');
    requireText(endpoint.caFile, 'caFile');
    if (endpoint.pinSha256 !== undefined) parsePin(endpoint.pinSha256);
    if (endpoint.ca !== undefined && endpoint.caFile !== undefined) {
      throw new MacaroonError('ERR_ARGUMENT', 'give either ca or caFile', { argument: 'caFile' });
    }
    this.#endpoint = endpoint;
    this.#timeoutMs = readLimit(options.timeoutMs, 'timeoutMs', maxTimeoutMs) ?? 10_000;
    this.#maxAnswerBytes = readLimit(options.maxAnswerBytes, 'maxAnswerBytes', Number.MAX_SAFE_INTEGER) ?? 16 * 1024 * 1024;
  }

  /**
   * One request to `path` (from the root of the API, segments already percent-encoded). Resolves to the parsed JSON of a 2xx answer, or to
   * `undefined` for one without a body. `Answer` is what the caller expects; it must check that before relying on it.
   * Throws `ERR_ISSUER_UNREACHABLE`, `ERR_ISSUER_IDENTITY`, `ERR_ISSUER_REFUSED` (with `problem` and `status`), `ERR_ISSUER_ANSWER`,
   * and `ERR_ARGUMENT` for a CA that cannot be read.
   */
  async request<Answer = unknown>(method: HttpMethod, path: string, request: IssuerRequest = {}): Promise<Answer> {
    const agent = await this.#connect();
    const signal = AbortSignal.timeout(this.#timeoutMs);
    try {
      const response = await agent.request({
        origin: this.#url.origin,
        path: `${this.#url.basePath}${path}${queryText(request.query)}`,
        method,
        headers: headersOf(request),
        body: request.body === undefined ? null : JSON.stringify(request.body),
        signal,
      });
      const text = await readBody(response.body, this.#maxAnswerBytes);
      return readAnswer(response.statusCode, mediaTypeOf(response), text) as Answer;
    } catch (cause) {
      throw connectionError(signal.aborted ? signal.reason : cause);
    }
  }

  /** Ends all connections; requests under way fail with `ERR_ISSUER_UNREACHABLE`. */
  async close(): Promise<void> {
    const agent = await this.#agent?.catch(() => undefined);
    await agent?.destroy();
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
    const limits = { headersTimeout: this.#timeoutMs, bodyTimeout: this.#timeoutMs };
    if (!this.#url.isTls) return new Agent({ ...limits, connect: { timeout: this.#timeoutMs } });
    const trust = { ca: caFile === undefined ? ca : await readCaFile(caFile), pinSha256 };
    return new Agent({ ...limits, connect: tlsConnector(trust, this.#timeoutMs) });
  }
}

/** Text of a CA file. Throws `ERR_ARGUMENT` (`caFile`) when it cannot be read. */
export async function readCaFile(path: string): Promise<string> {
  // A number would be read as an open file descriptor.
  requireText(path, 'caFile');
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new MacaroonError('ERR_ARGUMENT', `the CA file ${path} cannot be read`, { argument: 'caFile', cause });
  }
}

function requireText(value: unknown, argument: string): void {
  if (value === undefined || typeof value === 'string') return;
  throw new MacaroonError('ERR_ARGUMENT', `${argument} must be text`, { argument });
}

function readLimit(value: unknown, argument: string, largest: number): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && value >= 1 && value <= largest) return value;
  throw new MacaroonError('ERR_ARGUMENT', `${argument} must be a number from 1 to ${largest}`, { argument });
}

function headersOf(request: IssuerRequest): Record<string, string> {
  return {
    accept: 'application/json, application/problem+json',
    ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(request.authorization === undefined ? {} : { authorization: request.authorization }),
  };
}

function queryText(query: IssuerRequest['query']): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) search.append(name, String(value));
  return search.size === 0 ? '' : `?${search}`;
}

async function readBody(body: Dispatcher.ResponseData['body'], maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    // Leaving the loop destroys the body, and with it the connection.
    if (length > maxBytes) throw answerError(`it is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  try {
    return decodeUtf8(Buffer.concat(chunks, length));
  } catch {
    throw answerError('it is not UTF-8');
  }
}

function mediaTypeOf(response: Dispatcher.ResponseData): string {
  const [mediaType = ''] = String(response.headers['content-type'] ?? '').split(';', 1);
  return mediaType.trim().toLowerCase();
}
