import { Agent, get as httpGet } from 'node:http';
import { networkInterfaces } from 'node:os';
import { connect as tlsConnect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpServer } from '../../../../src/server/http/http-server.js';
import { selfSigned } from '../../transport/certificates.js';
import { basic, nowMs, tokenOf } from './fake-issuer.js';
import { openRaw, parseAnswers, requestText, sendRaw } from './raw-client.js';
import { type RunningServer, startTestServer } from './running-server.js';

const running: RunningServer[] = [];
async function start(...args: Parameters<typeof startTestServer>): Promise<RunningServer> {
  const server = await startTestServer(...args);
  running.push(server);
  return server;
}
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});

const randomBytes = (length: number): Uint8Array => new Uint8Array(length);
const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const timer = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('plain HTTP', () => {
  it.each(['0.0.0.0', '::', '192.0.2.1', 'example.test'])('is refused on %s', async (host) => {
    const { app, http } = await start();
    const other = createHttpServer({ app, clock: () => nowMs, randomBytes, logger });
    await expect(other.listen({ host, port: 0 })).rejects.toMatchObject({ code: 'ERR_CONFIG' });
    expect(() => http.setSecureContext({ cert: '', key: '' })).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
  });

  it('is not spoken to an address beyond loopback, also when the server was made to listen there', async () => {
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.internal === false && one.family === 'IPv4');
    if (outside === undefined) return;
    const { app } = await start();
    const { server } = createHttpServer({ app, clock: () => nowMs, randomBytes, logger });
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '0.0.0.0', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    const outcome = (host: string) =>
      new Promise((resolve) =>
        httpGet({ host, port, path: '/livez', agent: false }, (response) => resolve(response.resume().statusCode)).on(
          'error',
          () => resolve('cut'),
        ),
      );
    expect(await outcome('127.0.0.1')).toBe(200);
    expect(await outcome(outside.address)).toBe('cut');
    server.close();
  });
});

