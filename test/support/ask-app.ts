/** Asks the issuer's HTTP application without a connection, by a request of Node's own that is made by hand. */
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Answer } from '../../src/server/http/answers.js';
import type { App } from '../../src/server/http/app.js';

export interface AskedRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** All of it has arrived. */
  readonly body?: string | Uint8Array | undefined;
  /** Address of the peer. */
  readonly from?: string;
}

/** What `app` answers to `method` and `target`, asked as the server asks it. */
export async function askApp(app: App, method: string, target: string, request: AskedRequest = {}): Promise<Answer> {
  const incoming = arrived(method, target, request);
  return await new Promise((resolve, reject) => {
    if (!app.serveExact({ incoming, send: resolve })) askRouter(app, incoming, resolve).catch(reject);
  });
}

/** What it answers by way of its router. */
export async function askByRouter(app: App, method: string, target: string, request: AskedRequest = {}): Promise<Answer> {
  const incoming = arrived(method, target, request);
  return await new Promise((resolve, reject) => askRouter(app, incoming, resolve).catch(reject));
}

async function askRouter(app: App, incoming: IncomingMessage, send: (answer: Answer) => void): Promise<void> {
  const { method = '', url = '' } = incoming;
  await app.fetch(new Request(`http://issuer.test${url}`, { method }), { incoming, send });
}

function arrived(method: string, target: string, request: AskedRequest): IncomingMessage {
  const { headers = {}, body, from = '192.0.2.7' } = request;
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: from });
  const incoming = new IncomingMessage(socket);
  incoming.method = method;
  incoming.url = target;
  incoming.rawHeaders.push(...Object.entries(headers).flat());
  if (body !== undefined) incoming.push(body);
  incoming.push(null);
  incoming.complete = true;
  return incoming;
}

/** The body of `answer` as it goes over the wire. */
export function bodyOf({ body = '' }: Answer): Uint8Array {
  return typeof body === 'string' ? new TextEncoder().encode(body) : body;
}
