import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MintResponse } from '../../../../src/protocol/wire.js';
import { mintResponse } from '../../../../src/server/http/answer-schemas.js';
import { mintAnswerText } from '../../../../src/server/http/mint-answer.js';

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', 'mail', 'say "a"', 'a\\b', 'a\nb', '\u007f', '\u2028', '€', '\ud800', '</script>'),
);
const texts = fc.array(text, { maxLength: 3 });
/** As tokens, ids and times are written. */
const made = fc.stringMatching(/^[A-Za-z0-9_:.-]*$/);
const minted: fc.Arbitrary<MintResponse> = fc.record({
  token: made,
  token_id: made,
  root_key_id: made,
  client: text,
  audience: text,
  actions: texts,
  issued_at: made,
  expires_at: made,
  caveats: texts,
});

describe('the text of a minted token', () => {
  it('is what JSON.stringify makes of it', () => {
    fc.assert(
      fc.property(minted, (answer) => {
        expect(mintAnswerText(answer)).toBe(JSON.stringify(answer));
      }),
      { numRuns: 500 },
    );
  });

  it('has every member of the schema, in its order', () => {
    const sample = fc.sample(minted, 1)[0] as MintResponse;
    expect(Object.keys(JSON.parse(mintAnswerText(sample)))).toEqual(Object.keys(mintResponse.shape));
  });
});
