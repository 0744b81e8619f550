/** One request and its whole answer over HTTP/1.1: no redirect is followed, nothing is retried, time and size are bounded. */
import type { Agent, Dispatcher } from 'undici';
import { MacaroonError } from '../core/index.js';
import type { PlainAnswer } from '../protocol/answer-signer.js';
import { connectionError, type Party } from './connection-error.js';
import { answerError } from './read-answer.js';

/** A request as it goes over the wire. */
export interface OutgoingMessage {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Path and query, as they are. */
  readonly target: string;
  readonly method: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Empty for none. */
  readonly body: Uint8Array;
}

export interface ExchangeLimits {
  /** For all of it, connecting included. */
  readonly timeoutMs: number;
  /** Of the body of the answer. */
  readonly maxAnswerBytes: number;
}

const maxTimeoutMs = 2 ** 31 - 1;

/** What callers may set of the limits: 1 to 2^31-1 ms, 10,000 when absent; 16 MiB when absent. Throws `ERR_ARGUMENT`. */
export function exchangeLimits(given: {
  readonly timeoutMs?: number | undefined;
  readonly maxAnswerBytes?: number | undefined;
}): ExchangeLimits {
  return {
    timeoutMs: readLimit(given.timeoutMs, 'timeoutMs', maxTimeoutMs) ?? 10_000,
    maxAnswerBytes: readLimit(given.maxAnswerBytes, 'maxAnswerBytes', Number.MAX_SAFE_INTEGER) ?? 16 * 1024 * 1024,
  };
}

function readLimit(value: unknown, argument: string, largest: number): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && value >= 1 && value <= largest) return value;
  throw new MacaroonError('ERR_ARGUMENT', `${argument} must be a number from 1 to ${largest}`, { argument });
}

/** An answer, with every cookie of its own. */
export interface WholeAnswer extends PlainAnswer {
  readonly setCookies: readonly string[];
}

/** The answer of `party` to `message` as it came. Throws `ERR_ISSUER_*` or `ERR_SERVICE_*`. */
export async function exchange(
  agent: Agent,
  message: OutgoingMessage,
  { timeoutMs, maxAnswerBytes }: ExchangeLimits,
  party: Party,
): Promise<WholeAnswer> {
  const { origin, target: path, method, headers, body } = message;
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await agent.request({
      origin,
      path,
      method: method as Dispatcher.HttpMethod,
      headers,
      body: body.length === 0 ? null : body,
      signal,
    });
    const content = await readBody(response.body, maxAnswerBytes, party);
    const setCookies = [response.headers['set-cookie'] ?? []].flat();
    return { status: response.statusCode, headers: singleValues(response.headers), body: content, setCookies };
  } catch (cause) {
    throw connectionError(signal.aborted ? signal.reason : cause, origin, party);
  }
}

async function readBody(body: Dispatcher.ResponseData['body'], maxBytes: number, party: Party): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    // Leaving the loop destroys the body, and with it the connection.
    if (length > maxBytes) throw answerError(`it is larger than ${maxBytes} bytes`, undefined, party);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

/** A field that came several times as one, the values joined in their order (RFC 9110 §5.2). */
function singleValues(headers: Dispatcher.ResponseData['headers']): Readonly<Record<string, string>> {
  const pairs = Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]);
  return Object.fromEntries(pairs);
}
