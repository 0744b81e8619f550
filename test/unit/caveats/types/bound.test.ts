/** `cnf`, `request-required` and `request`: what binds a token to who brings it and to what it is brought for. */
import { describe, expect, it } from 'vitest';
import { attenuateAt } from '../../../../src/caveats/attenuate.js';
import { clearCaveats } from '../../../../src/caveats/clear-caveats.js';
import { effectiveLimits } from '../../../../src/caveats/effective-limits.js';
import { inspect } from '../../../../src/caveats/inspect.js';
import { lintConditions } from '../../../../src/caveats/lint.js';
import { standardRegistry } from '../../../../src/caveats/standard.js';
import { cnf } from '../../../../src/caveats/types/cnf.js';
import {
  addFirstPartyCaveat,
  addThirdPartyCaveat,
  decode,
  encode,
  encodeUtf8,
  MacaroonKey,
  mint,
} from '../../../../src/core/index.js';
import { seededRandom } from '../../../fuzz/mutate.js';
import { macaroonOf, tokenOf } from '../../verifier/samples.js';
import { isTaken, narrowed, nowMs, outcome, parsed, pending, request } from '../samples.js';

const a = `${'A'.repeat(42)}A`;
const b = `${'B'.repeat(42)}A`;
const seal = `request GET a.example /invoices/7 ${a} ${nowMs} ${b}`;
const facts = { authority: 'a.example', target: '/invoices/7', digest: a, windowMs: 5_000, overridesMethod: false };
const last = (...conditions: readonly string[]) => {
  const all = pending(...conditions);
  return all.map((one, i) => (i === all.length - 1 ? { ...one, isLast: true as const } : one));
};

describe('cnf', () => {
  it.each([`x5t#S256:${a}`, `jkt:${a}`])('takes %s', (argument) => expect(isTaken('cnf', argument)).toBe(true));

  it.each([
    '',
    a,
    `x5t:${a}`,
    `x5t#s256:${a}`,
    `X5T#S256:${a}`,
    `jkt: ${a}`,
    `jkt:${a}=`,
    `jkt:${a.slice(1)}`,
    `jkt:${'A'.repeat(42)}B`,
    `jkt:${'A'.repeat(41)}+A`,
    `jkt:${a},jkt:${b}`,
    `jkt:${a} jkt:${b}`,
  ])('does not take %j', (argument) => expect(isTaken('cnf', argument)).toBe(false));

  it('holds for the thumbprint of its kind', () => {
    expect(outcome(cnf, `x5t#S256:${a}`, { certificateThumbprint: a })).toBe('allowed');
    expect(outcome(cnf, `x5t#S256:${a}`, { certificateThumbprint: b })).toBe('denied');
    expect(outcome(cnf, `x5t#S256:${a}`, { keyThumbprint: a })).toBe('missing-context');
    expect(outcome(cnf, `jkt:${a}`, { keyThumbprint: a })).toBe('allowed');
    expect(outcome(cnf, `jkt:${a}`, { keyThumbprint: b, certificateThumbprint: a })).toBe('denied');
    expect(outcome(cnf, `jkt:${a}`, { certificateThumbprint: a })).toBe('missing-context');
  });

  it('adds up where kinds differ, and excludes another of its kind', () => {
    expect(narrowed(cnf, `jkt:${a}`, `jkt:${a}`)).toBe('no-op');
    expect(narrowed(cnf, `jkt:${a}`, `jkt:${b}`)).toBe('contradiction');
    expect(narrowed(cnf, `jkt:${a}`, `x5t#S256:${b}`)).toBe(`x5t#S256:${b} jkt:${a}`);
    const three = lintConditions(standardRegistry, [`cnf jkt:${a}`, `cnf x5t#S256:${a}`, `cnf jkt:${b}`, `cnf jkt:${a}`]);
    expect(three.map(({ kind, caveatIndex }) => [kind, caveatIndex])).toEqual([
      ['contradiction', 2],
      ['contradiction', 3],
    ]);
    const limits = effectiveLimits(undefined, [parsed(`cnf jkt:${a}`), parsed(`cnf x5t#S256:${b}`), parsed('request-required')]);
    expect(limits.others).toEqual([`cnf x5t#S256:${b} jkt:${a}`, 'request-required']);
  });
});

