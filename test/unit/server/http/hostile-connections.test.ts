import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { selfSigned } from '../../transport/certificates.js';
import { basic, tokenOf } from './fake-issuer.js';
import { openRaw, parseAnswers, requestText, sendRaw } from './raw-client.js';
import { type RunningServer, startTestServer } from './running-server.js';

const running: RunningServer[] = [];
const clients: Socket[] = [];
async function start(...args: Parameters<typeof startTestServer>): Promise<RunningServer> {
  const server = await startTestServer(...args);
  running.push(server);
  return server;
}
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  for (const server of running.splice(0)) await server.stop();
});

const connectText = 'CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test\r\n\r\n';
const getText = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const timer = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Open connections as the server counts them. */
function countConnections({ http }: RunningServer): Promise<number> {
  return new Promise((resolve, reject) =>
    http.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  );
}

/** Waits until `condition` holds; fails after 4 seconds. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 4_000;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error('it never held');
    await timer(10);
  }
}

/** A client that never ends its side. `reads` false: nor takes what it is sent. */
function openStubborn(port: number, reads = true): Socket {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  socket.on('error', () => {});
  if (reads) socket.resume();
  clients.push(socket);
  return socket;
}

describe('CONNECT', () => {
  it('and a reset right after it do no harm', async () => {
    const server = await start();
    for (let i = 0; i < 20; i++) {
      const socket = openStubborn(server.port);
      socket.write(connectText);
      // Half of them reset before the answer, half after it.
      if (i % 2 === 0) await new Promise((resolve) => socket.once('data', resolve));
      else await timer(1);
      socket.resetAndDestroy();
    }
    await until(async () => (await countConnections(server)) === 0);
    expect((await sendRaw(server.port, requestText('GET /livez')))[0]?.status).toBe(200);
  });

  it('and a reset before the request ahead of it is answered do no harm', async () => {
    const server = await start();
    const socket = openStubborn(server.port);
    server.issuer.replace('clients', async () => {
      socket.resetAndDestroy();
      await timer(50);
      return [];
    });
    const faults: unknown[] = [];
    const note = (fault: unknown): unknown => faults.push(fault);
    process.on('uncaughtException', note);
    socket.write(`GET /v1/clients HTTP/1.1\r\nHost: localhost\r\nAuthorization: Macaroon ${tokenOf()}\r\n\r\n${connectText}`);
    await until(() => socket.destroyed);
    await until(async () => (await countConnections(server)) === 0);
    await timer(10);
    process.off('uncaughtException', note);
    expect(faults).toEqual([]);
  });

  it('leaves no connection behind, whatever is sent with it and however long the client stays', async () => {
    const server = await start();
    for (const more of ['', 'x'.repeat(100), 'x'.repeat(200_000)]) openStubborn(server.port).write(connectText + more);
    await until(async () => (await countConnections(server)) === 3);
    await until(async () => (await countConnections(server)) === 0);
  });

  it('leaves no connection behind over TLS', async () => {
    const { certificate: cert, key } = await selfSigned('DNS:localhost');
    const server = await start({ tls: { cert, key } });
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const options = { host: '127.0.0.1', port: server.port, rejectUnauthorized: false, allowHalfOpen: true };
      const socket = connectTls(options, () => socket.write(`${connectText}and more`));
      socket.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk;
      });
      socket.on('error', () => {});
      socket.on('end', () => resolve(text));
      clients.push(socket);
    });
    expect(parseAnswers(answer)[0]?.status).toBe(405);
    await until(async () => (await countConnections(server)) === 0);
  });

  it('never answers in place of a request before it', async () => {
    const { port, issuer } = await start();
    issuer.replace('clients', () => new Promise((resolve) => setTimeout(() => resolve([]), 100)));
    const first = `GET /v1/clients HTTP/1.1\r\nHost: localhost\r\nAuthorization: Macaroon ${tokenOf()}\r\n\r\n`;
    const answers = await sendRaw(port, first + connectText);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  });
});

