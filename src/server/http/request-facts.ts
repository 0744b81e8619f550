/** What every part of HTTP needs to know about a request: read once, from the socket and the headers, before anything is decided. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type IpRange, parseAddress, rangeContains } from '../../caveats/ip-address.js';
import type { Clock, RandomBytes } from '../../core/index.js';
import { createUuidV7, formatUuid } from '../../core/index.js';
import { type HeaderFields, joinedField, singleField } from '../../protocol/header-fields.js';
import { clientAddress } from '../../verifier/client-address.js';
import type { LoginRequest } from '../auth/registry.js';
import type { Origin } from '../domain/issuer.js';
import type { Known } from '../domain/ports.js';
import type { PresentedCertificate } from '../domain/presented-certificate.js';
import { readBodyBytes } from './request-body.js';

/** What is the same for every request of one application. */
export interface FactSources {
  readonly trustedProxies: readonly IpRange[];
  /** Base URL that clients reach the issuer by, without a slash at its end. */
  readonly issuerUrl: () => string;
  /** The certificate that came with the request, judged; absent where no client certificates are asked for. */
  readonly certificateOf?:
    | ((request: {
        readonly socket: Socket | undefined;
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

/** The facts of the request that `incoming` brings. `listenerOrigin`: see `App.answer`. */
export function readRequestFacts(
  incoming: IncomingMessage,
  requestId: string,
  sources: FactSources,
  listenerOrigin: string | undefined,
): RequestFacts {
  const { trustedProxies, issuerUrl, certificateOf } = sources;
  const { socket, method = '', url: target = '' } = incoming;
  const headers = fieldsOf(incoming.rawHeaders);
  const { peerAddress, ownAddress, isProxy } = peerOf(socket, trustedProxies);
  const address = isProxy ? clientAddress(peerAddress, headers.get('x-forwarded-for') ?? [], trustedProxies) : ownAddress;
  const clientRequestId = singleField(headers, 'x-request-id');
  const query = target.indexOf('?');
  let body: Known<Uint8Array> | undefined;
  return {
    requestId,
    address,
    peerAddress,
    origin: { address, requestId },
    method,
    target,
    targetUri: `${listenerOrigin ?? issuerUrl()}${target}`,
    path: query < 0 ? target : target.slice(0, query),
    headers,
    authorization: joinedField(headers, 'authorization'),
    certificate: certificateOf?.({ socket, headers, isFromProxy: isProxy }),
    body: () => {
      body ??= readBodyBytes(incoming, headers);
      return body;
    },
    clientRequestId: clientRequestId !== undefined && clientRequestIdPattern.test(clientRequestId) ? clientRequestId : undefined,
  };
}

/** Who is at the other end of a connection. */
interface Peer {
  /** As Node tells it. */
  readonly peerAddress: string | undefined;
  /** In its one spelling; that of the client, where the peer is no proxy. */
  readonly ownAddress: string | undefined;
  /** Whether it is a proxy whose word counts. */
  readonly isProxy: boolean;
}

/** Read once a connection, whose other end stays the same. */
const peers = new WeakMap<Socket, Peer>();

function peerOf(socket: Socket, trustedProxies: readonly IpRange[]): Peer {
  const known = peers.get(socket);
  if (known !== undefined) return known;
  const peerAddress = socket.remoteAddress;
  const parsed = parseAddress(peerAddress ?? '');
  const isProxy = parsed !== undefined && trustedProxies.some((range) => rangeContains(range, parsed));
  const peer = { peerAddress, ownAddress: clientAddress(peerAddress, [], []), isProxy };
  // Of a connection that has ended, Node tells no address any more.
  if (peerAddress !== undefined) peers.set(socket, peer);
  return peer;
}

/** Raw, as Node drops some that are repeated and joins others; also, its own objects of headers take longer to make than to read. */
function fieldsOf(rawHeaders: readonly string[]): HeaderFields {
  const fields = new Map<string, string[]>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    const value = rawHeaders[i + 1] as string;
    const values = fields.get(name);
    if (values === undefined) fields.set(name, [value]);
    else values.push(value);
  }
  return fields;
}
