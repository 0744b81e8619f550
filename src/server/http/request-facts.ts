/** What every part of HTTP needs to know about a request: read once, from the socket and the headers, before anything is decided. */
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { type IpRange, parseAddress, rangeContains } from '../../caveats/ip-address.js';
import type { Clock, RandomBytes } from '../../core/index.js';
import { createUuidV7, formatUuid } from '../../core/index.js';
import { type HeaderFields, headerFields, joinedField, singleField } from '../../protocol/header-fields.js';
import { clientAddress } from '../../verifier/client-address.js';
import type { LoginRequest } from '../auth/registry.js';
import type { Origin } from '../domain/issuer.js';
import type { PresentedCertificate } from '../domain/presented-certificate.js';
import type { AppEnv } from './app-env.js';
import { readBodyBytes } from './request-body.js';

/** What is the same for every request of one application. */
export interface FactSources {
  readonly trustedProxies: readonly IpRange[];
  /** Base URL that clients reach the issuer by, without a slash at its end. */
  readonly issuerUrl: () => string;
  /** The certificate that came with the request, judged; absent where no client certificates are asked for. */
  readonly certificateOf?:
    | ((request: {
        readonly socket: HttpBindings['incoming']['socket'] | undefined;
        readonly headers: HeaderFields;
        /** Whether the peer is a proxy whose word counts. */
        readonly isFromProxy: boolean;
      }) => PresentedCertificate | undefined)
    | undefined;
}

/** Everything that a login looks at, and what the rest of HTTP needs. */
export interface RequestFacts extends LoginRequest {
  readonly requestId: string;
  readonly origin: Origin;
  /** As sent, without query. */
  readonly path: string;
  /** The one `Authorization` header. */
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
export function readRequestFacts(c: Context<AppEnv>, requestId: string, sources: FactSources): RequestFacts {
  const { trustedProxies, issuerUrl, certificateOf } = sources;
  const incoming = c.env?.incoming;
  const headers = headerFields(incoming?.rawHeaders === undefined ? c.req.raw.headers : rawPairs(incoming.rawHeaders));
  const peerAddress = incoming?.socket.remoteAddress;
  const address = clientAddress(peerAddress, headers.get('x-forwarded-for') ?? [], trustedProxies);
  const clientRequestId = singleField(headers, 'x-request-id');
  const target = incoming?.url ?? targetOf(c.req.url);
  const query = target.indexOf('?');
  let body: Promise<Uint8Array> | undefined;
  return {
    requestId,
    address,
    peerAddress,
    origin: { address, requestId },
    method: c.req.method,
    target,
    targetUri: `${c.env?.listenerOrigin ?? issuerUrl()}${target}`,
    path: query < 0 ? target : target.slice(0, query),
    headers,
    authorization: joinedField(headers, 'authorization'),
    certificate: certificateOf?.({ socket: incoming?.socket, headers, isFromProxy: isListed(peerAddress, trustedProxies) }),
    body: () => {
      body ??= readBodyBytes(c, headers);
      return body;
    },
    clientRequestId: clientRequestId !== undefined && clientRequestIdPattern.test(clientRequestId) ? clientRequestId : undefined,
  };
}

function isListed(text: string | undefined, ranges: readonly IpRange[]): boolean {
  const address = parseAddress(text ?? '');
  return address !== undefined && ranges.some((range) => rangeContains(range, address));
}

function* rawPairs(rawHeaders: readonly string[]): Generator<readonly [string, string]> {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) yield [rawHeaders[i] ?? '', rawHeaders[i + 1] ?? ''];
}

/** Path and query of the absolute `url`, not decoded. */
function targetOf(url: string): string {
  return url.slice(url.indexOf('/', url.indexOf('//') + 2));
}
