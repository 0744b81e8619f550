import { z } from '@hono/zod-openapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quickCheckOf } from '../../../../src/server/http/quick-check.js';
import { mintRequest, verifyRequest } from '../../../../src/server/http/request-schemas.js';
import { routes } from '../../../../src/server/http/route-table.js';

const text = fc.oneof(
  fc.string(),
  fc.constantFrom(
    '',
    'invoice',
    'Invoice',
    'invoices:read',
    'invoices:*',
    '10.0.0.1',
    '10.0.0.1/8',
    'GET',
    '/a',
    '2026-11-21T22:21:00Z',
  ),
  fc.constantFrom('a'.repeat(43), 'a'.repeat(42), 'é'.repeat(43), `${'a'.repeat(43)}\n`),
  fc.constantFrom(32, 33, 64, 65, 128, 129, 261, 262, 1024, 1025, 7169, 7170, 8192, 8193).map((length) => 'a'.repeat(length)),
);
const number = fc.oneof(fc.integer({ min: -2, max: 3 }), fc.constantFrom(0.5, 1e300, 2 ** 53, 2 ** 53 - 1, -0));
const other = fc.oneof(number, fc.constantFrom(null, true, '', [], {}, [1], { a: 1 }));
const wrongFor = <Value>(right: fc.Arbitrary<Value>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 9, arbitrary: right }, { weight: 1, arbitrary: other });
const texts = fc.oneof(
  fc.array(wrongFor(text), { maxLength: 4 }),
  fc.constantFrom(32, 33, 64, 65).map((length) => Array.from({ length }, (_, i) => `a${i}`)),
);

/** Objects with some of `members`, now and then with one that is wrong or unknown. */
function objectOf(members: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<object> {
  const known = fc.record(Object.fromEntries(Object.entries(members).map(([name, value]) => [name, wrongFor(value)])), {
    requiredKeys: [],
  });
  const unknown = fc.oneof({ weight: 8, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: fc.record({ other }) });
  // As it comes out of JSON, where that name is one like others.
  const odd = fc.oneof({ weight: 9, arbitrary: fc.constant('{}') }, { weight: 1, arbitrary: fc.constant('{"__proto__":1}') });
  return fc.tuple(known, unknown, odd).map(([a, b, c]) => Object.assign(JSON.parse(c), a, b));
}

const mints = objectOf({ audience: text, actions: texts, expires_in: number, caveats: texts });
const verifications = objectOf({
  token: text,
  audience: text,
  context: objectOf({
    action: text,
    ip: text,
    method: text,
    path: text,
    at: text,
    request: objectOf({ authority: text, target: text, digest: text }),
    certificate_thumbprint: text,
    key_thumbprint: text,
  }),
});

/** `value` is accepted by both, as it is, or by neither; zod alone knows what to leave out. */
function expectAgreement(schema: z.ZodType, value: unknown): void {
  const result = schema.safeParse(value);
  const isWhole = result.success && JSON.stringify(value).includes('__proto__') === false;
  expect(quickCheckOf(schema)(value)).toBe(isWhole);
  if (isWhole) expect(result.data).toEqual(value);
}

describe('the quick check', () => {
  it('agrees with zod on what is asked of the two busiest routes', () => {
    fc.assert(
      fc.property(fc.oneof(mints, other), (value) => expectAgreement(mintRequest, value)),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.oneof(verifications, other), (value) => expectAgreement(verifyRequest, value)),
      { numRuns: 2000 },
    );
  });

  it('says yes to a usual request', () => {
    const mint = { audience: 'invoice', actions: ['invoices:read'], expires_in: 600, caveats: ['ip 10.0.0.0/8'] };
    expect(quickCheckOf(mintRequest)(mint)).toBe(true);
    const context = { action: 'invoices:read', ip: '10.1.2.3', method: 'GET', path: '/invoices', account: 7 };
    expect(quickCheckOf(verifyRequest)({ token: 'mcr_x', audience: 'invoice', context })).toBe(true);
  });

  it('says yes on no route to what zod refuses or changes', () => {
    for (const { params, query, body } of routes) {
      for (const schema of [params, query, body]) {
        fc.assert(
          fc.property(fc.oneof(fc.dictionary(text, other), mints, verifications, other), (value) => {
            if (!quickCheckOf(schema)(value)) return;
            expect(schema.safeParse(value)).toEqual({ success: true, data: value });
          }),
        );
      }
    }
  });

  it.each<[string, z.ZodType, unknown]>([
    ['a transformation', z.string().transform(Number), '1'],
    ['a text that is trimmed', z.string().trim(), ' a'],
    ['a text of a format', z.email(), 'a@example.com'],
    ['a pattern with a flag', z.string().regex(/a/g), 'a'],
    ['a default', z.strictObject({ a: z.string().default('x') }), {}],
    ['members that are dropped', z.object({ a: z.string() }), { a: 'x', b: 1 }],
    ['a refined object', z.strictObject({ a: z.string() }).refine(() => true), { a: 'x' }],
    ['a union', z.union([z.string(), z.int()]), 'x'],
    ['a number of another kind', z.number(), 1],
    ['an upper bound', z.int().max(9), 3],
    ['a check that is waited for', z.string().refine(async () => false), 'x'],
  ])('leaves %s to zod', (_, schema, value) => {
    expect(quickCheckOf(schema)(value)).toBe(false);
  });
});
