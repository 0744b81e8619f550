import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeV2Json,
  encodeBase64url,
  encodeUtf8,
  exportV2Json,
  limits,
  type Macaroon,
  type UnverifiedMacaroon,
  verifySignature,
} from '../../../src/core/index.js';
import { asking, boundToken, dischargeBy, errorOf, faultOf, key, macaroonWith, tokenOf } from './samples.js';

const signature = encodeBase64url(new Uint8Array(32).fill(7));
const tail = `"s64":"${signature}"}`;
const vid = encodeBase64url(new Uint8Array(72).fill(5));
const jsonOf = ({ root, discharges }: UnverifiedMacaroon) => JSON.stringify([root, ...discharges].map(exportV2Json));

describe('V2 JSON', () => {
  const token = boundToken(asking(macaroonWith('action invoices:read', 'naïve ☃'), 'auth'), [dischargeBy('auth', 'method GET')]);

  it('reads back what it wrote: one macaroon, or a list of the root and its discharges', () => {
    expect(decodeV2Json(jsonOf(token))).toEqual(token);
    expect(decodeV2Json(JSON.stringify(exportV2Json(token.root)))).toEqual(tokenOf(token.root));
    expect(verifySignature(decodeV2Json(jsonOf(token)), key).ok).toBe(true);
  });

  it('holds any bytes: text where they are text, base64 where they are not', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      fc.string({ minLength: 1, unit: 'grapheme' }).map(encodeUtf8),
    );
    fc.assert(
      fc.property(bytes, fc.array(bytes, { maxLength: 4 }), (identifier, conditions) => {
        const caveats = conditions.map((condition) => ({ kind: 'first-party', condition }) as const);
        const macaroon: Macaroon = { ...macaroonWith(), identifier, caveats };
        expect(decodeV2Json(JSON.stringify(exportV2Json(macaroon)))).toEqual(tokenOf(macaroon));
      }),
    );
    const marked = encodeUtf8('\ufeffa byte order mark');
    expect(exportV2Json({ ...macaroonWith(), identifier: marked }).i64).toBe(encodeBase64url(marked));
    expect(exportV2Json(macaroonWith('a b')).c).toEqual([{ i: 'a b' }]);
  });

  it('takes white space, any order, escapes, either base64 alphabet, and the version as Go, C and JavaScript write it', () => {
    const expected = decodeV2Json(`{"v":2,"l":"loc","i":"id??","c":[{"i":"a b"}],${tail}`);
    const standard = Buffer.from(new Uint8Array(32).fill(7)).toString('base64');
    for (const spelling of [
      ` {\t"v" : 2 ,\r\n"l":"loc" , "i":"id??","c" : [ { "i" : "a b" } ] , ${tail} \n`,
      `{"s64":"${signature}","c":[{"i":"a b"}],"i":"id??","l":"loc"}`,
      `{"v":"2","l":"\\u006coc","i":"id\\u003f?","c":[{"i":"a\\u0020b"}],${tail}`,
      `{"v":2,"l":"loc","i64":"aWQ_Pw","c":[{"i64":"YSBi"}],"s64":"${standard}"}`,
      `{"v":2,"l":"loc","i64":"aWQ/Pw==","c":[{"i64":"YSBi"}],"s64":"${standard.replace('=', '')}"}`,
    ]) {
      expect(decodeV2Json(spelling), spelling).toEqual(expected);
    }
  });

  it('reads an empty location as none, since npm macaroon writes one on every third-party caveat', () => {
    const { root } = decodeV2Json(`{"l":"","i":"id","c":[{"i":"c","v64":"${vid}","l":""},{"i":"d","l":""}],${tail}`);
    expect(root.location).toBe('');
    expect(root.caveats).toMatchObject([{ kind: 'third-party', location: '' }, { kind: 'first-party' }]);
  });

  it.each([
    ['nothing', '', 'ERR_FORMAT_EMPTY', 0],
    ['white space', ' \n', 'ERR_FORMAT_EMPTY', 2],
    ['an empty list', ' []', 'ERR_FORMAT_EMPTY', 0],
    ['an empty object', '{}', 'ERR_FORMAT_FIELD', 0],
    ['an empty object in a list', '[{}]', 'ERR_FORMAT_FIELD', 1],
    ['no signature', '{"i":"id"}', 'ERR_FORMAT_FIELD', 0],
    ['no identifier', `{${tail}`, 'ERR_FORMAT_FIELD', 0],
    ['an empty identifier', `{"i":"",${tail}`, 'ERR_FORMAT_FIELD', 5],
    ['an empty identifier in base64', `{"i64":"",${tail}`, 'ERR_FORMAT_FIELD', 7],
    ['an empty condition', `{"i":"id","c":[{"i":""}],${tail}`, 'ERR_FORMAT_FIELD', 20],
    ['an empty caveat', `{"i":"id","c":[{}],${tail}`, 'ERR_FORMAT_FIELD', 15],
    ['an empty verification id', `{"i":"id","c":[{"i":"c","v":""}],${tail}`, 'ERR_FORMAT_FIELD', 28],
    ['an empty verification id in base64', `{"i":"id","c":[{"i":"c","v64":""}],${tail}`, 'ERR_FORMAT_FIELD', 30],
    ['a location on a first-party caveat', `{"i":"id","c":[{"i":"c","l":"x"}],${tail}`, 'ERR_FORMAT_FIELD', 15],
    ['text and base64 of one field', `{"i":"id","i64":"aWQ",${tail}`, 'ERR_FORMAT_JSON', 16],
    ['the same in another order', `{"i64":"aWQ","i":"id",${tail}`, 'ERR_FORMAT_JSON', 7],
    ['text and base64, one of them empty', `{"i":"","i64":"aWQ",${tail}`, 'ERR_FORMAT_JSON', 14],
    ['two verification ids', `{"i":"id","c":[{"i":"c","v":"x","v64":"eA"}],${tail}`, 'ERR_FORMAT_JSON', 38],
    ['a repeated member', `{"i":"id","i":"id",${tail}`, 'ERR_FORMAT_JSON', 10],
    ['a member repeated through an escape', `{"i":"id","\\u0069":"id",${tail}`, 'ERR_FORMAT_JSON', 10],
    ['repeated lists', `{"c":[],"c":[],"i":"id",${tail}`, 'ERR_FORMAT_JSON', 8],
    ['an unknown member', `{"i":"id","x":1,${tail}`, 'ERR_FORMAT_JSON', 10],
    ['an unknown member of a caveat', `{"i":"id","c":[{"i":"c","cl":"x"}],${tail}`, 'ERR_FORMAT_JSON', 24],
    ['__proto__', `{"__proto__":{"i":"id"},${tail}`, 'ERR_FORMAT_JSON', 1],
    ['constructor', `{"constructor":"id",${tail}`, 'ERR_FORMAT_JSON', 1],
    ['toString', `{"toString":"id",${tail}`, 'ERR_FORMAT_JSON', 1],
    ['V1 JSON', '{"identifier":"id","signature":"00"}', 'ERR_FORMAT_VERSION', 1],
    ['version 1', `{"v":1,"i":"id",${tail}`, 'ERR_FORMAT_VERSION', 6],
    ['version 2.0', `{"v":2.0,"i":"id",${tail}`, 'ERR_FORMAT_VERSION', 8],
    ['version 02', `{"v":02,"i":"id",${tail}`, 'ERR_FORMAT_VERSION', 7],
    ['version 2e0', `{"v":2e0,"i":"id",${tail}`, 'ERR_FORMAT_VERSION', 8],
    ['version null', `{"v":null,"i":"id",${tail}`, 'ERR_FORMAT_VERSION', 9],
    ['version true', `{"v":true,"i":"id",${tail}`, 'ERR_FORMAT_VERSION', 9],
    ['a version list', `{"v":[2],"i":"id",${tail}`, 'ERR_FORMAT_VERSION', 5],
    ['a number as identifier', `{"i":7,${tail}`, 'ERR_FORMAT_JSON', 5],
    ['null as location', `{"i":"id","l":null,${tail}`, 'ERR_FORMAT_JSON', 14],
    ['an object as list of caveats', `{"i":"id","c":{},${tail}`, 'ERR_FORMAT_JSON', 14],
    ['null as list of caveats', `{"i":"id","c":null,${tail}`, 'ERR_FORMAT_JSON', 14],
    ['a text as caveat', `{"i":"id","c":["c"],${tail}`, 'ERR_FORMAT_JSON', 15],
    ['a list in a list', `[[{"i":"id",${tail}]]`, 'ERR_FORMAT_JSON', 1],
    ['nesting without end', '['.repeat(60_000), 'ERR_FORMAT_JSON', 1],
    ['objects without end', '{"c":['.repeat(5000), 'ERR_FORMAT_JSON', 7],
    ['a comma at the end of an object', `{"i":"id","s64":"${signature}",}`, 'ERR_FORMAT_JSON', 62],
    ['a comma at the end of a list', `{"i":"id","c":[{"i":"c"},],${tail}`, 'ERR_FORMAT_JSON', 25],
    ['no comma', `{"i":"id" ${tail}`, 'ERR_FORMAT_JSON', 10],
    ['no colon', `{"i" "id",${tail}`, 'ERR_FORMAT_JSON', 5],
    ['single quotes', `{'i':'id',${tail}`, 'ERR_FORMAT_JSON', 1],
    ['a comment', `{/**/"i":"id",${tail}`, 'ERR_FORMAT_JSON', 1],
    ['a text without end', '{"i":"id', 'ERR_FORMAT_JSON', 5],
    ['a text that ends in a backslash', '{"i":"id\\', 'ERR_FORMAT_JSON', 5],
    ['an object without end', `{"i":"id","s64":"${signature}"`, 'ERR_FORMAT_JSON', 61],
    ['a line feed in a text', `{"i":"a\nb",${tail}`, 'ERR_FORMAT_JSON', 5],
    ['an unknown escape', `{"i":"a\\x",${tail}`, 'ERR_FORMAT_JSON', 5],
    ['a short escape', `{"i":"a\\u00",${tail}`, 'ERR_FORMAT_JSON', 5],
    ['white space of another kind', `\u00a0{"i":"id",${tail}`, 'ERR_FORMAT_JSON', 0],
    ['a byte order mark', `\ufeff{"i":"id",${tail}`, 'ERR_FORMAT_JSON', 0],
    ['a lone surrogate', `{"i":"\\ud800",${tail}`, 'ERR_FORMAT_UTF8', 5],
    ['a lone surrogate in a location', `{"i":"id","l":"\ud800",${tail}`, 'ERR_FORMAT_UTF8', 14],
    ['base64 with stray bits', `{"i64":"AB",${tail}`, 'ERR_FORMAT_BASE64', 7],
    ['base64 of both alphabets', `{"i64":"-_+/",${tail}`, 'ERR_FORMAT_BASE64', 7],
    ['base64 with a space', `{"i64":"aW Q",${tail}`, 'ERR_FORMAT_BASE64', 7],
    ['31 bytes of signature', `{"i":"id","s64":"${signature.slice(0, -2)}A"}`, 'ERR_FORMAT_SIGNATURE', 16],
    ['a text as signature', '{"i":"id","s":"345"}', 'ERR_FORMAT_SIGNATURE', 14],
    ['text after the end', `{"i":"id",${tail}{}`, 'ERR_FORMAT_TRAILING', 62],
    ['a comma after the end', `[{"i":"id",${tail}],`, 'ERR_FORMAT_TRAILING', 64],
  ])('refuses %s and tells where', (_, text, code, offset) => {
    expect(faultOf(() => decodeV2Json(text))).toEqual({ code, offset });
  });

  it('leaves no trace of __proto__ in what it makes', () => {
    expect(errorOf(() => decodeV2Json('{"__proto__":{"polluted":"yes"}}')).code).toBe('ERR_FORMAT_JSON');
    expect('polluted' in {}).toBe(false);
  });

  it('keeps to the limits of V2 binary: at the limit, and not one more', () => {
    const long = (length: number) => 'x'.repeat(length);
    const base64 = (length: number) => encodeBase64url(encodeUtf8(long(length)));
    const many = (count: number, item: string) => Array.from({ length: count }, () => item).join();
    const cases = [
      [(n: number) => `{"l":"${long(n)}","i":"id",${tail}`, 'maxLocationBytes', 'ERR_LIMIT_LOCATION', 5],
      [(n: number) => `{"i":"${long(n)}",${tail}`, 'maxIdentifierBytes', 'ERR_LIMIT_IDENTIFIER', 5],
      [(n: number) => `{"i64":"${base64(n)}",${tail}`, 'maxIdentifierBytes', 'ERR_LIMIT_IDENTIFIER', 7],
      [(n: number) => `{"i":"id","c":[{"i":"${long(n)}"}],${tail}`, 'maxConditionBytes', 'ERR_LIMIT_CONDITION', 20],
      [(n: number) => `{"i":"id","c":[{"i":"c","v64":"${base64(n)}"}],${tail}`, 'maxConditionBytes', 'ERR_LIMIT_CONDITION', 30],
      [(n: number) => `{"i":"id","c":[{"i":"c","v":"v","l":"${long(n)}"}],${tail}`, 'maxLocationBytes', 'ERR_LIMIT_LOCATION', 36],
      [(n: number) => `{"i":"id","c":[${many(n, '{"i":"c"}')}],${tail}`, 'maxCaveats', 'ERR_LIMIT_CAVEATS', 15 + 10 * 64],
      [(n: number) => `[${many(n + 1, `{"i":"id",${tail}`)}]`, 'maxDischarges', 'ERR_LIMIT_DISCHARGES', 1 + 63 * 17],
      [(n: number) => `{"i":"id",${tail}`.padEnd(n), 'maxImportLength', 'ERR_LIMIT_TEXT', limits.maxImportLength],
    ] as const;
    for (const [make, name, code, offset] of cases) {
      expect(decodeV2Json(make(limits[name])).root.signature).toHaveLength(32);
      expect(errorOf(() => decodeV2Json(make(limits[name] + 1)))).toMatchObject({ code, offset, limit: limits[name] });
    }
  });
});
