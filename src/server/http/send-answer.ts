/** Puts an answer on the wire, and sees to it that a connection whose request was not read to its end does not stay for long. */
import type { ServerResponse } from 'node:http';
import type { Answer } from './answers.js';

/** How long the rest of a body that nobody asked for may take to come in once the answer is out, milliseconds. */
const maxUnreadMs = 500;

/** Sends `answer` as the answer to the request of `outgoing`. */
export function sendAnswer(outgoing: ServerResponse, { status, headers, body }: Answer): void {
  if (!outgoing.req.complete) dropUnread(outgoing);
  if (body === undefined || outgoing.req.method === 'HEAD') {
    outgoing.writeHead(status, headers);
    outgoing.end();
    return;
  }
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  // The spread stands last: see `answers.ts`.
  outgoing.writeHead(status, { 'Content-Length': length, ...headers });
  sendInOneWrite(outgoing, body, length);
}

/**
 * Sends the head of `outgoing` and `body` (of `length` bytes) together. `end(body)` adds an empty block, to be told when it is out, and several blocks are
 * a write of the dearer kind.
 */
function sendInOneWrite(outgoing: ServerResponse, body: string | Uint8Array, length: number): void {
  const { socket } = outgoing;
  // An earlier answer of the connection is still on its way.
  if (socket === null) {
    outgoing.end(body);
    return;
  }
  socket.cork();
  // A text with as many bytes as characters is ASCII, which Latin-1 spells the same and writes faster.
  if (typeof body === 'string') outgoing.write(body, length === body.length ? 'latin1' : 'utf8');
  else outgoing.write(body);
  socket.uncork();
  outgoing.end();
}

/** Ends the connection when its request is still coming in some time after the answer, which Node reads and throws away until then. */
function dropUnread(outgoing: ServerResponse): void {
  const { req: incoming } = outgoing;
  outgoing.once('finish', () => {
    const timer = setTimeout(() => {
      if (!incoming.complete) incoming.socket.destroySoon();
    }, maxUnreadMs);
    incoming.once('close', () => clearTimeout(timer));
  });
}
