/**
 * TLS connections to an issuer. Verification is always on: the chain against a CA, the name against the certificate, and a pin
 * on top where one is given.
 *
 * A pin without a CA names a public key, while Node verifies certificates. So each connection is made twice: a probe shows the
 * certificate and sends nothing; when its key is the pinned one, that very certificate is the only trust anchor of the real
 * connection, which is verified in full (name, dates, proof of the private key) and checks the pin again. `rejectUnauthorized: false`
 * on the real connection would not do: Node then never calls `checkServerIdentity`. Nor does it on a resumed session, so none is kept.
 *
 * The probe does not show the client's certificate: who asks concerns a server with the pinned key alone.
 */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { checkServerIdentity, connect as connectTls, type PeerCertificate } from 'node:tls';
import { buildConnector } from 'undici';
import { MacaroonError } from '../core/index.js';
import { checkClientCertificate } from './client-certificate.js';
import type { ClientCertificate } from './credential.js';
import { PinMismatchError, parsePin, pinOf } from './pin.js';

/** How the issuer is recognised. Without either, by the public CAs that Node trusts. */
export interface TlsTrust {
  /** One or more CA certificates, PEM. */
  readonly ca?: string | undefined;
  /** Pin of the issuer's own public key, see `pin.ts`. */
  readonly pinSha256?: string | undefined;
}

/**
 * Makes the sockets of an undici pool, which show `client` to servers that ask for a certificate.
 * Throws `ERR_ARGUMENT` for a pin that is none, a `ca` without a certificate, and a client certificate that cannot be used.
 */
export function tlsConnector(
  trust: TlsTrust,
  client: ClientCertificate | undefined,
  timeoutMs: number,
): buildConnector.connector {
  const pin = trust.pinSha256 === undefined ? undefined : parsePin(trust.pinSha256);
  if (client !== undefined) checkClientCertificate(client);
  const shown = client === undefined ? {} : { cert: client.certificate, key: client.privateKey };
  if (trust.ca !== undefined) return verifiedConnector(readCertificates(trust.ca), pin, shown, timeoutMs);
  if (pin === undefined) return verifiedConnector(undefined, undefined, shown, timeoutMs);
  return (options, callback) => {
    probeCertificate(options, timeoutMs)
      .then((certificate) => {
        if (pinOf(certificate) !== pin) throw new PinMismatchError();
        return verifiedConnector([certificate.toString()], pin, shown, timeoutMs);
      })
      .then(
        (connect) => connect(options, callback),
        (error: Error) => callback(error, null),
      );
  };
}

/** A connector that verifies chain and name against `ca` (Node's own list when absent), and `pin` where given. */
function verifiedConnector(
  ca: string[] | undefined,
  pin: string | undefined,
  shown: { readonly cert?: string; readonly key?: string },
  timeoutMs: number,
): buildConnector.connector {
  return buildConnector({
    ...shown,
    // A partial chain lets a certificate that is no root stand as the anchor: the probed one, or a company's intermediate CA. Without
    // a CA of ours it is not asked for, as Node then forgets those of NODE_EXTRA_CA_CERTS.
    ...(ca === undefined ? {} : { ca, allowPartialTrustChain: true }),
    // Said outright, because NODE_TLS_REJECT_UNAUTHORIZED=0 changes the default.
    rejectUnauthorized: true,
    maxCachedSessions: 0,
    timeout: timeoutMs,
    checkServerIdentity: (host: string, peer: PeerCertificate) =>
      checkServerIdentity(host, peer) ?? (pin === undefined ? undefined : checkPin(peer, pin)),
  });
}

function checkPin(peer: PeerCertificate, pin: string): Error | undefined {
  return pinOf(new X509Certificate(peer.raw)) === pin ? undefined : new PinMismatchError();
}

/** The certificate that the server at `options` shows and proves to own. Nothing is sent beyond the handshake, and nothing trusted. */
function probeCertificate(options: buildConnector.Options, timeoutMs: number): Promise<X509Certificate> {
  const { hostname, port } = options;
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      host: hostname,
      port: port === '' ? 443 : Number(port),
      ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: false,
    });
    const settle = (error: Error | undefined): void => {
      clearTimeout(timer);
      const certificate = error === undefined ? socket.getPeerX509Certificate() : undefined;
      socket.destroy();
      if (certificate === undefined) reject(error ?? new PinMismatchError());
      else resolve(certificate);
    };
    const timer = setTimeout(() => settle(timeoutError()), timeoutMs);
    socket.once('secureConnect', () => settle(undefined));
    socket.on('error', settle);
    socket.once('close', () => settle(new Error('the connection was closed during the handshake')));
  });
}

function timeoutError(): Error {
  return Object.assign(new Error('the handshake took too long'), { code: 'ETIMEDOUT' });
}

const certificatePattern = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates in `pem`. Node ignores what it cannot read, which would leave an unreadable CA to a baffling failure later. */
function readCertificates(pem: string): string[] {
  const certificates = pem.match(certificatePattern) ?? [];
  try {
    for (const certificate of certificates) new X509Certificate(certificate);
  } catch (cause) {
    throw badCa(cause);
  }
  if (certificates.length === 0) throw badCa(undefined);
  return certificates;
}

function badCa(cause: unknown): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', 'the CA must be PEM: BEGIN CERTIFICATE, base64, END CERTIFICATE', {
    argument: 'ca',
    cause,
  });
}
