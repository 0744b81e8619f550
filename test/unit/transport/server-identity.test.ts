/**
 * Whom a client takes for its issuer, in each of the ways to recognise it: a CA that everybody trusts, the company's CA, a pinned self-signed
 * certificate. In each, a second server with a fresh certificate for the same name stands in the way, also where it could resume a TLS session.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { get, Agent as HttpsAgent, type Server as HttpsServer } from 'node:https';
import type { SecureVersion, TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { IssuerEndpoint } from '../../../src/transport/issuer-endpoint.js';
import { IssuerHttp } from '../../../src/transport/issuer-http.js';
import { type CertificateAuthority, createAuthority, type KeyPair, opensslPin, selfSigned } from './certificates.js';
import { sendJson, startServer, type TestServer } from './servers.js';

const root = new URL('../../..', import.meta.url).pathname;
const asker = new URL('ask-steps.ts', import.meta.url).pathname;
const open: { close(): Promise<unknown> }[] = [];

/** A way to recognise the issuer, the issuer's certificate, and those of others. */
interface Way {
  readonly trust: Omit<IssuerEndpoint, 'issuer'>;
  readonly genuine: KeyPair;
  /** The same names, certified by somebody else. */
  readonly impostor: KeyPair;
  /** Trusted as the genuine one is, but for another host. */
  readonly elsewhere: () => Promise<readonly [KeyPair, Omit<IssuerEndpoint, 'issuer'>]>;
}

let authority: CertificateAuthority;
let impostorAuthority: CertificateAuthority;
const ways = new Map<string, Way>();

beforeAll(async () => {
  // Of the same name, as who is in the way chooses it well.
  [authority, impostorAuthority] = await Promise.all([createAuthority('company'), createAuthority('company')]);
  const [leaf, otherLeaf, self, otherSelf] = await Promise.all([
    authority.issue('DNS:localhost'),
    impostorAuthority.issue('DNS:localhost'),
    selfSigned('DNS:localhost'),
    selfSigned('DNS:localhost'),
  ]);
  ways.set('the company CA', {
    trust: { caFile: authority.certificateFile },
    genuine: leaf,
    impostor: otherLeaf,
    elsewhere: async () => [await authority.issue('DNS:elsewhere.example'), { caFile: authority.certificateFile }],
  });
  ways.set('a pinned self-signed certificate', {
    trust: { pinSha256: await opensslPin(self) },
    genuine: self,
    impostor: otherSelf,
    elsewhere: async () => {
      const pair = await selfSigned('DNS:elsewhere.example');
      return [pair, { pinSha256: await opensslPin(pair) }];
    },
  });
  ways.set('the self-signed certificate as its own CA', {
    trust: { ca: self.certificate },
    genuine: self,
    impostor: otherSelf,
    elsewhere: async () => {
      const pair = await selfSigned('DNS:elsewhere.example');
      return [pair, { ca: pair.certificate }];
    },
  });
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

function wayOf(name: string): Way {
  const way = ways.get(name);
  if (way === undefined) throw new Error(`no way ${name}`);
  return way;
}

/** A server whose connections last for one request, so that each request makes a new one. */
async function serve(pair: KeyPair): Promise<TestServer> {
  const server = await startServer((_, response) => {
    response.setHeader('connection', 'close');
    sendJson(response, 200, { here: true });
  }, pair);
  open.push(server);
  return server;
}

function connection(endpoint: IssuerEndpoint): IssuerHttp {
  const http = new IssuerHttp(endpoint, { timeoutMs: 5_000 });
  open.push(http);
  return http;
}

describe.each(['the company CA', 'a pinned self-signed certificate', 'the self-signed certificate as its own CA'])(
  'by %s',
  (name) => {
    it('the issuer is recognised', async () => {
      const { trust, genuine } = wayOf(name);
      const { url } = await serve(genuine);
      expect(await connection({ issuer: url, ...trust }).request('GET', '/')).toEqual({ here: true });
    });

    it('a server with a fresh certificate for the same name is refused, and is sent nothing', async () => {
      const { trust, impostor } = wayOf(name);
      const { url, requests } = await serve(impostor);
      await expect(connection({ issuer: url, ...trust }).request('GET', '/')).rejects.toMatchObject({
        code: 'ERR_ISSUER_IDENTITY',
      });
      expect(requests).toEqual([]);
    });

    it('a genuine certificate for another host name is refused', async () => {
      const [pair, trust] = await wayOf(name).elsewhere();
      const { url, requests } = await serve(pair);
      await expect(connection({ issuer: url, ...trust }).request('GET', '/')).rejects.toMatchObject({
        code: 'ERR_ISSUER_IDENTITY',
      });
      expect(requests).toEqual([]);
    });

    it.each<SecureVersion>(['TLSv1.2', 'TLSv1.3'])(
      'a server that could resume the session of %s is refused as well',
      async (version) => {
        const { trust, genuine, impostor } = wayOf(name);
        // Whoever has the ticket keys can go on with a session without any certificate.
        const ticketKeys = randomBytes(48);
        const server = await serve(genuine);
        const tls = server.server as HttpsServer;
        const become = ({ certificate: cert, key }: KeyPair) =>
          tls.setSecureContext({ cert, key, ticketKeys, minVersion: version, maxVersion: version });
        become(genuine);
        const resumed: boolean[] = [];
        tls.on('secureConnection', (socket: TLSSocket) => resumed.push(socket.isSessionReused()));

        const http = connection({ issuer: server.url, ...trust });
        const naive = new HttpsAgent({ ca: genuine.certificate, allowPartialTrustChain: true });
        expect(await http.request('GET', '/')).toEqual({ here: true });
        expect(await statusFor(naive, server.url)).toBe(200);
        become(impostor);
        const before = server.requests.length;
        // A client that resumes sessions is taken in: it is no fault of the test that ours is not.
        expect(await statusFor(naive, server.url)).toBe(200);
        expect(resumed.at(-1)).toBe(true);
        expect(server.requests).toHaveLength(before + 1);

        const tries = resumed.length;
        await expect(http.request('GET', '/')).rejects.toMatchObject({ code: 'ERR_ISSUER_IDENTITY' });
        await expect(http.request('GET', '/')).rejects.toMatchObject({ code: 'ERR_ISSUER_IDENTITY' });
        expect(resumed.slice(tries)).not.toContain(true);
        expect(server.requests).toHaveLength(before + 1);
        naive.destroy();
      },
    );
  },
);

describe('by the CAs that Node trusts', () => {
  it('the issuer is recognised; a fresh certificate, a private CA and another host are refused', async () => {
    const servers = [
      await serve(await authority.issue('DNS:localhost')),
      await serve(await impostorAuthority.issue('DNS:localhost')),
      await serve(await selfSigned('DNS:localhost')),
      await serve(await authority.issue('DNS:elsewhere.example')),
    ];
    // What makes a CA public is that it is in the list, so one of ours is put there.
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', asker, ...servers.map(({ url }) => url)], {
      cwd: root,
      env: { ...process.env, NODE_EXTRA_CA_CERTS: authority.certificateFile },
    });
    expect(JSON.parse(stdout)).toEqual(['answered', ...Array(3).fill('ERR_ISSUER_IDENTITY')]);
    expect(servers.map(({ requests }) => requests.length)).toEqual([1, 0, 0, 0]);
  });
});

function statusFor(agent: HttpsAgent, url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    }).on('error', reject);
  });
}