describe('TLS', () => {
  async function protocolOf(
    port: number,
    options: { readonly maxVersion?: 'TLSv1.1' | 'TLSv1.2'; readonly ciphers?: string } = {},
  ) {
    return new Promise<string>((resolve) => {
      const socket = tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false, minVersion: 'TLSv1', ...options }, () => {
        resolve(`${socket.getProtocol()} ${socket.getPeerCertificate().fingerprint256}`);
        socket.destroy();
      });
      socket.on('error', () => resolve('refused'));
    });
  }

  it('speaks 1.3 and 1.2, nothing older and no CBC, and takes a new certificate while it runs', async () => {
    const [first, second] = await Promise.all([selfSigned('DNS:localhost'), selfSigned('DNS:localhost')]);
    const { port, http } = await start({ tls: { cert: first.certificate, key: first.key } });
    const before = await protocolOf(port);
    expect(before).toMatch(/^TLSv1\.3 /);
    expect(await protocolOf(port, { maxVersion: 'TLSv1.2' })).toMatch(/^TLSv1\.2 /);
    expect(await protocolOf(port, { maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' })).toBe('refused');
    expect(await protocolOf(port, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' })).toBe('refused');
    http.setSecureContext({ cert: second.certificate, key: second.key });
    const after = await protocolOf(port);
    expect(after).toMatch(/^TLSv1\.3 /);
    expect(after).not.toBe(before);
    expect(await protocolOf(port, { maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' })).toBe('refused');
  });
});

describe('slow clients', () => {
  const limits = { headersTimeoutMs: 150, requestTimeoutMs: 300, checkIntervalMs: 50 };

  it('who do not finish their headers are told so and cut', async () => {
    const { port } = await start({ limits });
    const { socket, received } = openRaw(port);
    socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n');
    const [answer] = parseAnswers(await received);
    expect(answer?.status).toBe(408);
    expect(JSON.parse(answer?.body ?? '')).toMatchObject({ code: 'request_timeout' });
  });

  it('who do not finish their body are cut, and their request is not carried out', async () => {
    const { port, issuer } = await start({ limits });
    const { socket, received } = openRaw(port);
    const headers = ['Content-Type: application/json', 'Content-Length: 100', `Authorization: ${basic('mail')}`];
    socket.write(requestText('POST /v1/tokens', headers, '{'));
    expect(parseAnswers(await received)[0]?.status).toBe(408);
    expect(issuer.calls).toEqual([]);
  });

  it('do not keep others out', async () => {
    const { port } = await start({ limits: { ...limits, headersTimeoutMs: 5_000, requestTimeoutMs: 6_000 } });
    const slow = Array.from({ length: 50 }, () => openRaw(port));
    for (const { socket } of slow) socket.write('GET /livez HTTP/1.1\r\nX-Slow: ');
    expect((await sendRaw(port, requestText('GET /livez')))[0]?.status).toBe(200);
    for (const { socket } of slow) socket.destroy();
  });
});

describe('draining', () => {
  interface Tally {
    answered: number;
    broken: number;
    refused: number;
  }

  /** A client that always has a request under way on a kept connection, until it is turned away. */
  function keepBusy(port: number, path: string, tally: Tally): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const once = (): Promise<boolean> =>
      new Promise((resolve) => {
        const request = httpGet({ host: '127.0.0.1', port, path, agent }, (response) => {
          response.on('error', () => {
            tally.broken++;
            resolve(false);
          });
          response.resume().on('end', () => {
            tally.answered++;
            resolve(true);
          });
        });
        request.on('error', (error: NodeJS.ErrnoException) => {
          // Cut before any byte of an answer on a fresh connection: it was never accepted.
          if (error.code === 'ECONNREFUSED' || !request.reusedSocket) tally.refused++;
          else tally.broken++;
          resolve(false);
        });
      });
    const loop = async (): Promise<void> => {
      while (await once());
      agent.destroy();
    };
    return loop();
  }

  it('ends soon with busy keep-alive clients, and breaks no request it has accepted', async () => {
    const { port, http, lines } = await start();
    const tally = { answered: 0, broken: 0, refused: 0 };
    const clients = Array.from({ length: 20 }, () => keepBusy(port, '/livez', tally));
    while (tally.answered < 200) await timer(5);
    const startMs = performance.now();
    await http.drain();
    const elapsedMs = performance.now() - startMs;
    await Promise.all(clients);
    expect(elapsedMs).toBeLessThan(3_000);
    expect(tally.broken).toBe(0);
    expect(tally.refused).toBe(20);
    // Whatever reached the application was answered to the end.
    expect(tally.answered).toBe(lines.length);
  });

  it('waits for a request under way, and answers it with Connection: close', async () => {
    const { port, http, issuer } = await start();
    let release = (): void => {};
    const entered = new Promise<void>((resolve) => {
      issuer.replace('mint', () => {
        resolve();
        return new Promise((_, reject) => {
          release = () => reject(new Error('done'));
        });
      });
    });
    const { socket, received } = openRaw(port);
    const body = '{"audience":"invoice"}';
    socket.write(
      `POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${basic('mail')}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await entered;
    let isDrained = false;
    const drained = http.drain().then(() => {
      isDrained = true;
    });
    await timer(400);
    expect(isDrained).toBe(false);
    release();
    const [answer] = parseAnswers(await received);
    expect(answer?.status).toBe(500);
    expect(answer?.headers['connection']).toBe('close');
    await drained;
  });

  it('closes idle connections and silent ones without waiting for the deadline', async () => {
    const { port, http } = await start();
    const silent = openRaw(port);
    const idle = openRaw(port);
    idle.socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await new Promise((resolve) => idle.socket.once('data', resolve));
    const startMs = performance.now();
    await http.drain();
    expect(performance.now() - startMs).toBeLessThan(3_000);
    await Promise.all([silent.received, idle.received]);
  });

  it('cuts what is left at the deadline', async () => {
    const { port, http, issuer } = await start();
    const entered = new Promise<void>((resolve) => {
      issuer.replace('clients', () => {
        resolve();
        return new Promise(() => {});
      });
    });
    const { socket, received } = openRaw(port);
    socket.write(`GET /v1/clients HTTP/1.1\r\nHost: localhost\r\nAuthorization: Macaroon ${tokenOf()}\r\n\r\n`);
    await entered;
    const startMs = performance.now();
    await http.drain(500);
    expect(performance.now() - startMs).toBeLessThan(1_500);
    expect(await received).toBe('');
  });

  it('is done once, however often it is asked for, also when the server never listened', async () => {
    const { http, app } = await start();
    await Promise.all([http.drain(), http.drain()]);
    const other = createHttpServer({ app, clock: () => nowMs, randomBytes, logger });
    await other.drain(100);
  });
});
