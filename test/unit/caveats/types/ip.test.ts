import { describe, expect, it } from 'vitest';
import { ip } from '../../../../src/caveats/types/ip.js';
import { limits } from '../../../../src/core/index.js';
import { isTaken, narrowed, outcome } from '../samples.js';

describe('ip', () => {
  it('takes as many items as the limit, and not one more', () => {
    const items = (count: number) => Array.from({ length: count }, (_, i) => `10.0.0.${i}`).join(',');
    expect(isTaken('ip', items(limits.maxListItems))).toBe(true);
    expect(isTaken('ip', items(limits.maxListItems + 1))).toBe(false);
  });

  it.each(['10.0.0.0/8', '10.1.2.3', '10.0.0.0/8,2001:db8::/32', '0.0.0.0/0,::/0', '2001:db8::1', '10.1.0.0/16,10.0.0.0/8'])(
    'takes %s',
    (argument) => {
      expect(isTaken('ip', argument)).toBe(true);
    },
  );

  it.each([
    ['', 'no item'],
    ['10.0.0.0/8,', 'an empty item'],
    ['10.0.0.0/8,10.0.0.0/8', 'an item twice'],
    ['10.0.0.0/8, 10.1.2.3', 'a space'],
    ['10.1.2.3/8', 'host bits'],
    ['2001:db8::1/32', 'host bits in IPv6'],
    ['10.1.2.3/32', 'a full-length prefix'],
    ['2001:db8::1/128', 'a full-length prefix in IPv6'],
    ['2001:DB8::/32', 'upper case'],
    ['2001:0db8::/32', 'a leading zero'],
    ['2001:db8:0:0:0:0:0:0/32', 'no compression'],
    ['2001:db8::0/32', 'a zero beside the gap'],
    ['2001::1:0:0:0:1', 'the shorter run of zeros compressed'],
    ['::ffff:10.0.0.0/104', 'a mapped range'],
    ['::ffff:a00:1', 'a mapped address'],
    ['::10.1.2.3', 'dotted IPv4 inside IPv6'],
    ['fe80::1%eth0', 'a zone'],
    ['010.0.0.0/8', 'octal'],
    ['10/8', 'a short form'],
    ['0xa000000/8', 'hexadecimal'],
    ['10.0.0.0/255.0.0.0', 'a mask'],
    ['10.0.0.0/08', 'a leading zero in the prefix'],
    ['!10.0.0.0/8', 'a negation'],
    ['any', 'a word'],
  ])('refuses %j: %s', (argument) => {
    expect(isTaken('ip', argument)).toBe(false);
  });

  it.each([
    ['10.0.0.0/8', '10.1.2.3', 'allowed'],
    ['10.0.0.0/8', '::ffff:10.1.2.3', 'allowed'],
    ['10.0.0.0/8', '::FFFF:0A01:0203', 'allowed'],
    ['10.0.0.0/8', '11.1.2.3', 'denied'],
    ['2001:db8::/32,10.0.0.0/8', '10.1.2.3', 'allowed'],
    ['2001:db8::/32', '2001:0DB8:0:0::7', 'allowed'],
    ['2001:db8::/32', '2001:db9::7', 'denied'],
    ['::/0', '10.1.2.3', 'denied'],
    ['0.0.0.0/0', '2001:db8::1', 'denied'],
    ['0.0.0.0/0', '010.1.2.3', 'denied'],
    ['0.0.0.0/0', '10.1', 'denied'],
    ['0.0.0.0/0', '0x0a010203', 'denied'],
    ['0.0.0.0/0', '10.1.2.3:443', 'denied'],
    ['0.0.0.0/0', '10.1.2.3, 10.1.2.4', 'denied'],
    ['::/0', 'fe80::1%eth0', 'denied'],
    ['::/0', '[::1]', 'denied'],
    ['0.0.0.0/0', '', 'denied'],
    ['0.0.0.0/0', null, 'denied'],
    ['0.0.0.0/0', 167838211, 'denied'],
    ['0.0.0.0/0', undefined, 'missing-context'],
  ])('%s for a peer at %j: %s', (argument, peer, expected) => {
    expect(outcome(ip, argument, { ip: peer })).toBe(expected);
  });

  it.each([
    ['10.0.0.0/8', '10.1.0.0/16', '10.1.0.0/16'],
    ['10.1.0.0/16', '10.0.0.0/8', 'no-op'],
    ['10.0.0.0/8,192.0.2.1', '10.1.2.3,192.0.2.0/24', '10.1.2.3,192.0.2.1'],
    ['0.0.0.0/0,::/0', '::/0', '::/0'],
    ['10.0.0.0/8', '11.0.0.0/8', 'contradiction'],
    ['0.0.0.0/0', '::/0', 'contradiction'],
  ])('%s narrowed by %s: %s', (inForce, added, expected) => {
    expect(narrowed(ip, inForce, added)).toBe(expected);
  });
});