describe('request', () => {
  const parts = seal.split(' ').slice(1);
  const changed = (at: number, value: string) => parts.toSpliced(at, 1, value).join(' ');

  it('takes its one spelling', () => {
    expect(isTaken('request', parts.join(' '))).toBe(true);
    expect(isTaken('request', changed(1, '[2001:db8::1]:8443'))).toBe(true);
    expect(isTaken('request', changed(4, '0'))).toBe(true);
  });

  it.each([
    ['a method in lower case', changed(0, 'get')],
    ['an authority in upper case', changed(1, 'A.example')],
    ['an authority with a scheme', changed(1, 'https://a.example')],
    ['an authority with a user', changed(1, 'u@a.example')],
    ['a long IPv6 address', changed(1, '[2001:db8:0::1]')],
    ['an IPv4 address of another spelling', changed(1, '127.1')],
    ['a port with a zero before', changed(1, 'a.example:080')],
    ['no port after its colon', changed(1, 'a.example:')],
    ['a path that is not canonical', changed(2, '/a/./b')],
    ['a fragment', changed(2, '/a#b')],
    ['a short digest', changed(3, a.slice(1))],
    ['a digest of another spelling', changed(3, `${'A'.repeat(42)}B`)],
    ['a time with a zero before', changed(4, `0${nowMs}`)],
    ['a time with a sign', changed(4, '-1')],
    ['a time with a fraction', changed(4, '1.5')],
    ['a time that is too long', changed(4, '1'.repeat(16))],
    ['a short nonce', changed(5, b.slice(1))],
    ['one part less', parts.slice(0, 5).join(' ')],
    ['one part more', `${parts.join(' ')} x`],
    ['two spaces', parts.join('  ')],
  ])('does not take %s', (_, argument) => expect(isTaken('request', argument)).toBe(false));

  it.each<[string, readonly ReturnType<typeof pending>[number][], object, string]>([
    ['last and matching', last('action invoices:read', seal), {}, 'ok'],
    ['not last', pending(seal), {}, 'ERR_CAVEAT_DENIED'],
    [
      'in a discharge',
      [{ condition: encodeUtf8(seal), caveatIndex: 0, dischargeIndex: 0, isLast: true }],
      {},
      'ERR_CAVEAT_DENIED',
    ],
    ['with another method', last(seal), { method: 'POST' }, 'ERR_CAVEAT_DENIED'],
    ['with another authority', last(seal), { request: { ...facts, authority: 'b.example' } }, 'ERR_CAVEAT_DENIED'],
    ['with another target', last(seal), { request: { ...facts, target: '/' } }, 'ERR_CAVEAT_DENIED'],
    ['with another digest', last(seal), { request: { ...facts, digest: b } }, 'ERR_CAVEAT_DENIED'],
    ['with an override', last(seal), { request: { ...facts, overridesMethod: true } }, 'ERR_CAVEAT_DENIED'],
    [
      'with an override that nobody looked for',
      last(seal),
      { request: { ...facts, overridesMethod: undefined } },
      'ERR_CAVEAT_DENIED',
    ],
    ['without a method', last(seal), { method: undefined }, 'ERR_CAVEAT_CONTEXT'],
    ['without a request', last(seal), { request: undefined }, 'ERR_CAVEAT_CONTEXT'],
    ['a window early', last(seal), { nowMs: nowMs - 5_000 }, 'ERR_REQUEST_STALE'],
    ['nearly a window early', last(seal), { nowMs: nowMs - 4_999 }, 'ok'],
    ['nearly a window late', last(seal), { nowMs: nowMs + 4_999 }, 'ok'],
    ['a window late', last(seal), { nowMs: nowMs + 5_000 }, 'ERR_REQUEST_STALE'],
    ['at no time', last(seal), { nowMs: Number.NaN }, 'ERR_REQUEST_STALE'],
    ['with no window', last(seal), { request: { ...facts, windowMs: undefined } }, 'ERR_REQUEST_STALE'],
    ['with request-required before it', last('request-required', seal), {}, 'ok'],
    ['absent where it is required', last('request-required'), {}, 'ERR_CAVEAT_DENIED'],
    ['malformed where it is required', last('request-required', 'request GET'), {}, 'ERR_CAVEAT_DENIED'],
    [
      'required in a discharge',
      [...last(seal), { condition: encodeUtf8('request-required'), caveatIndex: 0, dischargeIndex: 0 }],
      {},
      'ERR_CAVEAT_DENIED',
    ],
  ])('%s: %#', (_, conditions, changes, code) => {
    const result = clearCaveats(standardRegistry, conditions, { ...request, request: facts, ...changes });
    expect(result.ok ? 'ok' : result.code).toBe(code);
  });

  it('excludes a second one', () => {
    const findings = lintConditions(standardRegistry, ['request-required', 'request-required', seal, seal]);
    expect(findings.map(({ kind, caveatIndex }) => [kind, caveatIndex])).toEqual([
      ['no-op', 1],
      ['contradiction', 3],
    ]);
  });
});

