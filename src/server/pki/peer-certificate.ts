/**
 * The certificate that comes with a request: the one of its TLS connection, or the one that a listed proxy tells of. Read once a connection,
 * judged by its dates at every request.
 *
 * Node calls a resumed session of TLS 1.3 without any certificate `authorized`: only a certificate that is there counts here.
 * Source: RFC 9440 §2 and §4.
 */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../../core/index.js';
import { readClientCertField } from '../../protocol/client-cert-field.js';
import type { HeaderFields } from '../../protocol/header-fields.js';
import type { PresentedCertificate } from '../domain/presented-certificate.js';
import { presentCertificate } from './client-certificate.js';

export interface PeerCertificates {
  /** The certificate of the connection itself. */
  ofConnection(socket: Socket): PresentedCertificate | undefined;
  /**
   * The certificate of a request. From a listed proxy it is the one in `Client-Cert`, and never the proxy's own: that one speaks for the proxy,
   * not for whom it forwards. From anybody else the header says nothing.
   */
  ofRequest(request: {
    readonly socket: Socket | undefined;
    readonly headers: HeaderFields;
    readonly isFromProxy: boolean;
  }): PresentedCertificate | undefined;
}

interface Known {
  readonly presented: PresentedCertificate;
  readonly authorities: readonly string[];
  readonly era: Era;
}

/** Where a time lies to the dates of a certificate. */
type Era = 'before' | 'within' | 'after';

/** `authorities`: PEM certificates of the CAs that clients are trusted by, the same array until they change. */
export function createPeerCertificates(authorities: () => readonly string[], clock: Clock): PeerCertificates {
  const known = new WeakMap<TLSSocket, Known>();
  const ofConnection = (socket: Socket | undefined): PresentedCertificate | undefined => {
    if (!(socket instanceof TLSSocket)) return undefined;
    const trusted = authorities();
    const nowMs = clock();
    const before = known.get(socket);
    if (before?.authorities === trusted && before.era === eraOf(before.presented, nowMs)) return before.presented;
    const presented = presentFromTls(socket, trusted, nowMs);
    if (presented !== undefined) known.set(socket, { presented, authorities: trusted, era: eraOf(presented, nowMs) });
    return presented;
  };
  return {
    ofConnection,
    ofRequest: ({ socket, headers, isFromProxy }) => {
      if (!isFromProxy) return ofConnection(socket);
      if (!headers.has('client-cert')) return undefined;
      // What cannot be read is a malformed certificate, not none: the proxy did say that there is one.
      const der = readClientCertField(headers) ?? new Uint8Array(0);
      return presentCertificate({ via: 'proxy', der }, authorities(), clock());
    },
  };
}

function presentFromTls(socket: TLSSocket, authorities: readonly string[], nowMs: number): PresentedCertificate | undefined {
  const der = socket.getPeerX509Certificate()?.raw;
  if (der === undefined) return undefined;
  const tlsError = socket.authorized ? undefined : String(socket.authorizationError);
  return presentCertificate({ via: 'tls', der: new Uint8Array(der), tlsError }, authorities, nowMs);
}

function eraOf({ notBeforeMs, notAfterMs }: PresentedCertificate, nowMs: number): Era {
  if (nowMs < notBeforeMs) return 'before';
  return nowMs < notAfterMs ? 'within' : 'after';
}
