/** Reads the body of a request of node:http and puts it back, so that whoever handles the request reads it as if it had not been read. */
import type { IncomingMessage } from 'node:http';
import { concatBytes } from '../core/index.js';
import { BodyFault, bodyWasRead } from './request-guard.js';

/** The body as sent; empty for none. Throws `BodyFault` for one that is too large or breaks off, `ERR_ARGUMENT` for one that was read before. */
export async function readNodeBody(request: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const { 'content-length': declared = '0', 'transfer-encoding': coding } = request.headers;
  if (coding === undefined && Number(declared) === 0) return new Uint8Array(0);
  if (request.readableDidRead || request.readableEnded) throw bodyWasRead();
  if (coding === undefined && Number(declared) > maxBytes) throw new BodyFault('body-too-large');
  return await new Promise<Uint8Array>((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const settle = (fault?: BodyFault): void => {
      request.off('readable', onReadable).off('end', onEnd).off('close', onLost).off('error', onLost);
      if (fault !== undefined) {
        reject(fault);
        return;
      }
      const body = concatBytes(...chunks);
      // In the very turn in which the last of it was read: at the next, the request would end for everybody.
      if (body.length > 0) request.unshift(body);
      resolve(body);
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
      else if (request.complete) settle();
    };
    const onEnd = (): void => settle();
    const onLost = (): void => settle(new BodyFault('body-incomplete'));
    request.on('readable', onReadable).on('end', onEnd).on('close', onLost).on('error', onLost);
  });
}