describe('a token with bound caveats', () => {
  it('is attenuated with them, and shown', () => {
    const text = attenuateAt(tokenOf(), { conditions: ['request-required', `cnf jkt:${a}`] }, nowMs);
    const { caveats, effective, findings } = inspect(text, { nowMs });
    expect(caveats.map(({ description }) => description)).toEqual(['only with sealed requests', `only signed by the key ${a}`]);
    expect(effective).toMatchObject({ others: ['request-required', `cnf jkt:${a}`], canHold: true });
    expect(findings).toEqual([]);
  });

  it.each(['request-required yes', 'cnf', `cnf x5t#S256:${a} `, 'request GET'])('is not attenuated with %j', (condition) => {
    const error = expect.objectContaining({ code: 'ERR_ARGUMENT', argument: 'conditions' });
    expect(() => attenuateAt(tokenOf(), { conditions: [condition] }, nowMs)).toThrow(error);
  });

  it('shows what can never hold: caveats after the seal, of third parties too, and seals in discharges', () => {
    const sealed = addFirstPartyCaveat(macaroonOf(), seal);
    const key = new MacaroonKey(new Uint8Array(32));
    const third = { key, identifier: encodeUtf8('id') };
    const discharge = addFirstPartyCaveat(addFirstPartyCaveat(mint(key, encodeUtf8('id')), 'request-required'), seal);
    const tokens = [
      { root: sealed, discharges: [] },
      { root: addFirstPartyCaveat(sealed, 'method GET'), discharges: [] },
      { root: addThirdPartyCaveat(sealed, third, seededRandom(1).bytes), discharges: [] },
      { root: addThirdPartyCaveat(macaroonOf(), third, seededRandom(1).bytes), discharges: [discharge] },
    ];
    const shown = tokens.map((token) => inspect(encode(token), { nowMs }));
    expect(shown.map(({ effective }) => effective.canHold)).toEqual([true, false, false, false]);
    expect(
      shown.map(({ findings }) => findings.map(({ kind, caveatIndex, dischargeIndex }) => [kind, caveatIndex, dischargeIndex])),
    ).toEqual([
      [],
      [['contradiction', 0, undefined]],
      [['contradiction', 0, undefined]],
      [
        ['contradiction', 0, 0],
        ['contradiction', 1, 0],
      ],
    ]);
    expect(decode(encode({ root: sealed, discharges: [] })).root.caveats).toHaveLength(1);
  });
});
