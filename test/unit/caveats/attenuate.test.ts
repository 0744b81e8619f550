import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attenuateAt, type Restrictions } from '../../../src/caveats/attenuate.js';
import { clearCaveats } from '../../../src/caveats/clear-caveats.js';
import { standardRegistry } from '../../../src/caveats/standard.js';
import { encodeBase64url } from '../../../src/core/base64url.js';
import { decode, decodeUtf8, encode, encodeV2Token, limits, verifySignature } from '../../../src/core/index.js';
import { asking, boundToken, dischargeBy, errorOf, key, macaroonWith, tokenOf } from '../core/samples.js';
import { nowMs, registry, request, valuesOf } from './samples.js';

const text = encode(tokenOf(macaroonWith('method GET')));

/** Conditions of the token `narrower`, whose signature must hold. */
function conditionsOf(narrower: string): readonly string[] {
  const token = decode(narrower);
  expect(verifySignature(token, key).ok).toBe(true);
  return token.root.caveats.map((caveat) => (caveat.kind === 'first-party' ? decodeUtf8(caveat.condition) : '(third party)'));
}

/** Conditions that `restrictions` add to `text`. */
function added(restrictions: Restrictions): readonly string[] {
  const [first, ...rest] = conditionsOf(attenuateAt(text, restrictions, nowMs, { registry }));
  expect(first).toBe('method GET');
  return rest;
}

/** Code and argument of the error that `restrictions` of any shape throw. */
function refusal(restrictions: unknown): { readonly code: string; readonly argument: string | undefined } {
  const { code, argument } = errorOf(() => attenuateAt(text, restrictions as Restrictions, nowMs, { registry }));
  return { code, argument };
}