describe('bytes that are no request', () => {
  it.each(['', 'x'.repeat(200_000)])(
    'are answered, and leave no connection behind, however long the client stays',
    async (more) => {
      const server = await start();
      const socket = openStubborn(server.port, false);
      let text = '';
      socket.setEncoding('latin1').on('data', (chunk) => {
        text += chunk;
      });
      socket.write(`nonsense\r\n\r\n${more}`);
      await until(() => text.includes('"invalid_request"'));
      await until(async () => (await countConnections(server)) === 0);
    },
  );

  it('after a request are not answered in its place', async () => {
    const { port, issuer } = await start();
    issuer.replace('clients', () => new Promise((resolve) => setTimeout(() => resolve([]), 100)));
    const first = `GET /v1/clients HTTP/1.1\r\nHost: localhost\r\nAuthorization: Macaroon ${tokenOf()}\r\n\r\n`;
    const answers = await sendRaw(port, `${first}nonsense\r\n\r\n`);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  });
});

describe('bytes behind the last request of a connection', () => {
  const body = '{"audience":"invoice"}';
  const mint = (...lines: readonly string[]): string =>
    requestText('POST /v1/tokens', [`Authorization: ${basic('mail')}`, 'Content-Type: application/json', ...lines]);
  const minting = mint(`Content-Length: ${body.length}`) + body;

  it.each([
    ['another request', getText('/livez')],
    ['one byte', 'x'],
    ['two line ends and a byte', '\r\n\r\nx'],
    ['many', 'x'.repeat(300_000)],
  ])('leave it its answer, and are thrown away: %s', async (_, more) => {
    const server = await start();
    const answers = await sendRaw(server.port, minting + more);
    expect(answers).toMatchObject([{ status: 201, headers: { connection: 'close' } }]);
    expect(server.issuer.calls.filter(({ name }) => name === 'mint')).toHaveLength(1);
    expect(server.lines).toHaveLength(1);
    await until(async () => (await countConnections(server)) === 0);
  });

  it('leave it its answer where they come in pieces, later, or with the end of the side of the client', async () => {
    const { port } = await start();
    for (const waitMs of [0, 5, 50]) {
      const { socket, received } = openRaw(port);
      socket.write(minting.slice(0, -1));
      await timer(20);
      socket.write(minting.slice(-1));
      if (waitMs > 0) await timer(waitMs);
      socket.end(getText('/livez'));
      expect(parseAnswers(await received)).toMatchObject([{ status: 201 }]);
    }
  });

  it('leave their answers to those before it', async () => {
    const { port } = await start();
    const answers = await sendRaw(port, `${getText('/livez')}${minting}${getText('/livez')}`);
    expect(answers).toMatchObject([{ status: 200 }, { status: 201 }]);
  });

  it('leave it its answer over TLS', async () => {
    const { certificate: cert, key } = await selfSigned('DNS:localhost');
    const { port } = await start({ tls: { cert, key } });
    const text = await new Promise<string>((resolve) => {
      let received = '';
      const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => socket.write(`${minting}x`));
      socket.setEncoding('latin1').on('data', (chunk: string) => {
        received += chunk;
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(received));
    });
    expect(parseAnswers(text)).toMatchObject([{ status: 201 }]);
  });
});

