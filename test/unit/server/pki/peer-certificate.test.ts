import type { Socket } from 'node:net';
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { headerFields } from '../../../../src/protocol/header-fields.js';
import { createPeerCertificates, type PeerCertificates } from '../../../../src/server/pki/peer-certificate.js';
import { derOf } from '../../../support/openssl.js';
import { type CertificateAuthority, createAuthority } from '../../transport/certificates.js';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function setUp() {
  const authority = await createAuthority();
  // Ahead of the clock, as openssl writes whole seconds that begin later than this.
  const time = { nowMs: Date.now() + 60_000 };
  let trusted: readonly string[] = [authority.certificate];
  const peers = createPeerCertificates(
    () => trusted,
    () => time.nowMs,
  );
  const trust = (certificates: readonly string[]): void => {
    trusted = certificates;
  };
  return { authority, time, peers, trust };
}

/** A server that resumes sessions, which the issuer's does not; `seen` gets each connection. */
async function startServer(authority: CertificateAuthority, seen: (socket: TLSSocket) => void) {
  const { certificate: cert, key } = await authority.issue('DNS:localhost');
  const server = createServer(
    { cert, key, ca: authority.certificate, requestCert: true, rejectUnauthorized: false },
    (socket: TLSSocket) => {
      seen(socket);
      socket.on('error', () => undefined).end('x');
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return (options: ConnectionOptions) =>
    new Promise<Buffer | undefined>((resolve) => {
      let session: Buffer | undefined;
      const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: authority.certificate, ...options });
      socket.on('session', (made) => {
        session = made;
      });
      socket.resume().on('close', () => resolve(session));
    });
}

const ofRequest = (peers: PeerCertificates, value: string | undefined, isFromProxy = true, socket?: Socket) =>
  peers.ofRequest({ socket, isFromProxy, headers: headerFields(value === undefined ? [] : [['Client-Cert', value]]) });

describe('the certificate of a connection', () => {
  it('is not there for a session that was resumed without one, though Node calls it authorized', async () => {
    const { authority, peers } = await setUp();
    const seen: unknown[] = [];
    const talk = await startServer(authority, (socket) => {
      seen.push([socket.authorized, socket.isSessionReused(), peers.ofConnection(socket)]);
    });
    const session = await talk({ minVersion: 'TLSv1.3' });
    await talk({ minVersion: 'TLSv1.3', ...(session === undefined ? {} : { session }) });
    expect(seen).toEqual([
      [false, false, undefined],
      [true, true, undefined],
    ]);
  });

  it('is read once, judged again when its dates or the trusted CAs say otherwise', async () => {
    const { authority, peers, time, trust } = await setUp();
    const { certificate: cert, key } = await authority.issue('URI:spiffe://x/mail', 1, 'clientAuth');
    const judged: unknown[] = [];
    const talk = await startServer(authority, (socket) => {
      const first = peers.ofConnection(socket);
      judged.push(first?.uris, first?.fault, peers.ofConnection(socket) === first);
      const startMs = time.nowMs;
      time.nowMs = (first?.notAfterMs ?? 0) - 1;
      judged.push(peers.ofConnection(socket)?.fault);
      time.nowMs++;
      judged.push(peers.ofConnection(socket)?.fault);
      time.nowMs = startMs;
      judged.push(peers.ofConnection(socket)?.fault);
      trust([authority.certificate]);
      judged.push(peers.ofConnection(socket) === first);
    });
    await talk({ cert, key });
    expect(judged).toEqual([['spiffe://x/mail'], undefined, true, undefined, 'expired', undefined, false]);
  });
});

describe('the certificate of a request', () => {
  it('is that of the header, from a listed proxy, and is verified here', async () => {
    const { authority, peers } = await setUp();
    const stranger = await createAuthority();
    const headerOf = async (from: CertificateAuthority) => {
      const { certificate } = await from.issue('URI:spiffe://x/mail', 1, 'clientAuth');
      return `:${Buffer.from(derOf(certificate)).toString('base64')}:`;
    };
    const own = await headerOf(authority);
    expect(ofRequest(peers, own)).toMatchObject({ uris: ['spiffe://x/mail'], fault: undefined, via: 'proxy' });
    expect(ofRequest(peers, await headerOf(stranger))).toMatchObject({ fault: 'untrusted' });
    expect(ofRequest(peers, own, false)).toBeUndefined();
    expect(ofRequest(peers, undefined)).toBeUndefined();
  });

  it('is malformed, not absent, when the header cannot be read or came twice', async () => {
    const { authority, peers } = await setUp();
    const { certificate } = await authority.issue('DNS:x');
    const good = `:${Buffer.from(derOf(certificate)).toString('base64')}:`;
    for (const value of ['', '::', 'x', good.slice(1), `${good};a=1`, certificate]) {
      expect(ofRequest(peers, value)).toMatchObject({ fault: 'malformed' });
    }
    const twice = headerFields([
      ['Client-Cert', good],
      ['client-cert', good],
    ]);
    expect(peers.ofRequest({ socket: undefined, isFromProxy: true, headers: twice })).toMatchObject({ fault: 'malformed' });
  });

  it("is never the proxy's own", async () => {
    const { authority, peers } = await setUp();
    const { certificate: cert, key } = await authority.issue('URI:spiffe://x/proxy');
    const seen: unknown[] = [];
    const talk = await startServer(authority, (socket) => {
      seen.push(ofRequest(peers, undefined, true, socket), ofRequest(peers, undefined, false, socket)?.uris);
    });
    await talk({ cert, key });
    expect(seen).toEqual([undefined, ['spiffe://x/proxy']]);
  });
});
