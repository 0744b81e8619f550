import type { Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { selfSigned } from '../../transport/certificates.js';
import { type RunningServer, startTestServer } from './running-server.js';

const running: RunningServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});

const get = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n';

async function start(admits: (socket: Socket) => Promise<boolean>, failures: string[] = []) {
  const { certificate: cert, key } = await selfSigned('DNS:localhost');
  const onTlsFailure = (_: Socket, code: string): void => void failures.push(code);
  const server = await startTestServer({ tls: { cert, key, clientAuthorities: [] }, admits, onTlsFailure });
  running.push(server);
  /** Sends `text` as soon as it can, and `then` once something came back; resolves to all that came until the end. */
  const talk = (text: string, then?: string) =>
    new Promise<string>((resolve) => {
      let received = '';
      const socket = tlsConnect({ host: '127.0.0.1', port: server.port, rejectUnauthorized: false }, () => socket.write(text));
      socket.setEncoding('latin1').once('data', () => then !== undefined && socket.write(then));
      socket.on('data', (chunk) => {
        received += chunk;
        if (then === undefined && received.endsWith('}')) socket.destroy();
      });
      socket.on('error', () => undefined).on('close', () => resolve(received));
    });
  return { server, talk };
}

describe('a listener that judges its connections', () => {
  it('reads nothing of one before it is let through, and then all that was sent', async () => {
    let admit: (isAdmitted: boolean) => void = () => undefined;
    let calls = 0;
    const { server, talk } = await start(() => {
      calls++;
      return calls === 1 ? new Promise((resolve) => (admit = resolve)) : Promise.resolve(true);
    });
    const answer = talk(get);
    while (calls === 0) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(server.lines).toEqual([]);
    admit(true);
    expect(await answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(calls).toBe(2);
  });

  it.each([
    ['is refused', () => Promise.resolve(false)],
    ['cannot be judged', () => Promise.reject(new Error('no store'))],
  ])('drops one that %s without a word', async (_, admits) => {
    const { server, talk } = await start(admits);
    expect(await talk(get)).toBe('');
    expect(server.lines).toEqual([]);
  });

  it('judges it again at every request', async () => {
    const verdicts = [true, true, false];
    const { talk } = await start(() => Promise.resolve(verdicts.shift() ?? false));
    const received = await talk(get, get);
    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
    expect(verdicts).toEqual([]);
  });

  it('is told of handshakes that TLS breaks off', async () => {
    const failures: string[] = [];
    const { server } = await start(() => Promise.resolve(true), failures);
    const { connect } = await import('node:net');
    await new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: server.port }, () => socket.write(get));
      socket.on('error', () => undefined).on('close', resolve);
    });
    expect(failures).toEqual([expect.stringMatching(/^ERR_SSL_/)]);
  });
});