describe('attenuateAt', () => {
  it('adds every restriction as a condition, behind those that are there', () => {
    expect(
      added({
        expiresIn: '10m',
        notBefore: '2026-11-21T22:22:00Z',
        actions: ['invoices:read', 'invoices:*'],
        ips: ['10.0.0.0/8', '2001:db8::/32'],
        methods: ['GET', 'HEAD'],
        paths: ['/invoices', '/reports/'],
        conditions: ['account 42', 'tenant of a verifier we do not know'],
      }),
    ).toEqual([
      'time-before 2026-11-21T22:31:00Z',
      'time-after 2026-11-21T22:22:00Z',
      'action invoices:read,invoices:*',
      'ip 10.0.0.0/8,2001:db8::/32',
      'method GET,HEAD',
      'path /invoices,/reports/',
      'account 42',
      'tenant of a verifier we do not know',
    ]);
  });

  it.each([
    [{ expiresIn: '90s' }, 'time-before 2026-11-21T22:22:30Z'],
    [{ expiresIn: '1h30m' }, 'time-before 2026-11-21T23:51:00Z'],
    [{ expiresIn: '7d' }, 'time-before 2026-11-28T22:21:00Z'],
    [{ expiresAt: nowMs + 1 }, 'time-before 2026-11-21T22:21:00.001Z'],
    [{ expiresAt: '2026-11-21T22:30:00Z' }, 'time-before 2026-11-21T22:30:00Z'],
    [{ expiresAt: '2026-11-21T22:30:00.000Z' }, 'time-before 2026-11-21T22:30:00Z'],
    [{ notBefore: nowMs }, 'time-after 2026-11-21T22:21:00Z'],
    [{ ips: ['10.1.2.3/32', '2001:DB8:0::1'] }, 'ip 10.1.2.3,2001:db8::1'],
    [{ conditions: ['ip 10.0.0.0/8'] }, 'ip 10.0.0.0/8'],
  ])('turns %j into %s', (restrictions, condition) => {
    expect(added(restrictions)).toEqual([condition]);
  });

  it('turns the bare form into the form with prefix and checksum', () => {
    const bare = encodeBase64url(encodeV2Token(decode(text)));
    const narrower = attenuateAt(bare, { methods: ['GET'] }, nowMs);
    expect(narrower).toBe(attenuateAt(text, { methods: ['GET'] }, nowMs));
    expect(narrower.startsWith('mcr_')).toBe(true);
  });

  it('keeps a third-party caveat that is there', () => {
    const asks = encode(tokenOf(asking(macaroonWith(), 'directory')));
    expect(decode(attenuateAt(asks, { methods: ['GET'] }, nowMs)).root.caveats.map(({ kind }) => kind)).toEqual([
      'third-party',
      'first-party',
    ]);
  });

  it.each([
    [{}, 'restrictions'],
    [undefined, 'restrictions'],
    [null, 'restrictions'],
    ['10m', 'restrictions'],
    [{ expiresIn: undefined }, 'expiresIn'],
    [{ actions: ['read'], expiresIn: undefined }, 'expiresIn'],
    [{ actions: ['read'], ips: undefined }, 'ips'],
    [{ actions: ['read'], conditions: undefined }, 'conditions'],
    [{ expires: '10m' }, 'expires'],
    [{ expiresIn: '10m', action: ['invoices:read'] }, 'action'],
    [{ Actions: ['invoices:read'] }, 'Actions'],
    [{ toString: 'x' }, 'toString'],
    [{ expiresIn: '10m', expiresAt: nowMs }, 'expiresIn'],
    [{ expiresIn: '' }, 'expiresIn'],
    [{ expiresIn: '10' }, 'expiresIn'],
    [{ expiresIn: '0s' }, 'expiresIn'],
    [{ expiresIn: '-5m' }, 'expiresIn'],
    [{ expiresIn: 600 }, 'expiresIn'],
    [{ expiresIn: null }, 'expiresIn'],
    [{ expiresIn: '999999999w' }, 'expiresIn'],
    [{ expiresAt: 'tomorrow' }, 'expiresAt'],
    [{ expiresAt: '2026-02-30T00:00:00Z' }, 'expiresAt'],
    [{ expiresAt: '2026-11-21T22:30:00+01:00' }, 'expiresAt'],
    [{ expiresAt: Number.NaN }, 'expiresAt'],
    [{ expiresAt: nowMs + 0.5 }, 'expiresAt'],
    [{ notBefore: Number.POSITIVE_INFINITY }, 'notBefore'],
    [{ actions: [] }, 'actions'],
    [{ actions: 'invoices:read' }, 'actions'],
    [{ actions: ['invoices:read', ''] }, 'actions'],
    [{ actions: ['invoices:read,invoices:list'] }, 'actions'],
    [{ actions: ['read', 'read'] }, 'actions'],
    [{ actions: ['*'] }, 'actions'],
    [{ actions: [7] }, 'actions'],
    [{ actions: new Array(1) }, 'actions'],
    [{ actions: Array.from({ length: limits.maxActions + 1 }, (_, i) => `a${i}`) }, 'actions'],
    [{ ips: [] }, 'ips'],
    [{ ips: ['10.1.2.3/8'] }, 'ips'],
    [{ ips: ['10.1.2.3', '10.1.2.3/32'] }, 'ips'],
    [{ ips: ['::ffff:10.1.2.3'] }, 'ips'],
    [{ ips: ['fe80::1%eth0'] }, 'ips'],
    [{ methods: [] }, 'methods'],
    [{ methods: ['get'] }, 'methods'],
    [{ paths: [] }, 'paths'],
    [{ paths: ['invoices'] }, 'paths'],
    [{ paths: ['/a,b'] }, 'paths'],
    [{ paths: ['/a/../b'] }, 'paths'],
    [{ conditions: [] }, 'conditions'],
    [{ conditions: [''] }, 'conditions'],
    [{ conditions: new Array(1) }, 'conditions'],
    [{ conditions: ['account'] }, 'conditions'],
    [{ conditions: ['account 4,,2'] }, 'conditions'],
    [{ conditions: ['tenant'] }, 'conditions'],
    [{ conditions: ['tenant '] }, 'conditions'],
    [{ conditions: ['Tenant 7'] }, 'conditions'],
    [{ conditions: ['tenant\t7'] }, 'conditions'],
    [{ conditions: ['tenant 7\n'] }, 'conditions'],
    [{ conditions: ['tenant 7\u0000'] }, 'conditions'],
    [{ conditions: ['tenant \ud800'] }, 'conditions'],
    [{ conditions: ['method get'] }, 'conditions'],
    [{ conditions: ['ip 10.1.2.3/8'] }, 'conditions'],
    [{ conditions: 'account 42' }, 'conditions'],
  ])('refuses %j and names %s', (restrictions, argument) => {
    expect(refusal(restrictions)).toEqual({ code: 'ERR_ARGUMENT', argument });
  });

  it('tells the right spelling of a range with host bits', () => {
    const { message } = errorOf(() => attenuateAt(text, { ips: ['10.0.0.0/8', '10.1.2.3/8'] }, nowMs));
    expect(message).toContain('10.0.0.0/8');
  });

  it('tells that a literal comma cannot be written', () => {
    expect(errorOf(() => attenuateAt(text, { paths: ['/a,b'] }, nowMs)).message).toContain('comma');
  });

  it('refuses a token that holds bound discharges', () => {
    const root = asking(macaroonWith(), 'directory');
    const bound = encode(boundToken(root, [dischargeBy('directory')]));
    const { code, argument } = errorOf(() => attenuateAt(bound, { methods: ['GET'] }, nowMs));
    expect({ code, argument }).toEqual({ code: 'ERR_ARGUMENT', argument: 'text' });
  });

  it.each([
    ['', 'ERR_FORMAT_EMPTY'],
    [text.slice(0, -9), 'ERR_FORMAT_CHECKSUM'],
    [`${text} `, 'ERR_FORMAT_CHECKSUM'],
    ['no token', 'ERR_FORMAT_TEXT'],
    [text.replace('mcr_', ''), 'ERR_FORMAT_TEXT'],
  ])('refuses %j, which is no token, with %s', (input, code) => {
    expect(errorOf(() => attenuateAt(input, { methods: ['GET'] }, nowMs)).code).toBe(code);
  });

  it.each([undefined, null, 7, {}])('throws ERR_ARGUMENT for the text %j', (input: unknown) => {
    const { code, argument } = errorOf(() => attenuateAt(input as string, { methods: ['GET'] }, nowMs));
    expect({ code, argument }).toEqual({ code: 'ERR_ARGUMENT', argument: 'text' });
  });

  it('keeps the limits of a token', () => {
    const condition = (length: number) => `tenant ${'x'.repeat(length - 7)}`;
    const codeFor = (conditions: readonly string[]) => errorOf(() => attenuateAt(text, { conditions }, nowMs)).code;
    const distinct = (count: number, length: number) =>
      Array.from({ length: count }, (_, i) => `${condition(length - 2)}${10 + i}`);
    expect(added({ conditions: [condition(limits.maxConditionBytes)] })).toHaveLength(1);
    expect(codeFor([condition(limits.maxConditionBytes + 1)])).toBe('ERR_LIMIT_CONDITION');
    expect(added({ conditions: distinct(limits.maxCaveats - 1, 12) })).toHaveLength(limits.maxCaveats - 1);
    expect(codeFor(distinct(limits.maxCaveats, 12))).toBe('ERR_LIMIT_CAVEATS');
    expect(codeFor(distinct(6, limits.maxConditionBytes))).toBe('ERR_LIMIT_TEXT');
  });

  it('reads raw conditions in the standard registry when it is given none', () => {
    expect(errorOf(() => attenuateAt(text, { conditions: ['method get'] }, nowMs)).code).toBe('ERR_ARGUMENT');
    expect(attenuateAt(text, { conditions: ['account no number'] }, nowMs)).toContain('mcr_');
  });

  it('changes neither what it was given nor the token', () => {
    const restrictions = Object.freeze({ actions: Object.freeze(['a']), conditions: Object.freeze(['account 42']) });
    expect(conditionsOf(attenuateAt(text, restrictions, nowMs))).toHaveLength(3);
    expect(conditionsOf(text)).toEqual(['method GET']);
  });

  it('makes a token that allows exactly what both tokens allow', () => {
    const paths = valuesOf['path'] as fc.Arbitrary<readonly string[]>;
    fc.assert(
      fc.property(paths, paths, (one, other) => {
        const first = attenuateAt(text, { paths: one }, nowMs);
        const second = attenuateAt(first, { paths: other }, nowMs);
        const holds = (narrower: string) => {
          const signature = verifySignature(decode(narrower), key);
          return signature.ok && clearCaveats(standardRegistry, signature.conditions, { ...request, path: '/a/b' }).ok;
        };
        expect(holds(second)).toBe(holds(first) && holds(attenuateAt(text, { paths: other }, nowMs)));
      }),
    );
  });
});
