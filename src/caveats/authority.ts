/**
 * Which text names the server that a request is sent to: host, and port where it is not the default one, in the one spelling of the WHATWG URL
 * standard (lower case, punycode, shortest IPv6). It comes out of an origin that the service configured or the client called, never out of `Host`.
 */

/** `host[:port]` of `origin`, an `http` or `https` URL with neither user nor path beyond `/`; `undefined` for another text. */
export function authorityOf(origin: string): string | undefined {
  if (!/^https?:\/\/[^/?#@]+\/?$/i.test(origin) || !URL.canParse(origin)) return undefined;
  return new URL(origin).host;
}

/** Whether `text` is an authority in its one spelling. The scheme is not known here, so every port may stand. */
export function isCanonicalAuthority(text: string): boolean {
  if (text === lastCanonical) return true;
  const isCanonical = isInOneSpelling(text);
  if (isCanonical) lastCanonical = text;
  return isCanonical;
}

/** The last authority that was found canonical: a service has few of them, and the platform's URL is slow. */
let lastCanonical: string | undefined;

function isInOneSpelling(text: string): boolean {
  const [, host = '', port] = /^([^:]+|\[[^\]]+\])(?::([1-9][0-9]{0,4}))?$/.exec(text) ?? [];
  return authorityOf(`https://${host}`) === host && (port === undefined || Number(port) <= 65_535);
}
