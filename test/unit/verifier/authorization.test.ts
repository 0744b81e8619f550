import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addFirstPartyCaveat, addThirdPartyCaveat, bindForRequest, encodeUtf8, mint } from '../../../src/core/index.js';
import { readAuthorization } from '../../../src/verifier/index.js';
import { seededRandom } from '../../fuzz/mutate.js';
import { forgedKey, macaroonOf, textOf, tokenOf } from './samples.js';

const text = tokenOf();

describe('readAuthorization', () => {
  it.each<[string, 'Macaroon' | 'Bearer']>([
    ['Macaroon', 'Macaroon'],
    ['macaroon', 'Macaroon'],
    ['MACAROON', 'Macaroon'],
    ['Bearer', 'Bearer'],
    ['bearer', 'Bearer'],
  ])('takes the token of scheme %s', (written, scheme) => {
    expect(readAuthorization([`${written} ${text}`])).toEqual({ ok: true, scheme, text });
  });

  it.each<[string, readonly string[], string]>([
    ['no header', [], 'missing'],
    ['another scheme', ['Basic bWFpbDp4'], 'other-scheme'],
    ['a scheme that begins alike', [`Macaroons ${text}`], 'other-scheme'],
    ['the token alone', [text], 'other-scheme'],
    ['an empty header', [''], 'other-scheme'],
    ['two headers', [`Macaroon ${text}`, `Macaroon ${text}`], 'repeated'],
    ['an empty second header', [`Macaroon ${text}`, ''], 'repeated'],
    ['two headers joined by a comma', [`Macaroon ${text}, Macaroon ${text}`], 'repeated'],
    ['two headers joined by a comma, the first of another scheme', [`Basic x, Macaroon ${text}`], 'repeated'],
    ['no token', ['Macaroon'], 'malformed'],
    ['an empty token', ['Macaroon '], 'malformed'],
    ['two spaces', [`Macaroon  ${text}`], 'malformed'],
    ['a tab', [`Macaroon\t${text}`], 'other-scheme'],
    ['something after the token', [`Macaroon ${text} `], 'malformed'],
    ['a quoted token', [`Macaroon "${text}"`], 'malformed'],
  ])('refuses %s', (_, values, fault) => {
    expect(readAuthorization(values)).toEqual({ ok: false, fault });
  });

  it.each(['request-required', 'request GET h /p d 1 n', 'cnf jkt:AAAA'])('refuses Bearer for a token with "%s"', (condition) => {
    const bound = tokenOf({ conditions: ['method GET', condition] });
    expect(readAuthorization([`Bearer ${bound}`])).toEqual({ ok: false, fault: 'bearer-not-allowed' });
    expect(readAuthorization([`Macaroon ${bound}`])).toMatchObject({ ok: true, scheme: 'Macaroon' });
  });

  it('refuses Bearer for such a caveat in a discharge too', () => {
    const identifier = encodeUtf8('ask');
    const root = addThirdPartyCaveat(macaroonOf(), { key: forgedKey, identifier }, seededRandom(6).bytes);
    const discharge = addFirstPartyCaveat(mint(forgedKey, identifier), 'cnf jkt:AAAA');
    const value = `Bearer ${textOf(root, [bindForRequest(root, discharge)])}`;
    expect(readAuthorization([value])).toEqual({ ok: false, fault: 'bearer-not-allowed' });
  });

  it('takes Bearer for caveats that only begin alike, and leaves what is no token to the verifier', () => {
    expect(readAuthorization([`Bearer ${tokenOf({ conditions: ['requested x', 'cnf-x y'] })}`])).toMatchObject({ ok: true });
    expect(readAuthorization(['Bearer abc'])).toEqual({ ok: true, scheme: 'Bearer', text: 'abc' });
  });

  it('throws for no header at all, and never returns a text that could be two', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 }), (values) => {
        const result = readAuthorization(values);
        if (result.ok) expect(result.text).toMatch(/^[\w.~+/=-]+$/);
      }),
    );
  });
});
