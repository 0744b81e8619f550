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
  outgoing.end(body);
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
