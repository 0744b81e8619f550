/** `requireMacaroon` for Hono, on any of its runtimes. Imports types of Hono alone. */
import type { Context, MiddlewareHandler } from 'hono';
import { concatBytes } from '../core/index.js';
import type { AnswerSigner } from '../protocol/answer-signer.js';
import { announcesBody } from './announced-body.js';
import { type RefusalResponse, refusalResponse } from './denial-response.js';
import {
  BodyFault,
  bodyWasRead,
  createRequestGuard,
  type NodeIncoming,
  type RawRequest,
  type RequireMacaroonOptions,
  readNodeRequest,
} from './request-guard.js';
import type { VerifiedMacaroon } from './result.js';
import type { Verifier } from './verifier.js';

export type { RefusalCause, RequestFault } from './denial-response.js';
export type { RequireMacaroonOptions } from './request-guard.js';

/** What handlers behind `requireMacaroon` find: `c.get('macaroon')`. */
export interface MacaroonEnv {
  Variables: { macaroon: VerifiedMacaroon };
}

/**
 * Middleware that requires a token which `verifier` accepts, and answers all other requests itself. On Node the raw target, headers and
 * socket address are those of the incoming message; elsewhere target and headers are the `Request`'s, and the address comes from
 * `options.address`. The answer to a sealed request is signed once it is complete, whatever it is; what compresses it goes behind this middleware.
 * Throws `ERR_ARGUMENT` for an option that cannot be used.
 */
export function requireMacaroon(verifier: Verifier, options: RequireMacaroonOptions<Context>): MiddlewareHandler<MacaroonEnv> {
  const guard = createRequestGuard<Context>(verifier, options);
  return async (c, next) => {
    let sign: AnswerSigner | undefined;
    const raw = rawRequestOf(c, (signer) => {
      sign = signer;
    });
    const result = await guard(c, raw);
    if (!result.ok) return await proved(refusal(result.response), raw.method, sign);
    c.set('macaroon', result.macaroon);
    if (sign === undefined) return await next();
    const made = await answerOf(c, next);
    // Set twice, as Hono would mix the headers of the old answer into the new one.
    c.res = undefined;
    c.res = await proved(made, raw.method, sign);
    return undefined;
  };
}

/** What the handler answers; what it throws is an answer too. */
async function answerOf(c: Context, next: () => Promise<void>): Promise<Response> {
  try {
    await next();
    return c.res;
  } catch (error) {
    return refusal(refusalResponse({ kind: 'error', error }, ''));
  }
}

function refusal({ body, status, headers }: RefusalResponse): Response {
  return new Response(body, { status, headers: { ...headers } });
}

/** `answer` with its signature, where the request was sealed; it is held in memory whole. One that cannot be signed is a signed 500. */
async function proved(answer: Response, method: string, sign: AnswerSigner | undefined): Promise<Response> {
  if (sign === undefined) return answer;
  try {
    return await signed(answer, method, sign);
  } catch (error) {
    return await signed(refusal(refusalResponse({ kind: 'error', error }, '')), method, sign);
  }
}

const bodilessStatuses: ReadonlySet<number> = new Set([101, 204, 205, 304]);

async function signed(answer: Response, method: string, sign: AnswerSigner): Promise<Response> {
  const { status } = answer;
  const body = new Uint8Array(await answer.arrayBuffer());
  const isBodiless = method === 'HEAD' || bodilessStatuses.has(status) || answer.body === null;
  const headers = new Headers(answer.headers);
  // Some adapters would add it afterwards.
  if (!isBodiless && !headers.has('content-type')) headers.set('content-type', 'text/plain; charset=UTF-8');
  const proof = await sign({ status, headers: Object.fromEntries(headers), body });
  for (const [name, value] of Object.entries(proof)) headers.set(name, value);
  return new Response(isBodiless ? null : body, { status, statusText: answer.statusText, headers });
}

function rawRequestOf(c: Context, onSigner: RawRequest['onSigner']): RawRequest {
  const { method } = c.req;
  const incoming = nodeIncomingOf(c.env);
  const common = { body: (maxBytes: number) => readBody(c, incoming, maxBytes), onSigner };
  if (incoming !== undefined) return { ...readNodeRequest(method, incoming), ...common };
  const headers = [...c.req.raw.headers];
  // Some runtimes tell in the URL alone which host was called.
  if (!c.req.raw.headers.has('host')) headers.push(['host', new URL(c.req.url).host]);
  return { method, target: targetOf(c.req.url), headers, socketAddress: undefined, certificate: () => undefined, ...common };
}

/** The body, which takes the place of the one that was read, so that handlers find it as it was. */
async function readBody(c: Context, incoming: NodeIncoming | undefined, maxBytes: number): Promise<Uint8Array> {
  const { raw } = c.req;
  const isAnnounced = incoming !== undefined && announcesBody(incoming);
  if (isAnnounced && ['GET', 'HEAD', 'TRACE'].includes(c.req.method)) throw new BodyFault('body-unexpected');
  // What was read leaves nothing behind in `raw`, or what somebody put into its place.
  const wasRead = raw.bodyUsed || incoming?.readableDidRead === true || Object.keys(c.req.bodyCache).length > 0;
  if (wasRead && (isAnnounced || raw.body !== null)) throw bodyWasRead();
  if (isAnnounced && raw.body === null) throw bodyWasRead();
  if (raw.body === null) return new Uint8Array(0);
  if (Number(raw.headers.get('content-length')) > maxBytes) throw new BodyFault('body-too-large');
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = raw.body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new BodyFault('body-incomplete');
    });
    if (done) break;
    length += value.length;
    if (length > maxBytes) throw new BodyFault('body-too-large');
    chunks.push(value);
  }
  const body = concatBytes(...chunks);
  c.req.raw = new Request(raw, { body: new Uint8Array(body) });
  return body;
}

/** What `@hono/node-server` puts into `c.env`. */
function nodeIncomingOf(env: unknown): NodeIncoming | undefined {
  if (typeof env !== 'object' || env === null || !('incoming' in env)) return undefined;
  const { incoming } = env;
  if (typeof incoming !== 'object' || incoming === null || !('url' in incoming) || !('rawHeaders' in incoming)) return undefined;
  const { url, rawHeaders } = incoming;
  return typeof url === 'string' && Array.isArray(rawHeaders) ? (incoming as NodeIncoming) : undefined;
}

/** Path and query of the absolute `url`, not normalised any further than the `Request` already has. */
function targetOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3);
  return start < 0 ? '/' : url.slice(start);
}
