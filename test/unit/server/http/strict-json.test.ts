import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProblemError } from '../../../../src/server/http/problem-error.js';
import { parseStrictJson } from '../../../../src/server/http/strict-json.js';
import { basic } from './fake-issuer.js';
import { createTestApp } from './test-app.js';

/** JSON, and whether it gives a member twice. */
interface Written {
  readonly text: string;
  readonly repeats: boolean;
}

/** Pointer of the refusal of `text`. */
function pointerOfRefusal(text: string): string | undefined {
  try {
    parseStrictJson(text);
  } catch (error) {
    if (error instanceof ProblemError && error.code === 'invalid_request') return error.details.errors?.[0]?.pointer;
    throw error;
  }
  throw new Error('it was taken');
}

const nested = (depth: number): string => `${'{"a":['.repeat(depth / 2)}1${']}'.repeat(depth / 2)}`;

describe('strict JSON', () => {
  it.each([
    ['{"a":1,"a":1}', '/a'],
    ['{"a":1,"b":2,"a":3}', '/a'],
    ['{"a":{"b":[0,{"c":1,"c":2}]}}', '/a/b/1/c'],
    ['{"a":1,"\\u0061":2}', '/a'],
    ['{"__proto__":1,"__proto__":2}', '/__proto__'],
    ['{"":1,"":2}', '/'],
    ['{"a":{},"a":{}}', '/a'],
    ['{ "a" : "}" , "a" : "\\"{" }', '/a'],
    [`{"${'x'.repeat(25)}":1,"${'x'.repeat(25)}":2}`, ''],
  ])('refuses a member that is given twice: %s', (text, pointer) => {
    expect(pointerOfRefusal(text)).toBe(pointer);
  });

  it('takes the lines of PEM, and lines of nothing else', () => {
    const pem = '-----BEGIN PUBLIC KEY-----\nAAAA\r\n-----END PUBLIC KEY-----\n';
    expect(parseStrictJson(JSON.stringify({ pem }))).toEqual({ pem });
    expect(pointerOfRefusal(JSON.stringify({ a: `x${pem}` }))).toBe('/a');
    expect(pointerOfRefusal(JSON.stringify({ [pem]: 1 }))).toBe('');
    expect(pointerOfRefusal(JSON.stringify({ a: '-----BEGIN \u0000' }))).toBe('/a');
    expect(pointerOfRefusal(JSON.stringify({ a: '-----BEGIN \r' }))).toBe('/a');
  });

  it.each(['{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}', '{"a":"a","b":"a","c":["a","a"]}', '[]', '{}', '"a"', '1', 'null'])(
    'takes %s',
    (text) => {
      expect(parseStrictJson(text)).toEqual(JSON.parse(text));
    },
  );

  it.each([
    ['null', '\\u0000'],
    ['a line feed', '\\n'],
    ['escape', '\\u001b'],
    ['delete', '\u007f'],
    ['next line', '\u0085'],
    ['the last control character', '\u009f'],
    ['a line separator', '\u2028'],
    ['a paragraph separator', '\\u2029'],
    ['half a character', '\\ud83d'],
    ['the other half', '\\ude00'],
    ['halves the wrong way round', '\\ude00\\ud83d'],
  ])('refuses %s, wherever it stands', (_, character) => {
    expect(pointerOfRefusal(`"${character}"`)).toBe('');
    expect(pointerOfRefusal(`{"a":[1,"x${character}y"]}`)).toBe('/a/1');
    expect(pointerOfRefusal(`{"a":{"x${character}":1}}`)).toBe('/a');
  });

  it('takes every other character', () => {
    const text = '{"ä":"\u0020~\u00a0\u2027\u202a\uffff😀\\ud83d\\ude00\\/\\\\\\""}';
    expect(parseStrictJson(text)).toEqual(JSON.parse(text));
  });

  it('takes 32 levels and no more', () => {
    expect(parseStrictJson(nested(32))).toEqual(JSON.parse(nested(32)));
    expect(pointerOfRefusal(nested(34))).toBe('/a/0'.repeat(16));
    expect(pointerOfRefusal('['.repeat(30_000) + ']'.repeat(30_000))).toBe('/0'.repeat(32));
  });

  it('does not take long over the longest body', () => {
    const startMs = performance.now();
    const members = Array.from({ length: 7_000 }, (_, i) => `"${i}":""`).join();
    parseStrictJson(`{${members}}`);
    parseStrictJson(`"${'\\"'.repeat(32_000)}"`);
    expect(pointerOfRefusal(`"${'x'.repeat(64_000)}\\n"`)).toBe('');
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });

  it('reads what JSON.parse reads', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '"', '\\', '{', '}', '[', ']', ',', ':', '/', '😀') });
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 4, stringUnit: fc.constantFrom('a', '"', '\\', '}', ',', ':') }),
        word,
        (value, key) => {
          const text = JSON.stringify({ [key]: value });
          expect(parseStrictJson(text)).toEqual(JSON.parse(text));
        },
      ),
    );
  });

  it('refuses exactly what gives a member twice, however it is written and wherever it stands', () => {
    const word = fc.constantFrom('', 'a', 'b', '__proto__', ':', ',', '{', '0');
    const gap = fc.constantFrom('', ' ', '  ');
    const written = fc.letrec<{ any: Written }>((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        fc.oneof(word.map(JSON.stringify), fc.constantFrom('1', 'null')).map((text) => ({ text, repeats: false })),
        fc.tuple(gap, fc.array(tie('any'), { maxLength: 3 })).map(([space, items]) => ({
          text: `[${space}${items.map(({ text }) => text).join(`,${space}`)}${space}]`,
          repeats: items.some(({ repeats }) => repeats),
        })),
        fc.tuple(gap, fc.array(fc.tuple(word, tie('any')), { maxLength: 4 })).map(([space, members]) => ({
          text: `{${members.map(([name, { text }]) => `${space}"${name}"${space}:${space}${text}${space}`).join()}}`,
          repeats: members.some(([, { repeats }]) => repeats) || new Set(members.map(([name]) => name)).size < members.length,
        })),
      ),
    })).any;
    fc.assert(
      fc.property(written, ({ text, repeats }) => {
        if (repeats) expect(() => parseStrictJson(text)).toThrow(ProblemError);
        else expect(parseStrictJson(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a body', () => {
  const mint = (body: string) => createTestApp().call('POST', '/v1/tokens', { authorization: basic('mail'), body });

  it.each([
    ['{"audience":"payments","audience":"invoice"}', '/audience'],
    ['{"audience":"invoice","caveats":["account \\ud800"]}', '/caveats/0'],
    ['{"audience":"invoice","caveats":["account a\\u0000b"]}', '/caveats/0'],
  ])('is refused by the same rules, with a pointer: %s', async (body, pointer) => {
    const answer = await mint(body);
    expect(answer.status).toBe(400);
    expect(answer.json['code']).toBe('invalid_request');
    expect(answer.json['errors']).toEqual([{ pointer, detail: expect.any(String) }]);
  });
});
