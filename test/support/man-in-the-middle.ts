/** An HTTP proxy on loopback that does to requests and answers what a test tells it to. Headers and bodies go through as they came otherwise. */
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A message in between; headers as they came, in pairs. */
export interface Intercepted {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly body: Uint8Array;
}

export interface InterceptedAnswer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Uint8Array;
}

/** What is answered to `request`; `forward` brings a request to the server, as often as one likes. */
export type Interference = (
  request: Intercepted,
  forward: (request: Intercepted) => Promise<InterceptedAnswer>,
) => Promise<InterceptedAnswer>;

export const transparent: Interference = (request, forward) => forward(request);

export interface ManInTheMiddle {
  readonly port: number;
  readonly origin: string;
  /** Where requests go; set it before the first. */
  serverPort: number;
  interfere: Interference;
  /** Every request that came, before anything was done to it. */
  readonly requests: readonly Intercepted[];
  close(): Promise<void>;
}

export async function manInTheMiddle(): Promise<ManInTheMiddle> {
  const requests: Intercepted[] = [];
  const server: Server = createServer(async (incoming, outgoing) => {
    const request = {
      method: incoming.method ?? '',
      target: incoming.url ?? '',
      headers: incoming.rawHeaders,
      body: await bodyOf(incoming),
    };
    requests.push(request);
    try {
      const answer = await man.interfere(request, (changed) => forward(man.serverPort, changed));
      outgoing.sendDate = false;
      outgoing.writeHead(answer.status, [...answer.headers]).end(answer.body);
    } catch {
      outgoing.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const man: ManInTheMiddle = {
    port,
    origin: `http://127.0.0.1:${port}`,
    serverPort: 0,
    interfere: transparent,
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return man;
}

/** `pairs` with `name` replaced, added, or, without a value, taken away. */
export function withHeader(pairs: readonly string[], name: string, value?: string): readonly string[] {
  const kept = pairs.flatMap((text, i) => (i % 2 === 0 && text.toLowerCase() !== name ? [text, pairs[i + 1] ?? ''] : []));
  return value === undefined ? kept : [...kept, name, value];
}

function forward(port: number, { method, target, headers, body }: Intercepted): Promise<InterceptedAnswer> {
  return new Promise((resolve, reject) => {
    const length = headers.some((text, i) => i % 2 === 0 && text.toLowerCase() === 'content-length');
    const sent = length ? withHeader(headers, 'content-length', String(body.length)) : headers;
    const outgoing = httpRequest({ host: '127.0.0.1', port, method, path: target, headers: [...sent], agent: false });
    outgoing.on('response', async (incoming) => {
      const content = await bodyOf(incoming);
      resolve({ status: incoming.statusCode ?? 0, headers: withHeader(incoming.rawHeaders, 'transfer-encoding'), body: content });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function bodyOf(incoming: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
