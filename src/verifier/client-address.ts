/**
 * Which address a request comes from. The socket tells; `X-Forwarded-For`, which anyone can write, counts only as far as it was written
 * by proxies that the service lists.
 */
import { formatAddress, type IpAddress, type IpRange, parseAddress, parseRange, rangeContains } from '../caveats/ip-address.js';
import { MacaroonError } from '../core/index.js';

/** `texts` as ranges, e.g. `10.0.0.0/8`. Throws `ERR_ARGUMENT` for one that is none or has host bits. */
export function parseTrustedProxies(texts: readonly string[]): readonly IpRange[] {
  return texts.map((text) => {
    const range = parseRange(text);
    if (range !== undefined) return range;
    throw new MacaroonError('ERR_ARGUMENT', 'trustedProxies must be addresses or ranges without host bits, such as 10.0.0.0/8', {
      argument: 'trustedProxies',
    });
  });
}

/**
 * The client's address in its one spelling, IPv4-mapped addresses as IPv4. `socketAddress` is the peer's; `forwardedFor` holds the
 * values of every `X-Forwarded-For` header in order, read from the right only while the address so far is one of `trustedProxies`.
 * `undefined` when it cannot be told: no peer address, an entry that is no address, or a listed proxy that names nobody.
 */
export function clientAddress(
  socketAddress: string | undefined,
  forwardedFor: readonly string[],
  trustedProxies: readonly IpRange[],
): string | undefined {
  let address = socketAddress === undefined ? undefined : parseAddress(socketAddress);
  const isTrusted = (one: IpAddress): boolean => trustedProxies.some((range) => rangeContains(range, one));
  if (address === undefined) return undefined;
  if (!isTrusted(address)) return formatAddress(address);
  const entries = forwardedFor.join(',').split(',').reverse();
  for (const entry of entries) {
    address = parseAddress(entry.trim());
    if (address === undefined) return undefined;
    if (!isTrusted(address)) break;
  }
  return formatAddress(address);
}
