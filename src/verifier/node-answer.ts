/**
 * Holds the answer of node:http back until it is complete, then sends it with its signature: whatever makes it, a handler, a framework or an error
 * page, and whether by `end`, `write`, `writeHead` or a pipe. To its makers it looks like an answer that is under way.
 */
import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { concatBytes, encodeUtf8 } from '../core/index.js';
import type { AnswerSigner } from '../protocol/answer-signer.js';
import { refusalResponse } from './denial-response.js';

type Done = (error?: Error | null) => void;

/** Lets `response` to a request with `method` go out with the headers that `sign` gives, or not at all. */
export function signNodeAnswer(method: string, response: ServerResponse, sign: AnswerSigner): void {
  const { end, writeHead, flushHeaders } = response;
  const write = response.write;
  const chunks: Uint8Array[] = [];
  let begun = false;
  let ended = false;
  let released = false;

  const keep = (args: readonly unknown[]): Done | undefined => {
    begun = true;
    const [chunk, encoding] = args;
    if (typeof chunk === 'string') {
      chunks.push(typeof encoding === 'string' ? Buffer.from(chunk, encoding as BufferEncoding) : encodeUtf8(chunk));
    } else if (chunk instanceof Uint8Array) chunks.push(new Uint8Array(chunk));
    return args.find((one): one is Done => typeof one === 'function');
  };
  const send = (body: Uint8Array | undefined, done: Done | undefined): void => {
    released = true;
    for (const name of ['headersSent', 'writableEnded']) Reflect.deleteProperty(response, name);
    Reflect.apply(end, response, [...(body === undefined ? [] : [body]), ...(done === undefined ? [] : [done])]);
  };
  const finish = async (done: Done | undefined): Promise<void> => {
    try {
      send(await prove(method, response, concatBytes(...chunks), sign), done);
    } catch (error) {
      try {
        replaceByFault(response, error);
        send(await prove(method, response, chunksOf(error), sign), done);
      } catch {
        response.destroy();
      }
    }
  };

  Object.defineProperties(response, {
    headersSent: { configurable: true, get: () => begun },
    writableEnded: { configurable: true, get: () => ended },
  });
  response.writeHead = ((...args: unknown[]) => {
    if (released) return Reflect.apply(writeHead, response, args);
    begun = true;
    setHead(response, args);
    return response;
  }) as typeof writeHead;
  response.flushHeaders = () => {
    if (released) Reflect.apply(flushHeaders, response, []);
    else begun = true;
  };
  response.write = ((...args: unknown[]) => {
    if (released || ended) return Reflect.apply(write, response, args);
    const done = keep(args);
    if (done !== undefined) queueMicrotask(() => done());
    return true;
  }) as typeof write;
  response.end = ((...args: unknown[]) => {
    if (released) return Reflect.apply(end, response, args);
    if (ended) return response;
    const done = keep(args);
    ended = true;
    void finish(done);
    return response;
  }) as typeof end;
}

/** Sets the signed headers; returns the body to send, `undefined` where there must be none. */
async function prove(
  method: string,
  response: ServerResponse,
  body: Uint8Array,
  sign: AnswerSigner,
): Promise<Uint8Array | undefined> {
  const { statusCode: status } = response;
  const isBodiless = method === 'HEAD' || status === 204 || status === 304;
  // A length that is known needs no chunks.
  response.removeHeader('transfer-encoding');
  response.removeHeader('trailer');
  if (!isBodiless) response.setHeader('content-length', body.length);
  const headers = Object.entries(response.getHeaders()).map(([name, value]) => [name, textOf(value)]);
  const proof = await sign({ status, headers: Object.fromEntries(headers), body });
  for (const [name, value] of Object.entries(proof)) response.setHeader(name, value);
  return isBodiless ? undefined : body;
}

function textOf(value: OutgoingHttpHeader | undefined): string {
  return Array.isArray(value) ? value.join(', ') : String(value ?? '');
}

function replaceByFault(response: ServerResponse, error: unknown): void {
  const { status, headers } = refusalResponse({ kind: 'error', error }, '');
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.statusCode = status;
  response.statusMessage = '';
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
}

function chunksOf(error: unknown): Uint8Array {
  return encodeUtf8(refusalResponse({ kind: 'error', error }, '').body);
}

/** What `writeHead(status, message?, headers?)` says, as status and headers that can still be read. */
function setHead(response: ServerResponse, [status, ...rest]: readonly unknown[]): void {
  response.statusCode = Number(status);
  const [message, headers] = typeof rest[0] === 'string' ? [rest[0], rest[1]] : [undefined, rest[0] ?? rest[1]];
  if (message !== undefined) response.statusMessage = message;
  const seen = new Set<string>();
  for (const [name, value] of headerPairs(headers)) {
    if (value === undefined) continue;
    // A repeat within one list is one more value; what was set before is replaced.
    if (seen.has(name.toLowerCase())) response.appendHeader(name, typeof value === 'number' ? String(value) : value);
    else response.setHeader(name, value);
    seen.add(name.toLowerCase());
  }
}

function* headerPairs(headers: unknown): Generator<readonly [string, OutgoingHttpHeader | undefined]> {
  if (Array.isArray(headers)) {
    const flat: readonly OutgoingHttpHeader[] = Array.isArray(headers[0]) ? headers.flat() : headers;
    for (let i = 0; i + 1 < flat.length; i += 2) yield [String(flat[i]), flat[i + 1]];
  } else if (typeof headers === 'object' && headers !== null) {
    yield* Object.entries(headers as OutgoingHttpHeaders);
  }
}
