/** Small HTTP and HTTPS servers on free ports, which tests talk to over real sockets. */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { KeyPair } from './certificates.js';

export interface TestServer {
  readonly port: number;
  readonly server: Server;
  /** `https://localhost:<port>` or `http://localhost:<port>`. */
  readonly url: string;
  /** Requests that arrived, as `METHOD path`. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

export async function startServer(listener: RequestListener, pair?: KeyPair): Promise<TestServer> {
  const requests: string[] = [];
  const record = (request: IncomingMessage, response: ServerResponse): void => {
    requests.push(`${request.method} ${request.url}`);
    listener(request, response);
  };
  const server =
    pair === undefined ? createHttpServer(record) : createHttpsServer({ cert: pair.certificate, key: pair.key }, record);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port, server, url: `${pair === undefined ? 'http' : 'https'}://localhost:${port}`, requests, close };
}

export function sendJson(response: ServerResponse, status: number, body: unknown, mediaType = 'application/json'): void {
  response.writeHead(status, { 'content-type': mediaType });
  response.end(JSON.stringify(body));
}

export async function readRequestBody(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}
