import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { sendAnswer } from '../../../../src/server/http/send-answer.js';

const headers = { 'Content-Type': 'application/json' };
let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** What comes back for `requests`, sent at once, from a server that answers with `listener`. */
async function exchange(requests: string, listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.end(requests);
  return await text(socket);
}

const last = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

describe('an answer on the wire', () => {
  it.each([
    ['ASCII', '{"a":"b"}'],
    ['characters of two bytes, which Latin-1 has as well', '{"a":"é"}'],
    ['characters of more bytes', '{"a":"€ 😀"}'],
    ['bytes', new TextEncoder().encode('{"a":"€"}')],
    ['nothing', ''],
    ['more than the system takes at once', `{"a":"${'é'.repeat(4_000_000)}"}`],
  ])('is whole: %s', async (_, body) => {
    const received = await exchange(last, (_request, response) => sendAnswer(response, { status: 200, headers, body }));
    const [head = '', rest = ''] = received.split('\r\n\r\n');
    const sent = typeof body === 'string' ? body : new TextDecoder().decode(body);
    expect(rest === sent).toBe(true);
    expect(head).toContain(`\r\nContent-Length: ${Buffer.byteLength(sent)}\r\n`);
  });

  it('is one write of one block', async () => {
    const writes: string[] = [];
    await exchange(last, (_request, response) => {
      const { socket } = response;
      if (socket === null) throw new Error('no socket');
      const write = vi.spyOn(socket, '_write').mockImplementation((_chunk, _encoding, done) => {
        writes.push('one');
        done();
        socket.destroy();
      });
      vi.spyOn(socket, '_writev' as '_write').mockImplementation(() => {
        writes.push('several');
        write.mockRestore();
        socket.destroy();
      });
      sendAnswer(response, { status: 200, headers, body: '{"a":"b"}' });
    });
    expect(writes).toEqual(['one']);
  });

  it('waits for those before it on its connection', async () => {
    const first: (() => void)[] = [];
    const received = await exchange(`GET /1 HTTP/1.1\r\nHost: a\r\n\r\n${last}`, (request, response) => {
      const send = (): void => sendAnswer(response, { status: 200, headers, body: `"${request.url}"` });
      if (request.url === '/1') first.push(send);
      else {
        send();
        for (const one of first) one();
      }
    });
    expect([...received.matchAll(/"(\/1?)"/g)].map(([, url]) => url)).toEqual(['/1', '/']);
  });
});
