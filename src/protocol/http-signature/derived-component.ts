/** Derived components (RFC 9421 §2.2): what a signature covers of a message beside its fields. */
import type { Component, SignedMessage, SignedRequest } from './message.js';
import { messageFault } from './message-error.js';

/** The parts of an absolute target URI, as written. */
interface TargetParts {
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  /** With its `?`; empty when there is none. */
  readonly query: string;
}

const defaultPorts: Readonly<Record<string, string>> = { http: ':80', https: ':443' };

/** The value of the derived `component` of `message`. Throws `ERR_MESSAGE_SIGNATURE` for one that it does not have. */
export function derivedValue(message: SignedMessage, { name, params }: Component): string {
  for (const parameter of params.keys()) {
    if (parameter !== 'req' && !(parameter === 'name' && name === '@query-param')) {
      throw messageFault('a derived component with a parameter that it does not take');
    }
  }
  if (message.kind === 'response') {
    if (name === '@status') return String(message.status);
    throw messageFault('a response has no such component; with `;req` its request may');
  }
  return name === '@query-param' ? queryParameter(message, params.get('name')) : requestPart(message, name);
}

function requestPart({ method, targetUri }: SignedRequest, name: string): string {
  switch (name) {
    case '@method':
      return method;
    case '@target-uri':
      return targetUri;
    case '@authority':
      return normalAuthority(targetParts(targetUri));
    case '@scheme':
      return targetParts(targetUri).scheme;
    case '@request-target': {
      const { path, query } = targetParts(targetUri);
      return path + query;
    }
    case '@path':
      return targetParts(targetUri).path;
    case '@query':
      return targetParts(targetUri).query || '?';
    default:
      throw messageFault('a derived component that a request does not have');
  }
}

/** Taken apart by hand: a URL parser would normalise the path, and the signature would no longer be over what was sent. */
function targetParts(targetUri: string): TargetParts {
  const parts = /^(https?):\/\/([^/?#@]+)(\/[^?#]*)?(\?[^#]*)?$/i.exec(targetUri);
  const [, scheme = '', authority = '', path = '', query = ''] = parts ?? [];
  if (parts === null) throw messageFault('the target URI is not an absolute http or https one');
  return { scheme: scheme.toLowerCase(), authority, path: path === '' ? '/' : path, query };
}

function normalAuthority({ scheme, authority }: TargetParts): string {
  const port = defaultPorts[scheme] ?? '';
  const lower = authority.toLowerCase();
  return lower.endsWith(port) ? lower.slice(0, -port.length) : lower;
}

/** RFC 9421 §2.2.8: the one parameter whose encoded name is `wanted`, encoded anew. */
function queryParameter({ targetUri }: SignedRequest, wanted: unknown): string {
  const pairs = targetParts(targetUri)
    .query.slice(1)
    .split('&')
    .filter((pair) => pair !== '');
  const values: string[] = [];
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const name = equals < 0 ? pair : pair.slice(0, equals);
    if (formEncoded(name) === wanted) values.push(formEncoded(equals < 0 ? '' : pair.slice(equals + 1)));
  }
  const [value, ...others] = values;
  if (value === undefined || others.length > 0) throw messageFault('a query parameter that the request has not exactly once');
  return value;
}

/** `part` of a query in the one percent-encoding. One that is no UTF-8 has none: replaced characters would make different values equal. */
function formEncoded(part: string): string {
  try {
    const text = decodeURIComponent(part.replaceAll('+', ' '));
    return encodeURIComponent(text).replace(/[!'()~]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
  } catch {
    throw messageFault('a query that is not percent-encoded UTF-8');
  }
}
