/** The client's side of TLS: what the issuer is shown, to whom nothing is shown, and what cannot be shown. */
import { X509Certificate } from 'node:crypto';
import type { Server as HttpsServer } from 'node:https';
import { createServer, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { issuerClient } from '../../../src/client/index.js';
import { connectionError } from '../../../src/transport/connection-error.js';
import {
  type ClientCertificate,
  Credential,
  type CredentialParts,
  type CredentialProof,
} from '../../../src/transport/credential.js';
import { IssuerHttp } from '../../../src/transport/issuer-http.js';
import { createVerifier, issuerKeys, remoteVerification } from '../../../src/verifier/index.js';
import { audience, tokenOf } from '../verifier/samples.js';
import { type CertificateAuthority, createAuthority, type KeyPair, opensslPin, selfSigned } from './certificates.js';
import { sendJson, startServer, type TestServer } from './servers.js';

let authority: CertificateAuthority;
let genuine: KeyPair;
let self: KeyPair;
let mail: KeyPair;
const open: { close(): Promise<unknown> }[] = [];

beforeAll(async () => {
  authority = await createAuthority();
  [genuine, self, mail] = await Promise.all([
    authority.issue('DNS:localhost'),
    selfSigned('DNS:localhost'),
    selfSigned('URI:spiffe://macaroond/client/mail'),
  ]);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

/** A server that asks for a certificate; `shown` has the number of the certificate of each connection, '' for none. */
async function serve(pair: KeyPair, options: SecureContextOptions = {}): Promise<[TestServer, string[]]> {
  const server = await startServer((_, response) => sendJson(response, 200, { here: true }), pair);
  open.push(server);
  const tls = server.server as HttpsServer;
  tls.setSecureContext({ cert: pair.certificate, key: pair.key, ...options });
  Object.assign(tls, { requestCert: true, rejectUnauthorized: false });
  const shown: string[] = [];
  tls.on('secureConnection', (socket: TLSSocket) => shown.push(socket.getPeerX509Certificate()?.serialNumber ?? ''));
  return [server, shown];
}

function sideOf(pair: KeyPair): ClientCertificate {
  return { certificate: pair.certificate, privateKey: pair.key };
}

function credentialOf(server: Pick<TestServer, 'url'>, parts: Partial<CredentialParts> = {}): CredentialParts {
  const proof: CredentialProof = { kind: 'self_signed_tls_client_auth' };
  return { issuer: server.url, client: 'mail', credentialId: 'crd_1', proof, tls: sideOf(mail), ...parts };
}

function connection(credential: CredentialParts): IssuerHttp {
  const http = new IssuerHttp(credential);
  open.push(http);
  return http;
}

function serialOf({ certificate }: KeyPair): string {
  return new X509Certificate(certificate).serialNumber;
}

describe('a client certificate', () => {
  it('is shown to an issuer that a CA vouches for', async () => {
    const [server, shown] = await serve(genuine);
    await connection(credentialOf(server, { ca: authority.certificate })).request('GET', '/');
    expect(shown).toEqual([serialOf(mail)]);
  });

  it('is shown beside a proof in the headers', async () => {
    const [server, shown] = await serve(genuine);
    const proof: CredentialProof = { kind: 'client_secret_basic', secret: 's' };
    const seen: unknown[] = [];
    server.server.on('request', ({ headers }) => seen.push(headers.authorization));
    await connection(credentialOf(server, { ca: authority.certificate, proof })).request('GET', '/');
    expect([shown, seen]).toEqual([[serialOf(mail)], [`Basic ${btoa('mail:s')}`]]);
  });

  // With TLS 1.2 the server has seen the client's certificate before the client has ended the handshake.
  it('is not in the probe of a pinned issuer, but in the connection after it', async () => {
    const [server, shown] = await serve(self, { maxVersion: 'TLSv1.2' });
    await connection(credentialOf(server, { pinSha256: await opensslPin(self) })).request('GET', '/');
    expect(shown).toEqual(['', serialOf(mail)]);
  });

  it('is not shown to a server with another key than the pinned one', async () => {
    const [server, shown] = await serve(await selfSigned('DNS:localhost'), { maxVersion: 'TLSv1.2' });
    const asked = connection(credentialOf(server, { pinSha256: await opensslPin(self) })).request('GET', '/');
    await expect(asked).rejects.toMatchObject({ code: 'ERR_ISSUER_IDENTITY' });
    expect([shown, server.requests]).toEqual([[''], []]);
  });

  it('comes with the certificates between it and the CA that the issuer knows', async () => {
    const below = await authority.subordinate('below');
    const leaf = await below.issue('URI:spiffe://macaroond/client/mail', 1, 'clientAuth');
    const [server] = await serve(genuine, { ca: authority.certificate });
    const judged: boolean[] = [];
    (server.server as HttpsServer).on('secureConnection', (socket: TLSSocket) => judged.push(socket.authorized));
    for (const certificate of [leaf.certificate, leaf.certificate + below.certificate]) {
      const tls = { certificate, privateKey: leaf.key };
      await connection(credentialOf(server, { ca: authority.certificate, tls })).request('GET', '/');
    }
    expect(judged).toEqual([false, true]);
  });

  it.each<[string, (pair: KeyPair) => ClientCertificate]>([
    ['of another key', (pair) => ({ certificate: pair.certificate, privateKey: genuine.key })],
    ['after that of its CA', (pair) => ({ certificate: authority.certificate + pair.certificate, privateKey: pair.key })],
    ['that is none', (pair) => ({ certificate: 'none', privateKey: pair.key })],
    ['without a key', (pair) => ({ certificate: pair.certificate, privateKey: '' })],
  ])('%s is refused before a connection is made', async (_, tlsOf) => {
    const [server, shown] = await serve(genuine);
    const asked = connection(credentialOf(server, { ca: authority.certificate, tls: tlsOf(mail) })).request('GET', '/');
    await expect(asked).rejects.toMatchObject({ code: 'ERR_ARGUMENT', argument: 'tls' });
    expect(shown).toEqual([]);
  });
});

describe('a credential of TLS', () => {
  it('works for the client and both key sources of a verifier', async () => {
    const [server, shown] = await serve(genuine);
    const credential = new Credential(credentialOf(server, { ca: authority.certificate }));
    const client = issuerClient(credential);
    const verifiers = [issuerKeys(credential), remoteVerification(credential)].map((keys) => createVerifier({ audience, keys }));
    open.push(client, ...verifiers);
    const outcomes = await Promise.allSettled([
      client.mint({ audience }),
      ...verifiers.map((verifier) => verifier.verify(tokenOf(), { action: 'invoices:read' })),
    ]);
    // The server's answers are none of the API; they came, and the certificate went.
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { code: 'ERR_ISSUER_ANSWER' } });
    expect(new Set(shown)).toEqual(new Set([serialOf(mail)]));
  });
});

describe('an issuer that wants another certificate', () => {
  it('is told from one that is not recognised', async () => {
    // Plain TLS of Node ends such connections; other servers, and this one with 1.2, send an alert.
    const strict = createServer({
      cert: genuine.certificate,
      key: genuine.key,
      requestCert: true,
      rejectUnauthorized: true,
      ca: authority.certificate,
    });
    await new Promise<void>((resolve) => strict.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => new Promise((resolve) => strict.close(resolve)) });
    const address = strict.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const http = new IssuerHttp({
      ...credentialOf({ url: `https://localhost:${port}` } as TestServer),
      ca: authority.certificate,
    });
    await expect(http.request('GET', '/')).rejects.toMatchObject({ code: 'ERR_ISSUER_UNREACHABLE' });
  });

  it.each([
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
    'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED',
    'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN',
    'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
  ])('by alert %s refuses', (code) => {
    expect(connectionError(Object.assign(new Error('alert'), { code }), 'https://localhost')).toMatchObject({
      code: 'ERR_ISSUER_REFUSED',
    });
  });

  it('is no other fault of TLS', () => {
    const wrongVersion = Object.assign(new Error('version'), { code: 'ERR_SSL_WRONG_VERSION_NUMBER' });
    expect(connectionError(wrongVersion, 'https://localhost')).toMatchObject({ code: 'ERR_ISSUER_IDENTITY' });
  });
});
