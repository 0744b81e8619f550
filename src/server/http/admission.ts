/**
 * A listener for clients with a certificate alone: a connection is judged once its handshake is done, and no byte of it is read as HTTP before
 * that; it is judged again at every request, as a certificate may be revoked while its connection is open. TLS itself lets everybody through
 * the handshake, because a refusal there would leave neither an address nor a reason.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Whether a connection may carry requests now; it notes itself why not. */
export type Admits = (socket: Socket) => Promise<boolean>;

/** Holds every connection of `server` back from HTTP until `admits` lets it through; the others are dropped. Call it after all listeners are set. */
export function holdConnections(server: Server, admits: Admits): void {
  const onward = server.listeners('secureConnection');
  server.removeAllListeners('secureConnection');
  server.on('secureConnection', (socket: Socket) => {
    // The peer may go away, or turn out to be no TLS client, while it is judged.
    socket.on('error', () => socket.destroy());
    void dropUnlessAdmitted(socket, admits).then((isAdmitted) => {
      if (isAdmitted) for (const listener of onward) listener.call(server, socket);
    });
  });
}

/** Ends the connection unless it may go on; a judgement that cannot be made counts as a no. */
export async function dropUnlessAdmitted(socket: Socket, admits: Admits): Promise<boolean> {
  const isAdmitted = await admits(socket).catch(() => false);
  if (!isAdmitted) socket.destroy();
  return isAdmitted && !socket.destroyed;
}
