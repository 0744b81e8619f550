/** An HTTP proxy on loopback that does to requests and answers what a test tells it to. Headers and bodies go through as they came otherwise. */
import { type Agent, createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
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

/** What is answered to `request`; `forward` brings a request to the server, as often as one likes. What throws breaks the connection off. */
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
      const answer = await man.interfere(request, (changed) => sendAsItStands(man.serverPort, changed));
      outgoing.sendDate = false;
      outgoing.writeHead(answer.status, [...withLength(answer)]).end(answer.body);
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

/** The value of the field `name`; empty where there is none. */
export function headerOf(pairs: readonly string[], name: string): string {
  const at = pairs.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === name);
  return at < 0 ? '' : (pairs[at + 1] ?? '');
}

/** Sends `request` to `port` of loopback as it stands, but for the length that it tells. */
export function sendAsItStands(port: number, request: Intercepted, agent?: Agent): Promise<InterceptedAnswer> {
  const { method, target, body } = request;
  return new Promise((resolve, reject) => {
    const headers = [...withLength(request)];
    const outgoing = httpRequest({ host: '127.0.0.1', port, method, path: target, headers, agent: agent ?? false });
    outgoing.on('response', async (incoming) => {
      const content = await bodyOf(incoming);
      resolve({ status: incoming.statusCode ?? 0, headers: withHeader(incoming.rawHeaders, 'transfer-encoding'), body: content });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Its headers, with the length of the body that it has by now. */
function withLength({ headers, body }: Intercepted | InterceptedAnswer): readonly string[] {
  const isTold = headerOf(headers, 'content-length') !== '';
  return isTold ? withHeader(headers, 'content-length', String(body.length)) : headers;
}

async function bodyOf(incoming: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
