import { describe, expect, it } from 'vitest';
import { clientAddress, parseTrustedProxies } from '../../../src/verifier/index.js';

const proxies = parseTrustedProxies(['10.0.0.0/8', '2001:db8::1']);

describe('clientAddress', () => {
  it.each<[string, string | undefined, readonly string[], string | undefined]>([
    ['the peer when it is no listed proxy', '192.0.2.1', [], '192.0.2.1'],
    ['the peer, whatever it claims to forward', '192.0.2.1', ['10.0.0.1'], '192.0.2.1'],
    ['what a listed proxy forwards', '10.0.0.1', ['192.0.2.1'], '192.0.2.1'],
    ['the rightmost that is no listed proxy', '10.0.0.1', ['198.51.100.9, 192.0.2.1, 10.0.0.2'], '192.0.2.1'],
    ['the rightmost over several headers', '10.0.0.1', ['198.51.100.9', '192.0.2.1', '10.0.0.2'], '192.0.2.1'],
    ['the leftmost when all are listed', '10.0.0.1', ['10.0.0.3,10.0.0.2'], '10.0.0.3'],
    ['nobody when a listed proxy names nobody', '10.0.0.1', [], undefined],
    ['nobody for garbage', '10.0.0.1', ['unknown'], undefined],
    ['nobody for garbage left of a listed proxy', '10.0.0.1', ['_hidden, 10.0.0.2'], undefined],
    ['nobody for an address with port', '10.0.0.1', ['192.0.2.1:8080'], undefined],
    ['nobody for an empty entry', '10.0.0.1', ['192.0.2.1,'], undefined],
    ['nothing left of the first that is not listed, garbage either', '10.0.0.1', ['garbage, 192.0.2.1'], '192.0.2.1'],
    ['IPv4 for a mapped peer', '::ffff:192.0.2.1', [], '192.0.2.1'],
    ['a mapped peer as the listed proxy it is', '::ffff:10.0.0.1', ['::ffff:192.0.2.1'], '192.0.2.1'],
    ['IPv6 in its one spelling', '2001:DB8:0::1', ['2001:0db8::00ff'], '2001:db8::ff'],
    ['nobody without a peer', undefined, ['192.0.2.1'], undefined],
    ['nobody for a peer with a zone', 'fe80::1%eth0', [], undefined],
  ])('tells %s', (_, peer, forwardedFor, expected) => {
    expect(clientAddress(peer, forwardedFor, proxies)).toBe(expected);
  });

  it('reads no forwarded address when no proxy is listed', () => {
    expect(clientAddress('127.0.0.1', ['192.0.2.1'], [])).toBe('127.0.0.1');
  });
});

describe('parseTrustedProxies', () => {
  it.each(['10.0.0.1/8', 'proxy.example', '', '10.0.0.0/33'])('throws ERR_ARGUMENT for %j', (text) => {
    expect(() => parseTrustedProxies([text])).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT', argument: 'trustedProxies' }),
    );
  });
});
