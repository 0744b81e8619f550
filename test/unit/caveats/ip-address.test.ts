import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalRange,
  formatAddress,
  formatRange,
  type IpRange,
  parseAddress,
  parseRange,
  rangeContains,
  rangeCovers,
} from '../../../src/caveats/ip-address.js';

function addressOf(text: string) {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`not an address: ${text}`);
  return address;
}

function rangeOf(text: string): IpRange {
  const range = parseRange(text);
  if (range === undefined) throw new Error(`not a range: ${text}`);
  return range;
}

describe('parseAddress', () => {
  it.each([
    ['0.0.0.0', '0.0.0.0'],
    ['10.1.2.3', '10.1.2.3'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8::0001', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::FFFF:0a01:0203', '10.1.2.3'],
    ['0:0:0:0:0:ffff:10.1.2.3', '10.1.2.3'],
    ['::1.2.3.4', '::102:304'],
    ['::fffe:10.1.2.3', '::fffe:a01:203'],
    ['1::ffff:10.1.2.3', '1::ffff:a01:203'],
  ])('reads %s as %s', (text, printed) => {
    expect(formatAddress(addressOf(text))).toBe(printed);
  });

  it.each([
    ['', 'empty'],
    ['10.1', 'two parts'],
    ['10.1.2', 'three parts'],
    ['10.1.2.3.4', 'five parts'],
    ['10.1.2.', 'an empty part'],
    ['010.1.2.3', 'octal'],
    ['10.01.2.3', 'a leading zero'],
    ['00.0.0.0', 'two zeros'],
    ['0x0a.1.2.3', 'hexadecimal'],
    ['0x0a010203', 'one hexadecimal number'],
    ['167838211', 'one number'],
    ['256.1.2.3', 'a part above 255'],
    ['10.1.2.-3', 'a sign'],
    ['10.1.2.3 ', 'a space'],
    ['10.1.2.3\n', 'a line feed'],
    ['١٠.1.2.3', 'digits of another script'],
    ['10.1.2.3:80', 'a port'],
    ['10.1.2.3/32', 'a prefix'],
    ['localhost', 'a name'],
    [':', 'one colon'],
    [':::', 'three colons'],
    ['1:::2', 'three colons inside'],
    ['1::2::3', 'two gaps'],
    ['1:2:3:4:5:6:7', 'seven groups'],
    ['1:2:3:4:5:6:7:8:9', 'nine groups'],
    ['1:2:3:4::5:6:7:8', 'a gap that stands for nothing'],
    [':1:2:3:4:5:6:7', 'an empty first group'],
    ['1:2:3:4:5:6:7:', 'an empty last group'],
    ['12345::', 'five digits'],
    ['g::', 'no hexadecimal digit'],
    ['fe80::1%eth0', 'a zone'],
    ['fe80::1%1', 'a numbered zone'],
    ['[::1]', 'brackets'],
    ['::ffff:10.1.2', 'a mapped address that is cut'],
    ['::ffff:010.1.2.3', 'a mapped address in octal'],
    ['::10.1.2.3:1', 'IPv4 that is not last'],
    ['1.2.3.4::', 'IPv4 before the gap'],
    ['1:2:3:4:5:6:7:1.2.3.4', 'IPv4 as the eighth group'],
    ['1:2:3:4:5:6:7:8'.padEnd(46, '0'), 'too long'],
  ])('refuses %j: %s', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('takes nothing that the platform does not take for an address', () => {
    const piece = fc.constantFrom('0', '1', '01', 'ffff', 'FF', '255', '256', '10.1.2.3', '.', ':', '::', '%', 'x', '/');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        expect(parseAddress(text) !== undefined).toBe(isIP(text) !== 0 && !text.includes('%'));
      }),
      { numRuns: 5_000 },
    );
  });

  it('reads what formatAddress wrote', () => {
    const groups = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(groups, (values) => {
        const full = values.map((value) => value.toString(16)).join(':');
        const address = addressOf(full);
        const printed = formatAddress(address);
        expect(addressOf(printed)).toEqual(address);
        expect(printed).toBe(printed.toLowerCase());
        if (address.bytes.length === 16) expect(new URL(`http://[${full}]/`).hostname).toBe(`[${printed}]`);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('parseRange', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.1.2.3', '10.1.2.3'],
    ['10.1.2.3/32', '10.1.2.3'],
    ['10.1.2.128/25', '10.1.2.128/25'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['::/0', '::/0'],
    ['2001:db8::/32', '2001:db8::/32'],
    ['2001:DB8:0::/32', '2001:db8::/32'],
    ['::1/128', '::1'],
    ['fe80::/10', 'fe80::/10'],
  ])('reads %s as %s', (text, printed) => {
    expect(formatRange(rangeOf(text))).toBe(printed);
    expect(canonicalRange(text)).toBe(printed);
  });

  it.each([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3/0', '0.0.0.0/0'],
    ['10.1.2.129/25', '10.1.2.128/25'],
    ['2001:db8::1/64', '2001:db8::/64'],
    ['ff80::/7', 'fe00::/7'],
  ])('refuses the host bits of %s, for which %s is right', (text, right) => {
    expect(parseRange(text)).toBeUndefined();
    expect(canonicalRange(text)).toBe(right);
  });

  it.each([
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/ 8',
    '10.0.0.0/+8',
    '10.0.0.0/8.0',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    '/8',
    '10/8',
    '10.0.0.0-10.0.0.9',
    '10.0.0.*',
    '*',
    '::ffff:10.0.0.0/104',
    '::ffff:10.1.2.3',
    '::ffff:0:0/96',
    'fe80::%eth0/64',
  ])('refuses %s, and has no better spelling', (text) => {
    expect(parseRange(text)).toBeUndefined();
    expect(canonicalRange(text)).toBeUndefined();
  });
});

describe('rangeContains', () => {
  it.each([
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '::a00:0', false],
    ['10.1.2.128/25', '10.1.2.127', false],
    ['10.1.2.128/25', '10.1.2.200', true],
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.2', false],
    ['0.0.0.0/0', '255.1.2.3', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '10.1.2.3', false],
    ['::/0', '::ffff:10.1.2.3', false],
    ['::/0', 'fe80::1', true],
    ['2001:db8::/33', '2001:db8:7fff::', true],
    ['2001:db8::/33', '2001:db8:8000::', false],
  ])('%s holds %s: %s', (range, address, expected) => {
    expect(rangeContains(rangeOf(range), addressOf(address))).toBe(expected);
  });
});

describe('rangeCovers', () => {
  it.each([
    ['10.0.0.0/8', '10.1.0.0/16', true],
    ['10.0.0.0/8', '10.0.0.0/8', true],
    ['10.1.0.0/16', '10.0.0.0/8', false],
    ['10.0.0.0/8', '10.1.2.3', true],
    ['10.0.0.0/8', '11.0.0.0/16', false],
    ['0.0.0.0/0', '::/0', false],
    ['::/0', '::1', true],
  ])('%s covers %s: %s', (wide, narrow, expected) => {
    expect(rangeCovers(rangeOf(wide), rangeOf(narrow))).toBe(expected);
  });
});
