/** `ip 10.0.0.0/8,2001:db8::/32`: holds when the peer's address is in a range. The value is the list of ranges. */
import type { CaveatType } from '../caveat-type.js';
import { formatAddress, formatRange, type IpRange, parseAddress, parseRange, rangeContains, rangeCovers } from '../ip-address.js';
import { narrowList, parseList } from '../list.js';

export const ip: CaveatType<readonly IpRange[]> = Object.freeze<CaveatType<readonly IpRange[]>>({
  name: 'ip',
  parse: (argument) =>
    parseList(argument, parseRange, 'expected addresses or ranges such as 10.0.0.0/8 without host bits, separated by commas'),
  format: (ranges) => ranges.map(formatRange).join(','),
  check(ranges, context) {
    const peer: unknown = context.ip;
    if (peer === undefined) return { holds: false, reason: 'missing-context', needs: 'ip' };
    const address = typeof peer === 'string' ? parseAddress(peer) : undefined;
    if (address !== undefined && ranges.some((range) => rangeContains(range, address))) return { holds: true };
    const actual = address === undefined ? 'something that is not an address' : formatAddress(address);
    return { holds: false, reason: 'denied', expected: ranges.map(formatRange).join(' or '), actual };
  },
  describe: (ranges) => `only from ${ranges.map(formatRange).join(' or ')}`,
  narrows: (inForce, added) => narrowList(inForce, added, rangeCovers),
});
