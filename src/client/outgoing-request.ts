/** A request as callers of `sealedFetch` tell it, read into what goes over the wire. What would not be what was sealed is refused. */
import { encodeUtf8, MacaroonError, requireKnownNames } from '../core/index.js';
import { methodOverrideHeaders } from '../protocol/sealed-request.js';
import type { OutgoingMessage } from '../transport/exchange.js';

export interface SealedInit {
  /** Upper case; `GET` when absent. */
  readonly method?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | Headers | undefined;
  /** Text is sent as UTF-8. Its `Content-Type` is for the caller to tell. */
  readonly body?: string | Uint8Array | undefined;
}

const initNames: readonly string[] = ['method', 'headers', 'body'];

/** Headers that are made here, or that HTTP needs for itself. */
const ownHeaders: ReadonlySet<string> = new Set([
  'authorization',
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'upgrade',
  'expect',
  'accept-encoding',
  'content-digest',
  'signature',
  'signature-input',
  'signature-key',
  ...methodOverrideHeaders,
]);

/** Throws `ERR_ARGUMENT` for a URL that is none of http and https or names a user, and for a header that is not the caller's to set. */
export function readOutgoing(url: string | URL, init: SealedInit): OutgoingMessage {
  requireKnownNames(init, initNames, 'init');
  const { method = 'GET', body = '' } = init;
  if (!URL.canParse(String(url))) throw badArgument('url', 'must be an http or https URL');
  const { protocol, origin, pathname, username, password, href, hash } = new URL(String(url));
  if ((protocol !== 'http:' && protocol !== 'https:') || username !== '' || password !== '') {
    throw badArgument('url', 'must be an http or https URL without a user');
  }
  if (typeof body !== 'string' && !((body as unknown) instanceof Uint8Array)) throw badArgument('body', 'must be text or bytes');
  if (typeof method !== 'string') throw badArgument('method', 'must be text');
  const content = typeof body === 'string' ? encodeUtf8(body) : body;
  if (content.length > 0 && (method === 'GET' || method === 'HEAD')) throw badArgument('body', `has no place in ${method}`);
  // As it is spelled, also where there is nothing after the question mark.
  const query = href.slice(0, href.length - hash.length).indexOf('?');
  const target = query < 0 ? pathname : `${pathname}${href.slice(query, href.length - hash.length)}`;
  return { origin, target, method, headers: readHeaders(init.headers ?? {}), body: content };
}

function readHeaders(given: Readonly<Record<string, string>> | Headers): Readonly<Record<string, string>> {
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  for (const [name, value] of new Headers(given)) {
    if (ownHeaders.has(name)) throw badArgument('headers', `${name} is not for the caller to set`);
    headers[name] = value;
  }
  return headers;
}

function badArgument(argument: string, fault: string): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', `${argument}: ${fault}`, { argument });
}
