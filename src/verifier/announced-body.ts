/**
 * Whether a request of Node comes with a body. HTTP/1 tells it by its headers; HTTP/2 needs none for it, so there a request is without a body only
 * when its stream ended with its headers.
 */

/** What Node's incoming message, of either version, tells about its body. */
export interface AnnouncingRequest {
  readonly httpVersionMajor?: number | undefined;
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>> | undefined;
  /** The stream of HTTP/2. */
  readonly stream?: { readonly endAfterHeaders?: boolean | undefined } | undefined;
}

export function announcesBody({ httpVersionMajor = 1, headers = {}, stream }: AnnouncingRequest): boolean {
  if (httpVersionMajor >= 2) return stream?.endAfterHeaders !== true;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}