describe('a connection that ends with its answer', () => {
  it.each([
    ['a body past the limit', 'Content-Length: 70000'],
    ['a repeated header', 'Content-Length: 70000\r\nHost: localhost'],
    ['an expectation', 'Content-Length: 70000\r\nExpect: magic'],
  ])('is not reset under a client that still sends: %s', async (_, lines) => {
    const server = await start();
    const served: Socket[] = [];
    server.http.server.on('connection', (one: Socket) => served.push(one));
    const { socket, received } = openRaw(server.port);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.write(`POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n\r\n`);
    // The answer waits unread until the body is sent.
    socket.pause();
    const failures: unknown[] = [];
    socket.on('error', (error) => failures.push(error));
    for (let i = 0; i < 7; i++) {
      socket.write('x'.repeat(10_000));
      await timer(10);
    }
    expect(text).toBe('');
    await until(() => served[0]?.bytesRead === socket.bytesWritten);
    socket.resume();
    expect(parseAnswers(await received)).toHaveLength(1);
    expect(failures).toEqual([]);
    await until(async () => (await countConnections(server)) === 0);
  });

  it.each([
    ['refused', getText('//livez')],
    ['refused, with more behind it', `${getText('//livez')}x`],
    ['refused, with a body', requestText('POST /livez', ['Content-Length: 70000'], 'x'.repeat(70_000))],
    ['answered', requestText('GET /livez')],
    ['answered, with more behind it', `${requestText('GET /livez')}x`],
  ])('is closed as soon as the client has ended its side: %s', async (_, bytes) => {
    const server = await start();
    const ends: boolean[] = [];
    server.http.server.on('connection', (one: Socket) => one.on('close', () => ends.push(one.readableEnded)));
    expect(await sendRaw(server.port, bytes)).toHaveLength(1);
    await until(() => ends.length === 1);
    expect(ends).toEqual([true]);
  });

  it('leaves nothing behind where the client stays and goes on sending', async () => {
    const server = await start();
    const socket = openStubborn(server.port);
    socket.write(requestText('GET /livez'));
    const sending = setInterval(() => {
      if (socket.writable) socket.write(getText('/livez').repeat(100));
    }, 5);
    await until(() => server.lines.length === 1);
    await until(async () => (await countConnections(server)) === 0);
    clearInterval(sending);
    expect(server.lines).toHaveLength(1);
  });
});

describe('a connection that is refused', () => {
  it('has no later request carried out', async () => {
    const { port, issuer } = await start();
    const body = '{"audience":"invoice"}';
    const headers = [`Authorization: ${basic('mail')}`, 'Content-Type: application/json', `Content-Length: ${body.length}`];
    const mint = `POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\n${headers.join('\r\n')}\r\n\r\n${body}`;
    expect(await sendRaw(port, getText('//livez') + mint)).toMatchObject([{ status: 400 }]);
    await timer(50);
    expect(issuer.calls).toEqual([]);
  });
});

describe('a request that would go over to another protocol', () => {
  const mintBody = '{"audience":"invoice"}';
  const mintText = (lines: readonly string[]): string => {
    const headers = [`Authorization: ${basic('mail')}`, 'Content-Type: application/json', ...lines];
    return `POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\n${headers.join('\r\n')}\r\nContent-Length: ${mintBody.length}\r\n\r\n`;
  };
  const mint = mintText([]) + mintBody;
  const upgrade = ['Connection: Upgrade', 'Upgrade: websocket'];
  const upgradingGet = `GET /livez HTTP/1.1\r\nHost: localhost\r\n${upgrade.join('\r\n')}\r\n\r\n`;

  it.each([
    ['without a body', upgradingGet, 200, []],
    ['with a body', mintText(upgrade) + mintBody, 201, ['mint']],
  ])('is answered as any other, and ends the connection: %s', async (_, text, status, calls) => {
    const { port, issuer } = await start();
    const answers = await sendRaw(port, text + mint);
    expect(answers).toMatchObject([{ status, headers: { connection: 'close' } }]);
    expect(issuer.calls.map(({ name }) => name).filter((name) => name === 'mint')).toEqual(calls);
  });

  it('does not have the body of the request behind it taken for a request', async () => {
    const { port, issuer } = await start();
    const { socket, received } = openRaw(port);
    // Node throws away what came together with it, here the head of the second request.
    socket.write(
      `${getText('/livez')}${upgradingGet}POST /v1/verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${mint.length}\r\n\r\n`,
    );
    socket.once('data', () => socket.write(mint));
    expect(parseAnswers(await received).map(({ status }) => status)).toEqual([200, 200]);
    await timer(50);
    expect(issuer.calls).toEqual([]);
  });

  it('is told when its body does not arrive', async () => {
    const { port } = await start({ limits: { requestTimeoutMs: 200, headersTimeoutMs: 100, checkIntervalMs: 20 } });
    expect(await sendRaw(port, mintText(upgrade))).toMatchObject([{ status: 408 }]);
  });
});

