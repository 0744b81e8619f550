/** `ip`: the client calls from one of its registered ranges. Combined with a proof, never sufficient alone. */
import { parseAddress, parseRange, rangeContains } from '../../caveats/ip-address.js';
import type { AuthenticationRequest, ClientCondition, LoginAccount } from './client-authenticator.js';

/** Holds when the address is known and in one of the client's ranges; a client without ranges is refused. */
export const ipCondition: ClientCondition = Object.freeze({
  method: 'ip',
  holds: ({ address }: AuthenticationRequest, account: LoginAccount) => isWithin(address, account.ips),
});

/** Whether `text` is an address in one of `ranges`. */
export function isWithin(text: string | undefined, ranges: readonly string[]): boolean {
  const address = parseAddress(text ?? '');
  if (address === undefined) return false;
  return ranges.some((one) => {
    const range = parseRange(one);
    return range !== undefined && rangeContains(range, address);
  });
}
