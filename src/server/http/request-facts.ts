/** What every part of HTTP needs to know about a request: read once, from the socket and the headers, before anything is decided. */
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { IpRange } from '../../caveats/ip-address.js';
import type { Clock, RandomBytes } from '../../core/index.js';
import { createUuidV7, formatUuid } from '../../core/index.js';
import { clientAddress } from '../../verifier/client-address.js';
import type { Origin } from '../domain/issuer.js';

/** The bindings are absent where a test calls the application without a socket. */
export interface AppEnv {
  Bindings: Partial<HttpBindings>;
}

export interface RequestFacts {
  readonly requestId: string;
  /** The client's, forwarded ones resolved; `undefined` when it cannot be told. */
  readonly address: string | undefined;
  /** The connection's, whatever was forwarded. */
  readonly peerAddress: string | undefined;
  readonly origin: Origin;
  readonly method: string;
  /** As sent, without query. */
  readonly path: string;
  readonly authorization: string | undefined;
  /** What the client calls the request; only for the log. */
  readonly clientRequestId: string | undefined;
}

const clientRequestIdPattern = /^[A-Za-z0-9._-]{1,64}$/;

/** A request id: made here always, as one that a client chose could be anything. */
export function createRequestId(clock: Clock, randomBytes: RandomBytes): string {
  return formatUuid(createUuidV7(clock(), randomBytes));
}

/** The facts of the request that `c` is about. */
export function readRequestFacts(c: Context<AppEnv>, requestId: string, trustedProxies: readonly IpRange[]): RequestFacts {
  const forwardedFor = trustedProxies.length === 0 ? undefined : c.req.header('x-forwarded-for');
  const peerAddress = c.env?.incoming?.socket.remoteAddress;
  const address = clientAddress(peerAddress, forwardedFor === undefined ? [] : [forwardedFor], trustedProxies);
  const clientRequestId = c.req.header('x-request-id');
  return {
    requestId,
    address,
    peerAddress,
    origin: { address, requestId },
    method: c.req.method,
    path: rawPathOf(c.req.url),
    authorization: c.req.header('authorization'),
    clientRequestId: clientRequestId !== undefined && clientRequestIdPattern.test(clientRequestId) ? clientRequestId : undefined,
  };
}

/** The path within an absolute `url`, not decoded. */
function rawPathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('//') + 2);
  const query = url.indexOf('?', start);
  return query < 0 ? url.slice(start) : url.slice(start, query);
}
