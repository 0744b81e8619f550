/**
 * Refuses, before the application sees it, every request that two parsers could read in two ways, and every one past the limits on
 * headers. Node lets these through, or drops what is too many and goes on; a proxy in front may have read them otherwise.
 */
import type { IncomingMessage } from 'node:http';
import { isCanonicalPath } from '../../caveats/path.js';
import type { ProblemCode } from '../../protocol/problem.js';
import { maxBodyBytes } from './request-body.js';

/** Headers of one request. */
const maxHeaders = 64;

export interface GuardRefusal {
  readonly code: ProblemCode;
  readonly detail: string;
}

/** Which of two would count is for each program to guess, so there must not be two. */
const singleHeaders: readonly string[] = ['authorization', 'host', 'content-length', 'content-type', 'transfer-encoding'];
const bodilessMethods: readonly string[] = ['GET', 'HEAD', 'DELETE'];
const hostPattern = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
const queryPattern = /^(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*$/;

/** Why `request` is refused; `undefined` when it may go on. */
export function judgeRequest(request: IncomingMessage): GuardRefusal | undefined {
  return judgeHeaders(request) ?? judgeLine(request) ?? judgeTarget(request.url ?? '') ?? judgeFraming(request);
}

/** Works on the raw headers: in the joined ones a repetition cannot be seen. */
function judgeHeaders({ rawHeaders }: IncomingMessage): GuardRefusal | undefined {
  if (rawHeaders.length > 2 * maxHeaders) {
    return { code: 'headers_too_large', detail: `a request has at most ${maxHeaders} headers` };
  }
  let seen = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    const place = singleHeaders.indexOf(name);
    if (place < 0) continue;
    if ((seen & (1 << place)) !== 0) return invalid(`the header ${name} is repeated`);
    seen |= 1 << place;
  }
  return undefined;
}

function judgeLine({ method, httpVersion, headers }: IncomingMessage): GuardRefusal | undefined {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return invalid('only HTTP/1.1 and HTTP/1.0 are spoken here');
  if (method === 'TRACE' || method === 'CONNECT') return { code: 'method_not_allowed', detail: `${method} is not served` };
  if (!isHost(headers.host ?? '')) return invalid('a Host header with a host name or an address is needed');
  return undefined;
}

/** The one that was found good last: almost all requests bring the same. */
let goodHost: string | undefined;

/** Whether a URL takes `host` as it stands, but for capitals: what it refuses or rewrites, such as `[1:2]`, `issuer:70000` and `0x7f.1`, names nobody. */
function isHost(host: string): boolean {
  if (host === goodHost) return true;
  const url = `http://${host}`;
  if (!hostPattern.test(host) || !URL.canParse(url)) return false;
  if (new URL(url).hostname !== host.replace(/:\d+$/, '').toLowerCase()) return false;
  goodHost = host;
  return true;
}

/** The target is a path, and one that nobody could rewrite. */
function judgeTarget(target: string): GuardRefusal | undefined {
  if (!target.startsWith('/')) return invalid('the request target must be a path');
  const queryStart = target.indexOf('?');
  const path = queryStart < 0 ? target : target.slice(0, queryStart);
  if (!isCanonicalPath(path)) return invalid('the path is not canonical');
  if (queryStart >= 0 && !queryPattern.test(target.slice(queryStart + 1))) return invalid('the query is not well-formed');
  return undefined;
}

function judgeFraming({ method = '', headers }: IncomingMessage): GuardRefusal | undefined {
  const length = headers['content-length'];
  const encoding = headers['transfer-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'chunked') return invalid('the only transfer encoding is chunked');
  const hasBody = encoding !== undefined || (length !== undefined && Number(length) !== 0);
  if (hasBody && bodilessMethods.includes(method)) return invalid(`a ${method} request has no body`);
  if (Number(length ?? 0) > maxBodyBytes) {
    return { code: 'payload_too_large', detail: `a body has at most ${maxBodyBytes} bytes` };
  }
  return undefined;
}

function invalid(detail: string): GuardRefusal {
  return { code: 'invalid_request', detail };
}
