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

/** What `app` answers to `method` and `target`. */
export async function askApp(app: App, method: string, target: string, request: AskedRequest = {}): Promise<Answer> {
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
  return await new Promise((resolve, reject) => {
    const asked = new Request(`http://issuer.test${target}`, { method });
    Promise.resolve(app.fetch(asked, { incoming, send: resolve })).catch(reject);
  });
}

/** The body of `answer` as it goes over the wire. */
export function bodyOf({ body = '' }: Answer): Uint8Array {
  return typeof body === 'string' ? new TextEncoder().encode(body) : body;
}
