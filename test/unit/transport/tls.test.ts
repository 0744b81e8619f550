import type { Server as HttpsServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { IssuerEndpoint } from '../../../src/transport/issuer-endpoint.js';
import { IssuerHttp } from '../../../src/transport/issuer-http.js';
import { type CertificateAuthority, createAuthority, type KeyPair, opensslPin, selfSigned } from './certificates.js';
import { sendJson, startServer, type TestServer } from './servers.js';

let authority: CertificateAuthority;
let leaf: KeyPair;
let self: KeyPair;
const servers: TestServer[] = [];

beforeAll(async () => {
  [authority, self] = await Promise.all([createAuthority(), selfSigned('DNS:localhost,IP:127.0.0.1')]);
  leaf = await authority.issue('DNS:localhost');
});

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(pair: KeyPair): Promise<TestServer> {
  const server = await startServer((_, response) => sendJson(response, 200, { here: true }), pair);
  servers.push(server);
  return server;
}

async function ask(endpoint: IssuerEndpoint, times = 1): Promise<unknown> {
  const http = new IssuerHttp(endpoint, { timeoutMs: 5_000 });
  try {
    let answer: unknown;
    for (let i = 0; i < times; i++) answer = await http.request('GET', '/');
    return answer;
  } finally {
    await http.close();
  }
}

async function expectRefused(endpoint: IssuerEndpoint, server: TestServer): Promise<void> {
  await expect(ask(endpoint)).rejects.toMatchObject({ code: 'ERR_ISSUER_IDENTITY' });
  expect(server.requests).toEqual([]);
}

describe('with a CA', () => {
  it('talks to a server whose certificate the CA issued, by text and by file', async () => {
    const { url } = await serve(leaf);
    expect(await ask({ issuer: url, ca: authority.certificate })).toEqual({ here: true });
    expect(await ask({ issuer: url, caFile: authority.certificateFile })).toEqual({ here: true });
  });

  it('refuses a server of another CA with the same name, and sends it nothing', async () => {
    const other = await createAuthority();
    const server = await serve(await other.issue('DNS:localhost'));
    await expectRefused({ issuer: server.url, ca: authority.certificate }, server);
  });

  it('refuses a certificate for another host', async () => {
    const server = await serve(await authority.issue('DNS:elsewhere.example'));
    await expectRefused({ issuer: server.url, ca: authority.certificate }, server);
  });

  it('refuses an expired certificate', async () => {
    const server = await serve(await authority.issue('DNS:localhost', -1));
    await expectRefused({ issuer: server.url, ca: authority.certificate }, server);
  });

  it('does not trust a private CA that it was not told of', async () => {
    const server = await serve(leaf);
    await expectRefused({ issuer: server.url }, server);
  });

  it('verifies although NODE_TLS_REJECT_UNAUTHORIZED=0 is set', async () => {
    const server = await serve(self);
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      await expectRefused({ issuer: server.url, ca: authority.certificate }, server);
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    }
  });

  it('checks a pin on top', async () => {
    const server = await serve(leaf);
    const ca = authority.certificate;
    expect(await ask({ issuer: server.url, ca, pinSha256: await opensslPin(leaf) })).toEqual({ here: true });
    const colleague = await serve(await authority.issue('DNS:localhost'));
    await expectRefused({ issuer: colleague.url, ca, pinSha256: await opensslPin(leaf) }, colleague);
  });

  it('resumes no session, because a pin is not checked on a resumed one', async () => {
    const server = await startServer((_, response) => {
      response.setHeader('connection', 'close');
      sendJson(response, 200, { here: true });
    }, leaf);
    servers.push(server);
    const resumed: boolean[] = [];
    server.server.on('secureConnection', (socket: TLSSocket) => resumed.push(socket.isSessionReused()));
    await ask({ issuer: server.url, ca: authority.certificate, pinSha256: await opensslPin(leaf) }, 3);
    expect(resumed).toEqual([false, false, false]);
  });

  it('refuses a text without a certificate as a CA', async () => {
    const { url } = await serve(leaf);
    await expect(ask({ issuer: url, ca: 'not a certificate' })).rejects.toMatchObject({ code: 'ERR_ARGUMENT', argument: 'ca' });
    await expect(ask({ issuer: url, caFile: `${authority.certificateFile}.missing` })).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
      argument: 'caFile',
    });
  });
});

describe('with a pin alone', () => {
  it('talks to the pinned self-signed server, by name and by address', async () => {
    const server = await serve(self);
    const pinSha256 = await opensslPin(self);
    expect(await ask({ issuer: server.url, pinSha256 })).toEqual({ here: true });
    expect(await ask({ issuer: `https://127.0.0.1:${server.port}`, pinSha256 })).toEqual({ here: true });
    expect(await ask({ issuer: server.url, pinSha256: `sha256//${pinSha256}` })).toEqual({ here: true });
  });

  it('talks to a pinned server whose certificate a private CA issued', async () => {
    const server = await serve(leaf);
    expect(await ask({ issuer: server.url, pinSha256: await opensslPin(leaf) })).toEqual({ here: true });
  });

  it('computes the pin of an Ed25519 key as openssl does', async () => {
    const edwards = await selfSigned('DNS:localhost', ['-newkey', 'ed25519', '-nodes']);
    const server = await serve(edwards);
    expect(await ask({ issuer: server.url, pinSha256: await opensslPin(edwards) })).toEqual({ here: true });
  });

  it('refuses another self-signed server of the same name, and sends it nothing', async () => {
    const server = await serve(await selfSigned('DNS:localhost'));
    await expectRefused({ issuer: server.url, pinSha256: await opensslPin(self) }, server);
  });

  it('refuses the pinned key under another host name', async () => {
    const elsewhere = await selfSigned('DNS:elsewhere.example');
    const server = await serve(elsewhere);
    await expectRefused({ issuer: server.url, pinSha256: await opensslPin(elsewhere) }, server);
  });

  it('refuses an expired certificate of the pinned key', async () => {
    const expired = await authority.issue('DNS:localhost', -1);
    const server = await serve(expired);
    await expectRefused({ issuer: server.url, pinSha256: await opensslPin(expired) }, server);
  });

  it('refuses a server that takes over after the probe, on that and on every later connection', async () => {
    const server = await serve(self);
    const pinSha256 = await opensslPin(self);
    const impostor = await selfSigned('DNS:localhost');
    // The first connection is the probe; every later one meets the impostor.
    let connections = 0;
    server.server.prependListener('connection', () => {
      connections += 1;
      const { certificate, key } = impostor;
      if (connections === 2) (server.server as HttpsServer).setSecureContext({ cert: certificate, key });
    });
    await expectRefused({ issuer: server.url, pinSha256 }, server);
    expect(connections).toBe(2);
    await expectRefused({ issuer: server.url, pinSha256 }, server);
  });

  it('refuses a text that is no pin', () => {
    expect(() => new IssuerHttp({ issuer: 'https://localhost', pinSha256: 'c2hvcnQ=' })).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT', argument: 'pinSha256' }),
    );
  });
});

it('calls a plain server on an https URL not recognised', async () => {
  const server = await startServer((_, response) => sendJson(response, 200, {}));
  servers.push(server);
  await expectRefused({ issuer: server.url.replace('http:', 'https:'), ca: authority.certificate }, server);
});
