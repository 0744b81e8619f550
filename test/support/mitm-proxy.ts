/**
 * A man in the middle for tests: an HTTP proxy on loopback that keeps a record of all that it carries, and does to one chosen exchange what a script
 * tells it. It sees plain HTTP, as somebody does who sits where TLS ends.
 */
import { createServer, Agent as HttpAgent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Names and values as they are on the wire, in their order. */
export type WireHeaders = readonly (readonly [name: string, value: string])[];

export interface WireRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly headers: WireHeaders;
  readonly body: Uint8Array;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: WireHeaders;
  readonly body: Uint8Array;
}

/** What the proxy saw of one request of its client. */
export interface Exchange {
  readonly request: WireRequest;
  /** Of the server, to each copy that it was sent. */
  readonly answers: readonly WireAnswer[];
}

/**
 * What to do with one request: `forward` sends it to the server, with what `changes` changes, as often as it is called. What is returned is delivered
 * to the client; on `undefined` the connection breaks off.
 */
export type MitmScript = (
  request: WireRequest,
  forward: (changes?: Partial<WireRequest>) => Promise<WireAnswer>,
) => Promise<WireAnswer | undefined>;

export interface MitmProxy {
  /** Where clients find the proxy, and take it for the server. */
  readonly url: string;
  /** All that went through, oldest first. */
  readonly exchanges: readonly Exchange[];
  /** The server behind the proxy is the one on this port of loopback. */
  serve(port: number): void;
  /** Lets `script` loose on the next request that `matches`; the ones before and after it are carried as they are. */
  attackNext(matches: (request: WireRequest) => boolean, script: MitmScript): void;
  close(): Promise<void>;
}

/** Fields of one connection alone (RFC 9110 §7.6.1), and the length, which is told anew. */
const ownFields: readonly string[] = ['connection', 'keep-alive', 'transfer-encoding', 'content-length'];

export async function startMitmProxy(): Promise<MitmProxy> {
  const exchanges: Exchange[] = [];
  const agent = new HttpAgent({ keepAlive: true });
  let upstreamPort = 0;
  let waiting: { readonly matches: (request: WireRequest) => boolean; readonly script: MitmScript } | undefined;

  async function carry(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request: WireRequest = {
      method: incoming.method ?? '',
      target: incoming.url ?? '',
      headers: pairsOf(incoming.rawHeaders),
      body: await readAll(incoming),
    };
    const answers: WireAnswer[] = [];
    exchanges.push({ request, answers });
    const forward = async (changes: Partial<WireRequest> = {}): Promise<WireAnswer> => {
      const answer = await sendOnWire(upstreamPort, { ...request, ...changes }, agent);
      answers.push(answer);
      return answer;
    };
    const attack = waiting?.matches(request) === true ? waiting : undefined;
    if (attack !== undefined) waiting = undefined;
    const delivered = await (attack?.script ?? (() => forward()))(request, forward);
    if (delivered === undefined) {
      response.destroy();
      return;
    }
    response.sendDate = false;
    response.writeHead(delivered.status, [...onward(delivered.headers), 'content-length', String(delivered.body.length)]);
    response.end(delivered.body);
  }

  const server = createServer((incoming, response) => {
    carry(incoming, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    exchanges,
    serve: (port) => {
      upstreamPort = port;
    },
    attackNext: (matches, script) => {
      waiting = { matches, script };
    },
    close: async () => {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Sends `request` byte by byte as it stands, but for its length, to `port` on loopback. */
export function sendOnWire(port: number, request: WireRequest, agent?: HttpAgent): Promise<WireAnswer> {
  const { method, target, headers, body } = request;
  return new Promise((resolve, reject) => {
    const length = body.length > 0 || method === 'POST' || method === 'PUT' ? ['content-length', String(body.length)] : [];
    const options = {
      host: '127.0.0.1',
      port,
      method,
      path: target,
      headers: [...onward(headers), ...length],
      agent: agent ?? false,
    };
    const outgoing = httpRequest(options, (incoming) => {
      readAll(incoming).then(
        (content) => resolve({ status: incoming.statusCode ?? 0, headers: pairsOf(incoming.rawHeaders), body: content }),
        reject,
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** `headers` with `value` for `name`; without the field for `undefined`. */
export function withHeader(headers: WireHeaders, name: string, value: string | undefined): WireHeaders {
  const others = headers.filter(([one]) => one.toLowerCase() !== name);
  return value === undefined ? others : [...others, [name, value]];
}

/** The one value of `name`; empty where there is none. */
export function headerOf(headers: WireHeaders, name: string): string {
  return headers.find(([one]) => one.toLowerCase() === name)?.[1] ?? '';
}

function onward(headers: WireHeaders): string[] {
  return headers.filter(([name]) => !ownFields.includes(name.toLowerCase())).flat();
}

function pairsOf(rawHeaders: readonly string[]): WireHeaders {
  const pairs: (readonly [string, string])[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) pairs.push([rawHeaders[i] ?? '', rawHeaders[i + 1] ?? '']);
  return pairs;
}

async function readAll(stream: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  return new Uint8Array(Buffer.concat(chunks));
}
