/**
 * `requireMacaroon` for node:http, and for what is built on it: Express takes it as it is, Fastify in a hook on `request.raw` and
 * `reply.raw`. Imports types of Node alone.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RefusalResponse } from './denial-response.js';
import { signNodeAnswer } from './node-answer.js';
import { readNodeBody } from './node-body.js';
import { createRequestGuard, type RawRequest, type RequireMacaroonOptions, readNodeRequest } from './request-guard.js';
import type { VerifiedMacaroon } from './result.js';
import type { Verifier } from './verifier.js';

export type { RefusalCause, RequestFault } from './denial-response.js';
export type { RequireMacaroonOptions } from './request-guard.js';

/** A request that went through `requireMacaroon`. */
export interface MacaroonRequest extends IncomingMessage {
  /** Set before the handler runs. */
  macaroon?: VerifiedMacaroon;
  /** What came over the wire, where a framework rewrites `url` for mounted routers. */
  readonly originalUrl?: string;
}

/**
 * Passes a request only with a token that allows it, and answers all others itself. Resolves to the verified token, which is also
 * `request.macaroon`, or to `undefined` when the answer has been sent; calls `next`, where there is one, in the first case. Never
 * rejects: what `next` throws is answered with 500. The answer to a sealed request is held back until it is complete, and signed; what compresses
 * answers goes behind this middleware, and what reads bodies too.
 */
export type NodeMiddleware = (
  request: MacaroonRequest,
  response: ServerResponse,
  next?: () => void,
) => Promise<VerifiedMacaroon | undefined>;

/** Middleware that requires a token which `verifier` accepts. Throws `ERR_ARGUMENT` for an option that cannot be used. */
export function requireMacaroon(verifier: Verifier, options: RequireMacaroonOptions<MacaroonRequest>): NodeMiddleware {
  const guard = createRequestGuard(verifier, options);
  return async (request, response, next) => {
    const method = request.method ?? '';
    const raw: RawRequest = {
      ...readNodeRequest(method, request),
      body: (maxBytes) => readNodeBody(request, maxBytes),
      onSigner: (sign) => signNodeAnswer(method, response, sign),
    };
    const result = await guard(request, raw, (macaroon) => {
      request.macaroon = macaroon;
      return next?.();
    });
    if (result.ok) return result.macaroon;
    answer(response, result.response);
    return undefined;
  };
}

function answer(response: ServerResponse, refusal: RefusalResponse): void {
  if (response.headersSent) {
    // Somebody has begun to answer. That cannot be taken back, but what is left open is cut off.
    if (!response.writableEnded) response.destroy();
    return;
  }
  response.statusCode = refusal.status;
  for (const [name, value] of Object.entries(refusal.headers)) response.setHeader(name, value);
  response.end(refusal.body);
}
