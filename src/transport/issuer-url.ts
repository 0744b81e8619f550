/** Which URLs an issuer may have: `https`, or plain `http` on this machine alone, so that no secret crosses a network in the clear. */
import { MacaroonError } from '../core/index.js';

/** Where an issuer is, taken apart. */
export interface IssuerUrl {
  /** Scheme, host and port. */
  readonly origin: string;
  /** What goes before every path of the API; empty, or starts with `/` and does not end in one. */
  readonly basePath: string;
  readonly isTls: boolean;
}

/** `text` as the URL of an issuer. Throws `ERR_ARGUMENT` (`issuer`) for every other URL; the message does not quote it. */
export function parseIssuerUrl(text: string): IssuerUrl {
  if (!URL.canParse(text)) throw badIssuer('the issuer must be a URL such as https://issuer.example:8443');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw badIssuer('the issuer must be an https URL');
  if (url.username !== '' || url.password !== '') throw badIssuer('the issuer URL must not hold a user or a password');
  if (url.search !== '' || url.hash !== '') throw badIssuer('the issuer URL must not hold a query or a fragment');
  const isTls = url.protocol === 'https:';
  if (!isTls && !isLoopback(url.hostname)) {
    throw badIssuer('plain http is for an issuer on this machine (localhost, 127.0.0.1, [::1]); use https');
  }
  return { origin: url.origin, basePath: url.pathname.replace(/\/+$/, ''), isTls };
}

/** Whether `hostname`, as a URL spells it, is this machine. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function badIssuer(message: string): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', message, { argument: 'issuer' });
}
