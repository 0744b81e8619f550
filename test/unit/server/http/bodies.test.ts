import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { selfSigned } from '../../transport/certificates.js';
import { basic } from './fake-issuer.js';
import { openRaw, parseAnswers } from './raw-client.js';
import { type RunningServer, startTestServer } from './running-server.js';

const running: RunningServer[] = [];
async function start(options: Parameters<typeof startTestServer>[0] = {}): Promise<RunningServer> {
  const server = await startTestServer(options);
  running.push(server);
  return server;
}
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});

const mintBody = JSON.stringify({ audience: 'invoice', caveats: ['path /é'] });
const bodyBytes = Buffer.from(mintBody);
const head = (...lines: readonly string[]): string =>
  [
    'POST /v1/tokens HTTP/1.1',
    'Host: localhost',
    'Content-Type: application/json',
    `Authorization: ${basic('mail')}`,
    ...lines,
    '\r\n',
  ].join('\r\n');
const chunk = (bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

/** Sends `pieces` with a pause after each, and reads until there are so many answers or the server ends the connection. */
async function send(port: number, pieces: readonly (string | Buffer)[], count: number): Promise<ReturnType<typeof parseAnswers>> {
  const { socket, received } = openRaw(port);
  let text = '';
  const enough = new Promise<void>((resolve) => {
    socket.on('data', (data) => {
      text += data;
      if (parseAnswers(text).length >= count) resolve();
    });
  });
  for (const piece of pieces) {
    socket.write(piece);
    await pause();
  }
  await Promise.race([enough, received]);
  socket.destroy();
  return parseAnswers(text);
}

describe('a body', () => {
  const declared = head(`Content-Length: ${bodyBytes.length}`);
  const chunked = head('Transfer-Encoding: chunked');
  const [first, second] = [bodyBytes.subarray(0, 41), bodyBytes.subarray(41)];
  const last = Buffer.from('0\r\n\r\n');

  it.each<[string, readonly (string | Buffer)[]]>([
    ['with its headers', [Buffer.concat([Buffer.from(declared), bodyBytes])]],
    ['after its headers', [declared, bodyBytes]],
    ['in two pieces, parted within a character', [declared, first, second]],
    ['byte by byte at its end', [declared, bodyBytes.subarray(0, -2), bodyBytes.subarray(-2, -1), bodyBytes.subarray(-1)]],
    ['as one chunk with its headers', [Buffer.concat([Buffer.from(chunked), chunk(bodyBytes), last])]],
    ['as a chunk whose end comes later', [Buffer.concat([Buffer.from(chunked), chunk(bodyBytes)]), last]],
    ['in chunks', [chunked, chunk(first), Buffer.concat([chunk(second), last])]],
  ])('is the same however it arrives: %s', async (_, pieces) => {
    const { port, issuer } = await start();
    // Twice, as the connection must be good for another request.
    const answers = await send(port, [...pieces, ...pieces], 2);
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    const minted = issuer.calls.filter(({ name }) => name === 'mint');
    expect(minted.map(({ args }) => args[1])).toEqual([JSON.parse(mintBody), JSON.parse(mintBody)]);
  });

  it('belongs to its own request when several are sent ahead', async () => {
    const { port, issuer } = await start();
    const bodies = ['{"audience":"invoice","expires_in":1}', '{"audience":"invoice","expires_in":2}', '{"audience":"invoice"}'];
    const all = bodies.map((body) => head(`Content-Length: ${body.length}`) + body).join('');
    const answers = await send(port, [all], 3);
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    const minted = issuer.calls.filter(({ name }) => name === 'mint').map(({ args }) => args[1]);
    expect(minted).toEqual(bodies.map((body) => JSON.parse(body)));
  });

  it.each([
    ['with its headers', 0],
    ['after its headers', 1],
  ])('past the limit, in chunks, is refused and ends the connection: %s', async (_, pieceCount) => {
    const { port, issuer } = await start();
    const big = Buffer.concat([chunk(Buffer.alloc(40_000, ' ')), chunk(Buffer.alloc(40_000, ' '))]);
    const pieces = pieceCount === 0 ? [Buffer.concat([Buffer.from(chunked), big, last])] : [chunked, big, last];
    const { socket, received } = openRaw(port);
    for (const piece of pieces) {
      if (!socket.destroyed) socket.write(piece);
      await pause();
    }
    expect(parseAnswers(await received)).toMatchObject([{ status: 413, headers: { connection: 'close' } }]);
    expect(issuer.calls).toEqual([]);
  });
});

describe('a client that ends its side with its last request', () => {
  it('gets every answer, and then the end of the connection', async () => {
    const { port } = await start();
    const { socket, received } = openRaw(port);
    const minting = Buffer.concat([Buffer.from(declaredHead()), bodyBytes]);
    socket.end(Buffer.concat([Buffer.from('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n'), minting, minting]));
    expect(parseAnswers(await received)).toMatchObject([{ status: 200 }, { status: 201 }, { status: 201 }]);
  });

  it('gets its answer over TLS too', async () => {
    const { certificate: cert, key } = await selfSigned('DNS:localhost');
    const { port } = await start({ tls: { cert, key } });
    const text = await new Promise<string>((resolve) => {
      let received = '';
      const options = { host: '127.0.0.1', port, rejectUnauthorized: false, allowHalfOpen: true };
      const socket = connectTls(options, () => socket.end(`${declaredHead()}${mintBody}`));
      socket.setEncoding('latin1').on('data', (chunk: string) => {
        received += chunk;
      });
      socket.on('end', () => resolve(received));
    });
    expect(parseAnswers(text)).toMatchObject([{ status: 201 }]);
  });

  it('in the middle of a body, is told so', async () => {
    const { port, issuer } = await start();
    const { socket, received } = openRaw(port);
    socket.end(Buffer.concat([Buffer.from(declaredHead()), bodyBytes.subarray(1)]));
    expect(parseAnswers(await received)).toMatchObject([{ status: 400 }]);
    expect(issuer.calls.filter(({ name }) => name === 'mint')).toEqual([]);
  });
});

describe('a body that nobody reads', () => {
  const stranger = head(`Content-Length: ${bodyBytes.length}`).replace(/Authorization: .*\r\n/, '');

  it('is refused before it arrives, and the connection is cut when it does not come', async () => {
    const { port } = await start();
    const { socket, received } = openRaw(port);
    socket.write(stranger);
    const startMs = performance.now();
    expect(parseAnswers(await received)).toMatchObject([{ status: 401 }]);
    expect(performance.now() - startMs).toBeLessThan(3_000);
  });

  it('does not stand in the way of the next request', async () => {
    const { port } = await start();
    const answers = await send(port, [stranger, bodyBytes, Buffer.concat([Buffer.from(declaredHead()), bodyBytes])], 2);
    expect(answers.map(({ status }) => status)).toEqual([401, 201]);
  });
});

function declaredHead(): string {
  return head(`Content-Length: ${bodyBytes.length}`);
}
