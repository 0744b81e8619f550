/** Reads the body of a request of node:http or node:http2 and puts it back, so that whoever handles the request reads it as if it had not been read. */
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { concatBytes, MacaroonError } from '../core/index.js';
import { announcesBody } from './announced-body.js';
import { BodyFault, bodyWasRead } from './request-guard.js';

type NodeRequest = IncomingMessage | Http2ServerRequest;

/** The body as sent; empty for none. Throws `BodyFault` for one that is too large or breaks off, `ERR_ARGUMENT` for one that was read before or cannot be put back. */
export async function readNodeBody(request: NodeRequest, maxBytes: number): Promise<Uint8Array> {
  if (!announcesBody(request)) return new Uint8Array(0);
  if (request.readableDidRead || request.readableEnded) throw bodyWasRead();
  const { 'content-length': declared, 'transfer-encoding': coding } = request.headers;
  if (coding === undefined && Number(declared) > maxBytes) throw new BodyFault('body-too-large');
  const arrivedWhole = arrivalOf(request);
  return await new Promise<Uint8Array>((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const settle = (fault?: Error): void => {
      request.off('readable', onReadable).off('end', onEnd).off('close', onLost).off('error', onLost);
      if (fault !== undefined) {
        reject(fault);
        return;
      }
      const body = concatBytes(...chunks);
      // In the very turn in which the last of it was read: at the next, the request would end for everybody.
      if (body.length > 0) request.unshift(body);
      if (request.readableLength === body.length) resolve(body);
      else reject(cannotPutBack());
    };
    const onReadable = (): void => {
      // Never read an empty buffer: that is what ends the request.
      while (request.readableLength > 0) {
        const chunk: unknown = request.read();
        if (!(chunk instanceof Uint8Array)) break;
        length += chunk.length;
        chunks.push(chunk);
      }
      if (length > maxBytes) settle(new BodyFault('body-too-large'));
      else if (arrivedWhole()) settle();
    };
    const onEnd = (): void => settle();
    const onLost = (): void => settle(new BodyFault('body-incomplete'));
    request.on('readable', onReadable).on('end', onEnd).on('close', onLost).on('error', onLost);
  });
}

/** What tells that all of the body arrived, while it is not yet read. `complete` of HTTP/2 waits for the reader. */
function arrivalOf(request: NodeRequest): () => boolean {
  if (request.httpVersionMajor < 2) return () => request.complete;
  if (!('stream' in request) || typeof request.stream?.readableEnded !== 'boolean') throw cannotPutBack();
  const { stream } = request;
  return () => stream.readableEnded && !stream.aborted;
}

function cannotPutBack(): MacaroonError {
  const message =
    'request has a body that cannot be read and put back: give requireMacaroon the request of node:http or node:http2 itself';
  return new MacaroonError('ERR_ARGUMENT', message, { argument: 'request' });
}
