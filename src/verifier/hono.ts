/** `requireMacaroon` for Hono, on any of its runtimes. Imports types of Hono alone. */
import type { Context, MiddlewareHandler } from 'hono';
import {
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
 * `options.address`. Throws `ERR_ARGUMENT` for an option that cannot be used.
 */
export function requireMacaroon(verifier: Verifier, options: RequireMacaroonOptions<Context>): MiddlewareHandler<MacaroonEnv> {
  const guard = createRequestGuard<Context>(verifier, options);
  return async (c, next) => {
    const result = await guard(c, rawRequestOf(c));
    if (!result.ok) {
      const { body, status, headers } = result.response;
      return new Response(body, { status, headers: { ...headers } });
    }
    c.set('macaroon', result.macaroon);
    return await next();
  };
}

function rawRequestOf(c: Context): RawRequest {
  const { method } = c.req;
  const incoming = nodeIncomingOf(c.env);
  if (incoming !== undefined) return readNodeRequest(method, incoming);
  return { method, target: targetOf(c.req.url), headers: c.req.raw.headers, socketAddress: undefined };
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