describe('requests sent ahead', () => {
  it('are answered in order up to eight; the ninth is refused and ends the connection', async () => {
    const { port, lines } = await start();
    const answers = await sendRaw(port, getText('/v1/openapi.json').repeat(330));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200, 200, 200, 400]);
    expect(JSON.parse(answers[8]?.body ?? '')).toMatchObject({ code: 'invalid_request' });
    expect(lines).toHaveLength(8);
  });

  it('are answered without end while each batch is taken before the next is sent', async () => {
    const { port } = await start();
    const { socket, received } = openRaw(port);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    for (let batch = 1; batch <= 5; batch++) {
      socket.write(getText('/livez').repeat(8));
      await until(() => parseAnswers(text).length === 8 * batch);
    }
    socket.end();
    expect(parseAnswers(await received).every(({ status }) => status === 200)).toBe(true);
  });

  it('are cut when their answers are not taken', async () => {
    const server = await start({ limits: { stalledWriteMs: 300, checkIntervalMs: 50 } });
    const huge = { audience: 'invoice', generation: 1, created_at: 'x'.repeat(20_000_000) };
    server.issuer.replace('audiences', async () => [huge]);
    const request = `GET /v1/audiences HTTP/1.1\r\nHost: localhost\r\nAuthorization: Macaroon ${tokenOf()}\r\n\r\n`;
    openStubborn(server.port, false).write(request);
    await until(() => server.lines.length === 1);
    expect(await countConnections(server)).toBe(1);
    await until(async () => (await countConnections(server)) === 0);
  });
});

describe('a body that does not arrive in full', () => {
  const limits = { headersTimeoutMs: 150, requestTimeoutMs: 300, checkIntervalMs: 50 };
  const head = ['Content-Type: application/json', `Authorization: ${basic('mail')}`];
  const kinds = [
    ['with its length', requestText('POST /v1/tokens', [...head, 'Content-Length: 100'], '{')],
    ['in chunks', requestText('POST /v1/tokens', [...head, 'Transfer-Encoding: chunked'], '5\r\n{')],
  ] as const;
  const statuses = ({ lines }: RunningServer) => lines.map((line) => JSON.parse(line)).map(({ msg, status }) => [msg, status]);

  it.each(kinds)('is no fault of ours when the client breaks off: %s', async (_, bytes) => {
    const server = await start();
    for (const end of ['end', 'destroy', 'resetAndDestroy'] as const) {
      const { socket, received } = openRaw(server.port);
      socket.write(bytes);
      await timer(50);
      socket[end]();
      await received;
    }
    await until(() => server.lines.length === 3);
    expect(statuses(server)).toEqual(Array.from({ length: 3 }, () => ['request', 400]));
    expect(server.issuer.calls).toEqual([]);
  });

  it.each(kinds)('is a timeout when the client stalls: %s', async (_, bytes) => {
    const server = await start({ limits });
    openStubborn(server.port).write(bytes);
    await until(() => server.lines.length === 1);
    expect(statuses(server)).toEqual([['request', 408]]);
    await until(async () => (await countConnections(server)) === 0);
  });
});

describe('what is below requests', () => {
  it('is in the log, a bounded number of times', async () => {
    const { port, serverLines } = await start();
    const oddHost = getText('/livez').replace('localhost', 'localhost:70000');
    const refused = ['nonsense\r\n\r\n', connectText, getText('//livez'), oddHost];
    for (const bytes of refused) await sendRaw(port, bytes);
    const entries = serverLines.map((line) => JSON.parse(line));
    expect(entries.map(({ route, status }) => [route, status])).toEqual([
      ['(refused)', 400],
      ['(refused)', 405],
      ['(refused)', 400],
      ['(refused)', 400],
    ]);
    await Promise.all(Array.from({ length: 200 }, (_, i) => sendRaw(port, refused[i % 4] ?? '')));
    expect(serverLines.length).toBeGreaterThan(10);
    expect(serverLines.length).toBeLessThanOrEqual(61);
  });
});
