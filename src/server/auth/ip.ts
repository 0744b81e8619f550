/** `ip`: the client calls from one of its registered ranges. Combined with a proof, never sufficient alone. */
import { parseAddress, parseRange, rangeContains } from '../../caveats/ip-address.js';
import type { AuthenticationRequest, ClientCondition, LoginAccount } from './client-authenticator.js';

/** Holds when the address is known and in one of the client's ranges; a client without ranges is refused. */
export const ipCondition: ClientCondition = Object.freeze({ method: 'ip', holds: isAllowedAddress });

function isAllowedAddress(request: AuthenticationRequest, account: LoginAccount): boolean {
  const address = parseAddress(request.address ?? '');
  if (address === undefined) return false;
  return account.ips.some((text) => {
    const range = parseRange(text);
    return range !== undefined && rangeContains(range, address);
  });
}
