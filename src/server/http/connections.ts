/**
 * Keeps track of open connections and what each is doing: a stop can tell a busy one, which is waited for, from a quiet one, and a client
 * that asks without taking the answers is told from one that takes them. Node's own `closeIdleConnections` cuts answers that are made
 * but not yet on the wire, and never sees who has not spoken at all.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { endGently } from './end-gently.js';

interface Activity {
  /** Answers that are not sent in full, in the order of their requests. */
  readonly unanswered: Set<ServerResponse>;
  /** When it was last busy, in `performance.now()` milliseconds. */
  lastBusyMs: number;
  hasServed: boolean;
  /** Whether nothing that still comes in is carried out, as the connection ends with an answer already given. */
  isEnding: boolean;
  /** Whether no later request is carried out, as the connection ends with the answer to the last one that is. */
  hasLast: boolean;
  /** Bytes that the system has taken over for sending. */
  sentBytes: number;
  /** When that last grew, or nothing waited to be sent, in `performance.now()` milliseconds. */
  lastProgressMs: number;
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
    const nowMs = performance.now();
    const unanswered = new Set<ServerResponse>();
    const phase = { hasServed: false, isEnding: false, hasLast: false };
    this.#activities.set(socket, { unanswered, lastBusyMs: nowMs, ...phase, sentBytes: 0, lastProgressMs: nowMs });
    // Node calls it after the last answer.
    socket.destroySoon = () => endGently(socket);
    socket.once('close', () => this.#activities.delete(socket));
  }

  /** Call for every request, before it is answered. How many of its connection have no answer yet, with it; 0 when none is wanted any more. */
  begin(socket: Socket, response: ServerResponse): number {
    const activity = this.#activities.get(socket);
    if (activity === undefined || activity.isEnding || activity.hasLast) return 0;
    activity.unanswered.add(response);
    activity.hasServed = true;
    // It comes once; `once` would cost as much again.
    response.on('close', () => {
      activity.unanswered.delete(response);
      activity.lastBusyMs = performance.now();
    });
    return activity.unanswered.size;
  }

  /** Call when the connection ends with the answer that is made now: what follows on it is neither carried out nor answered. */
  end(socket: Socket): void {
    const activity = this.#activities.get(socket);
    if (activity !== undefined) activity.isEnding = true;
    socket.pause();
  }

  /** Call when nobody can tell where a request behind that of `response` would begin: the connection ends with its answer. */
  endWith(socket: Socket, response: ServerResponse): void {
    const activity = this.#activities.get(socket);
    if (activity !== undefined) activity.hasLast = true;
    response.setHeader('Connection', 'close');
  }

  /** Call when what follows on the requests that are here in full is no request: they are answered, and the connection ends with the last answer. */
  endAfterAnswers(socket: Socket): void {
    this.end(socket);
    // Node has taken its own listener from one that asked for CONNECT; that the client resets the connection is no fault.
    socket.on('error', () => socket.destroy());
    const unanswered = [...(this.#activities.get(socket)?.unanswered ?? [])];
    const last = unanswered.filter(({ req, headersSent }) => req.complete || headersSent).at(-1);
    if (last?.headersSent === false) last.setHeader('Connection', 'close');
    else if (last !== undefined) last.once('finish', () => socket.destroySoon());
  }

  /** Whether `end` was called for it. */
  isEnding(socket: Socket): boolean {
    return this.#activities.get(socket)?.isEnding === true;
  }

  /** What bytes written to `socket` now would be taken for the answer to: the request that is coming in, one before it, or none. */
  nextAnswer(socket: Socket): 'incoming' | 'earlier' | 'none' {
    const [first, ...others] = this.#activities.get(socket)?.unanswered ?? [];
    if (first === undefined) return 'none';
    return others.length > 0 || first.headersSent || first.req.complete ? 'earlier' : 'incoming';
  }

  /** Makes every answer that has not begun say that the connection ends with it. */
  announceClose(): void {
    for (const { unanswered } of this.#activities.values()) {
      const last = [...unanswered].at(-1);
      if (last !== undefined && !last.headersSent) last.setHeader('Connection', 'close');
    }
  }

  /** Ends the connections that have waited for their next request for `idleMs`, or for their first for `silentMs`. */
  destroyQuiet(idleMs: number, silentMs: number): void {
    const nowMs = performance.now();
    for (const [socket, { unanswered, lastBusyMs, hasServed }] of this.#activities) {
      if (unanswered.size === 0 && nowMs - lastBusyMs >= (hasServed ? idleMs : silentMs)) socket.destroy();
    }
  }

  /** Ends the connections whose client has taken nothing of what waits for it for `stalledMs`. Call it often. */
  destroyStalled(stalledMs: number): void {
    const nowMs = performance.now();
    for (const [socket, activity] of this.#activities) {
      const sentBytes = socket.bytesWritten - socket.writableLength;
      if (socket.writableLength === 0 || sentBytes !== activity.sentBytes) {
        activity.sentBytes = sentBytes;
        activity.lastProgressMs = nowMs;
      } else if (nowMs - activity.lastProgressMs >= stalledMs) socket.destroy();
    }
  }

  destroyAll(): void {
    for (const socket of this.#raw) socket.destroy();
  }
}
