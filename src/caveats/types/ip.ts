/** `ip 10.0.0.0/8,2001:db8::/32`: holds when the peer's address is in a range. The value is the list of ranges. */
import { type CaveatType, holds } from '../caveat-type.js';
import {
  formatAddress,
  formatRange,
  type IpAddress,
  type IpRange,
  parseAddress,
  parseRange,
  rangeContains,
  rangeCovers,
} from '../ip-address.js';
import { narrowList, parseList } from '../list.js';

export const ip: CaveatType<readonly IpRange[]> = Object.freeze<CaveatType<readonly IpRange[]>>({
  name: 'ip',
  parse: (argument) =>
    parseList(argument, parseRange, 'expected addresses or ranges such as 10.0.0.0/8 without host bits, separated by commas'),
  format: (ranges) => ranges.map(formatRange).join(','),
  check(ranges, context) {
    const peer: unknown = context.ip;
    if (peer === undefined) return { holds: false, reason: 'missing-context', needs: 'ip' };
    const address = typeof peer === 'string' ? addressOf(peer) : undefined;
    if (address !== undefined) {
      for (let i = 0; i < ranges.length; i++) if (rangeContains(ranges[i] as IpRange, address)) return holds;
    }
    const actual = address === undefined ? 'something that is not an address' : formatAddress(address);
    return { holds: false, reason: 'denied', expected: ranges.map(formatRange).join(' or '), actual };
  },
  describe: (ranges) => `only from ${ranges.map(formatRange).join(' or ')}`,
  narrows: (inForce, added) => narrowList(inForce, added, rangeCovers),
});

let lastText = '';
let lastAddress: IpAddress | undefined;

/** `parseAddress`; the last one is kept, as the caveats of a token ask about the same. */
function addressOf(text: string): IpAddress | undefined {
  if (text !== lastText) {
    lastAddress = parseAddress(text);
    lastText = text;
  }
  return lastAddress;
}
