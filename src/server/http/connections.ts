/**
 * Keeps track of open connections and what each is doing, so that a stop can tell a busy one, which is waited for, from a quiet one.
 * Node's own `closeIdleConnections` cuts answers that are made but not yet on the wire, and never sees who has not spoken at all.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface Activity {
  /** The answer that is being made. */
  current: ServerResponse | undefined;
  /** When it was last busy, in `performance.now()` milliseconds. */
  lastBusyMs: number;
  hasServed: boolean;
}

export class Connections {
  readonly #activities = new Map<Socket, Activity>();
  readonly #raw = new Set<Socket>();

  /** Call for every TCP connection, also when TLS goes over it. */
  addRaw(socket: Socket): void {
    this.#raw.add(socket);
    socket.once('close', () => this.#raw.delete(socket));
  }

  /** Call for every connection that carries HTTP. */
  add(socket: Socket): void {
    this.#activities.set(socket, { current: undefined, lastBusyMs: performance.now(), hasServed: false });
    socket.once('close', () => this.#activities.delete(socket));
  }

  /** Call for every request, before it is answered. */
  begin(socket: Socket, response: ServerResponse): void {
    const activity = this.#activities.get(socket);
    if (activity === undefined) return;
    activity.current = response;
    activity.hasServed = true;
    response.once('close', () => {
      if (activity.current === response) activity.current = undefined;
      activity.lastBusyMs = performance.now();
    });
  }

  /** Whether an answer on `socket` has begun, so that nothing else may be written. */
  isAnswering(socket: Socket): boolean {
    return this.#activities.get(socket)?.current?.headersSent === true;
  }

  /** Makes every answer that has not begun say that the connection ends with it. */
  announceClose(): void {
    for (const { current } of this.#activities.values()) {
      if (current !== undefined && !current.headersSent) current.setHeader('Connection', 'close');
    }
  }

  /** Ends the connections that have waited for their next request for `idleMs`, or for their first for `silentMs`. */
  destroyQuiet(idleMs: number, silentMs: number): void {
    const nowMs = performance.now();
    for (const [socket, { current, lastBusyMs, hasServed }] of this.#activities) {
      if (current === undefined && nowMs - lastBusyMs >= (hasServed ? idleMs : silentMs)) socket.destroy();
    }
  }

  destroyAll(): void {
    for (const socket of this.#raw) socket.destroy();
  }
}
