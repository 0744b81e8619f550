import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { VerifyResponse } from '../../../../src/protocol/wire.js';
import { verifyResponse } from '../../../../src/server/http/answer-schemas.js';
import { verifyAnswerText } from '../../../../src/server/http/verify-answer.js';

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', 'mail', 'say "a"', 'a\\b', 'a\nb', '\u007f', '\u2028', '€', '\ud800', '</script>'),
);
const texts = fc.array(text, { maxLength: 3 });
const index = fc.nat(2);
/** Few words, so that several share a place and one comes again and again. */
const caveat = fc.record({
  condition: fc.oneof(fc.constantFrom('a b', 'a c', 'ip 10.0.0.0/8', ''), text),
  holds: fc.boolean(),
  message: fc.oneof(fc.constantFrom('only so', 'only thus'), text),
  caveat_index: index,
  discharge_index: fc.option(index, { nil: undefined }),
});

/** With every member that an answer may have; those in `optional` are not in each. */
const allowed: fc.Arbitrary<VerifyResponse> = fc.record({
  authorized: fc.constant(true as const),
  client: text,
  token_id: text,
  root_key_id: text,
  audience: text,
  auth_methods: texts,
  actions: texts,
  issued_at: text,
  expires_at: text,
  caveats: fc.array(caveat, { maxLength: 4 }),
  answer_key: fc.option(text, { nil: undefined }),
});
const denied: fc.Arbitrary<VerifyResponse> = fc.record({
  authorized: fc.constant(false as const),
  code: text,
  message: text,
  caveat_index: fc.option(index, { nil: undefined }),
  discharge_index: fc.option(index, { nil: undefined }),
  caveats: fc.option(fc.array(caveat, { maxLength: 4 }), { nil: undefined }),
  answer_key: fc.option(text, { nil: undefined }),
});

describe('the text of a verification', () => {
  it('is what JSON.stringify makes of it, whatever was written before', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof({ weight: 3, arbitrary: allowed }, denied), { maxLength: 5 }), (answers) => {
        for (const answer of answers) expect(verifyAnswerText(answer)).toBe(JSON.stringify(answer));
      }),
      { numRuns: 500 },
    );
  });

  it('has every member of the schema, in its order', () => {
    const [schema] = verifyResponse.options;
    const sample = fc.sample(allowed, 1)[0] as VerifyResponse;
    const whole: VerifyResponse = { ...sample, answer_key: 'x' };
    expect(Object.keys(JSON.parse(verifyAnswerText(whole)))).toEqual(Object.keys(schema.shape));
  });
});
