/** Requests, conditions and generated values that the tests of caveats share. */
import fc from 'fast-check';
import type { CaveatType, CheckResult, RequestContext } from '../../../src/caveats/caveat-type.js';
import { type IpRange, parseRange } from '../../../src/caveats/ip-address.js';
import { narrowList, parseList } from '../../../src/caveats/list.js';
import { createCaveatRegistry, type ParsedCaveat } from '../../../src/caveats/registry.js';
import { standardCaveats, standardRegistry } from '../../../src/caveats/standard.js';
import { encodeUtf8, type PendingCondition } from '../../../src/core/index.js';

export const nowMs = Date.UTC(2026, 10, 21, 22, 21);

/** A type of a service's own: a list of account numbers. */
export const account: CaveatType<readonly string[]> = {
  name: 'account',
  parse: (argument) => parseList(argument, (text) => (/^\d+$/.test(text) ? text : undefined), 'expected account numbers'),
  format: (accounts) => accounts.join(','),
  check: (accounts, context) =>
    accounts.includes(String(context['account']))
      ? { holds: true }
      : { holds: false, reason: 'denied', expected: accounts.join(','), actual: 'another' },
  describe: (accounts) => `only for the account ${accounts.join(' or ')}`,
  narrows: (inForce, added) => narrowList(inForce, added, (one, other) => one === other),
};

/** The standard types and `account`. */
export const registry = createCaveatRegistry([...standardCaveats, account]);

/** A request that tells everything. */
export const request: RequestContext = {
  action: 'invoices:read',
  nowMs,
  ip: '10.1.2.3',
  method: 'GET',
  path: '/invoices/7',
};

/** `conditions` as they come from a root macaroon. */
export function pending(...conditions: readonly (string | Uint8Array)[]): readonly PendingCondition[] {
  return conditions.map((condition, caveatIndex) => ({
    condition: typeof condition === 'string' ? encodeUtf8(condition) : condition,
    caveatIndex,
  }));
}

/** The reading of `condition`; fails the test when there is none. */
export function parsed(condition: string, reader = registry): ParsedCaveat {
  const result = reader.parse(condition);
  if (!result.ok) throw new Error(`${condition}: ${result.code}`);
  return result.caveat;
}

/** `allowed`, `denied` or `missing-context`. */
export function outcomeOf(result: CheckResult): string {
  return result.holds ? 'allowed' : result.reason;
}

/** How `type` judges `argument` for `request` with `changes`. */
export function outcome<Value>(
  type: CaveatType<Value>,
  argument: string,
  changes: Readonly<Record<string, unknown>> = {},
): string {
  const result = type.parse(argument);
  if (!result.ok) throw new Error(`${type.name} ${argument}: ${result.message}`);
  return outcomeOf(type.check(result.value, { ...request, ...changes }));
}

/** Whether a registry takes `name SP argument`. */
export function isTaken(name: string, argument: string): boolean {
  return standardRegistry.parse(`${name} ${argument}`).ok;
}

/** What narrowing `inForce` by `added` gives: the argument of the narrower value, or the kind. */
export function narrowed<Value>(type: CaveatType<Value>, inForce: string, added: string): string {
  const [one, other] = [type.parse(inForce), type.parse(added)];
  if (!one.ok || !other.ok) throw new Error(`${type.name}: ${inForce} or ${added} cannot be read`);
  const narrowing = type.narrows(one.value, other.value);
  return narrowing.kind === 'narrower' ? type.format(narrowing.value) : narrowing.kind;
}

function listOf<Item>(item: fc.Arbitrary<Item>, textOf: (item: Item) => string = String): fc.Arbitrary<readonly Item[]> {
  return fc.uniqueArray(item, { minLength: 1, maxLength: 6, selector: textOf });
}

const word = fc.constantFrom('a', 'b', 'invoices', 'read');

/** Actions out of a small alphabet, so that patterns often overlap. */
const actionText = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join(':'));
const actionPattern = fc.tuple(actionText, fc.boolean()).map(([text, isPattern]) => (isPattern ? `${text}:*` : text));

/** Paths out of a small alphabet. */
const pathText = fc
  .tuple(fc.array(fc.constantFrom('a', 'b', 'aa', '%C3%A9', 'a;v'), { maxLength: 3 }), fc.boolean())
  .map(([segments, isFolder]) => `/${segments.join('/')}${isFolder && segments.length > 0 ? '/' : ''}`);

const methodText = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'VERSION-CONTROL');

/** Addresses that share their first bits, so that ranges often overlap. */
const addressText = fc
  .tuple(fc.constantFrom(0, 1, 2, 3, 128), fc.constantFrom(0, 1, 128, 255), fc.constantFrom('', '2001:db8::', '::ffff:'))
  .map(([a, b, head]) => (head === '2001:db8::' ? `${head}${a.toString(16)}:${b.toString(16)}` : `${head}10.0.${a}.${b}`));

const rangeValue: fc.Arbitrary<IpRange> = fc.tuple(addressText, fc.integer({ min: 0, max: 128 })).map(([text, bits]) => {
  const full = parseRange(text.replace('::ffff:', ''));
  if (full === undefined) throw new Error(`no address: ${text}`);
  const prefixBits = Math.min(bits, full.prefixBits);
  const bytes = full.bytes.map((byte, i) => byte & ((0xff00 >>> Math.min(8, Math.max(0, prefixBits - i * 8))) & 0xff));
  return { bytes, prefixBits };
});

const timeValue = fc.integer({ min: nowMs - 5, max: nowMs + 5 });

/** Out of three, so that they often meet. */
const thumbprint = fc.constantFrom(...['A', 'B', 'C'].map((letter) => `${letter.repeat(42)}A`));

/** A generator of values for each standard type, by name. */
export const valuesOf: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  'time-before': timeValue,
  'time-after': timeValue,
  action: listOf(actionPattern),
  ip: listOf(rangeValue, ({ bytes, prefixBits }) => `${bytes.join('.')}/${prefixBits}`),
  method: listOf(methodText),
  path: listOf(pathText),
  cnf: fc.oneof(
    thumbprint.map((certificate) => ({ certificate })),
    thumbprint.map((key) => ({ key })),
  ),
  'request-required': fc.constant(true),
  request: fc.record({
    method: methodText,
    authority: fc.constantFrom('a.example', '[2001:db8::1]:8443'),
    target: fc.tuple(pathText, fc.constantFrom('', '?', '?a=b&c')).map(([path, query]) => path + query),
    digest: thumbprint,
    sentAtMs: timeValue,
    nonce: thumbprint,
  }),
};

/** Generated requests, some of which tell less than everything or something that cannot be read. */
export const requestValue: fc.Arbitrary<RequestContext> = fc.record({
  action: actionText,
  nowMs: timeValue,
  ip: fc.option(fc.oneof({ weight: 5, arbitrary: addressText }, { weight: 1, arbitrary: fc.constant('nowhere') }), {
    nil: undefined,
  }),
  method: fc.option(methodText, { nil: undefined }),
  path: fc.option(fc.oneof({ weight: 5, arbitrary: pathText }, { weight: 1, arbitrary: fc.constant('/a/../b') }), {
    nil: undefined,
  }),
  certificateThumbprint: fc.option(thumbprint, { nil: undefined }),
  keyThumbprint: fc.option(thumbprint, { nil: undefined }),
});
