import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MacaroonError } from '../../../../src/core/index.js';
import {
  fieldLimits,
  formatDictionary,
  formatMembers,
  parseDictionary,
  parseItem,
  parseMembers,
  Token,
} from '../../../../src/protocol/http-signature/structured-fields.js';
import { errorOf } from '../../core/samples.js';

const runs = process.env['MACAROOND_TEST_LONG'] === undefined ? 2_000 : 200_000;

describe('parseDictionary', () => {
  it('reads strings, integers, booleans and bytes in their order', () => {
    const text = 'name="ma\\"il\\\\", nonce=:AQID:, sent=123, past=-5,\t on, off=?0, empty=::';
    expect([...parseDictionary(text)]).toEqual([
      ['name', 'ma"il\\'],
      ['nonce', new Uint8Array([1, 2, 3])],
      ['sent', 123],
      ['past', -5],
      ['on', true],
      ['off', false],
      ['empty', new Uint8Array()],
    ]);
  });

  it.each([
    ['nothing', ''],
    ['spaces', '  '],
    ['a repeated key', 'a=1, a=2'],
    ['a comma at the end', 'a=1,'],
    ['two commas', 'a=1,, b=2'],
    ['no comma', 'a=1 b=2'],
    ['a key in upper case', 'A=1'],
    ['a space around =', 'a =1'],
    ['a token', 'a=b'],
    ['an inner list', 'a=(1)'],
    ['a parameter', 'a=1;b'],
    ['a decimal', 'a=1.0'],
    ['16 digits', 'a=1234567890123456'],
    ['a lonely sign', 'a=-'],
    ['a plus', 'a=+1'],
    ['a date of RFC 9651', 'a=@1659578233'],
    ['a display string of RFC 9651', 'a=%"x"'],
    ['an open string', 'a="b'],
    ['an unknown escape', 'a="\\n"'],
    ['a control in a string', 'a="\t"'],
    ['a letter beyond ASCII', 'a="é"'],
    ['open bytes', 'a=:AQID'],
    ['bytes without padding', 'a=:AQ:'],
    ['bytes with stray bits', 'a=:AR==:'],
    ['bytes in the other alphabet', 'a=:-_8=:'],
    ['too much padding', 'a=:AQID====:'],
    ['another boolean', 'a=?2'],
    ['a line break', 'a=1,\nb=2'],
    ['text after the end', 'a=1 x'],
    ['too many characters', `a="${'x'.repeat(fieldLimits.characters)}"`],
    ['too many members', Array.from({ length: fieldLimits.members + 1 }, (_, i) => `k${i}`).join(', ')],
  ])('refuses %s', (_, text) => {
    expect(errorOf(() => parseDictionary(text)).code).toBe('ERR_MESSAGE_SIGNATURE');
  });
});

describe('parseMembers', () => {
  it('reads inner lists and parameters and writes them in one spelling', () => {
    const text = ' a=( "x";req   1 );b;c=?1,b=tok/en;d=:AQ==: ';
    expect(formatMembers(parseMembers(text))).toBe('a=("x";req 1);b;c, b=tok/en;d=:AQ==:');
  });

  it.each([
    ['items that touch', 'a=("x""y")'],
    ['an open list', 'a=("x"'],
    ['a tab in a list', 'a=("x"\t"y")'],
    ['a list in a list', 'a=((1))'],
    ['a repeated parameter', 'a=1;b;b'],
    ['a list as parameter', 'a=1;b=(1)'],
    ['too many items', `a=(${'1 '.repeat(fieldLimits.items + 1)})`],
    ['too many parameters', `a=1${Array.from({ length: fieldLimits.parameters + 1 }, (_, i) => `;k${i}`).join('')}`],
  ])('refuses %s', (_, text) => {
    expect(errorOf(() => parseMembers(text)).code).toBe('ERR_MESSAGE_SIGNATURE');
  });

  it('tells a token from a string', () => {
    const [token, string] = ['a=x', 'a="x"'].map((text) => parseMembers(text).get('a'));
    expect(token).toMatchObject({ value: new Token('x') });
    expect(string).toMatchObject({ value: 'x' });
  });
});

describe('parseItem', () => {
  it.each(['"a" ', ' "a"', '"a", "b"', ''])('refuses %j', (text) => {
    expect(errorOf(() => parseItem(text)).code).toBe('ERR_MESSAGE_SIGNATURE');
  });
});

describe('formatDictionary', () => {
  it.each([
    ['a key in upper case', 'A', 1],
    ['text beyond ASCII', 'a', 'é'],
    ['a line break', 'a', 'x\ny'],
    ['a fraction', 'a', 1.5],
    ['a number of 16 digits', 'a', 1e15],
    ['no number', 'a', Number.NaN],
  ])('refuses %s', (_, key, value) => {
    expect(errorOf(() => formatDictionary([[key, value]])).code).toBe('ERR_MESSAGE_SIGNATURE');
  });

  it('refuses a token that would read as something else', () => {
    expect(errorOf(() => new Token('a b')).code).toBe('ERR_MESSAGE_SIGNATURE');
    expect(errorOf(() => new Token('1')).code).toBe('ERR_MESSAGE_SIGNATURE');
  });
});

const bareItem = fc.oneof(
  fc.stringMatching(/^[\x20-\x7e]{0,20}$/),
  fc.integer({ min: -999_999_999_999_999, max: 999_999_999_999_999 }),
  fc.boolean(),
  fc.uint8Array({ maxLength: 40 }),
);
const key = fc.stringMatching(/^[a-z*][a-z0-9_.*-]{0,10}$/);

describe('properties', () => {
  it('what is written is read back', () => {
    const entries = fc.uniqueArray(fc.tuple(key, bareItem), { minLength: 1, maxLength: 10, selector: ([name]) => name });
    fc.assert(
      fc.property(entries, (pairs) => {
        expect([...parseDictionary(formatDictionary(pairs))]).toEqual(
          pairs.map(([name, value]) => [name, value === 0 ? 0 : value]),
        );
      }),
      { numRuns: runs },
    );
  });

  it('random text never throws anything but a MacaroonError, and what is read has one spelling', () => {
    const soup = fc.string({ unit: fc.constantFrom(...'ab=;,:?"\\()1-. \tAQ*é\n@%') });
    fc.assert(
      fc.property(fc.oneof(soup, fc.string()), (text) => {
        try {
          const written = formatMembers(parseMembers(text));
          expect(formatMembers(parseMembers(written))).toBe(written);
        } catch (error) {
          if (!(error instanceof MacaroonError)) throw error;
          expect(error.code).toBe('ERR_MESSAGE_SIGNATURE');
        }
      }),
      { numRuns: runs },
    );
  });
});
