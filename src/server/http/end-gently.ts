/**
 * Ends a connection so that its last answer arrives: closing over unread bytes resets a connection, and a client that still sends may lose the answer
 * with it. So our side ends first, and what comes in until the client ends its own is thrown away.
 */
import type { Duplex } from 'node:stream';

/** How long a client may take to read the last answer and to end its side, milliseconds. */
const maxClosingMs = 1_000;

/** Ends `socket` after what was written to it and after `last`. Nothing that still comes in is read as HTTP. */
export function endGently(socket: Duplex, last?: string): void {
  if (socket.writableEnded) return;
  socket.resume();
  // Where reading was stopped, Node's own listener starts it again, in the tick before this one.
  process.nextTick(throwAway, socket);
  // That the client resets the connection is no fault.
  socket.on('error', () => socket.destroy());
  const timer = setTimeout(() => socket.destroy(), maxClosingMs);
  socket.once('close', () => clearTimeout(timer));
  socket.end(last);
}

/** Takes `socket` from Node's parser. */
function throwAway(socket: Duplex): void {
  socket.removeAllListeners('data');
  socket.on('data', () => {});
}
