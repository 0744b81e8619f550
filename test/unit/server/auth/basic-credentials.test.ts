import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBasicScheme, parseBasicCredentials } from '../../../../src/server/auth/basic-credentials.js';
import { basicAuthorization } from '../../../../src/transport/proofs/basic.js';

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

describe('parseBasicCredentials', () => {
  it.each([
    ['plain', `Basic ${base64('mail:secret')}`, { id: 'mail', secret: 'secret' }],
    ['a scheme in another case', `bAsIc ${base64('mail:secret')}`, { id: 'mail', secret: 'secret' }],
    ['a colon in the secret', `Basic ${base64('mail:a:b')}`, { id: 'mail', secret: 'a:b' }],
    ['form-url-encoding', `Basic ${base64('ma%3Ail:a+b%2B%C3%A9')}`, { id: 'ma:il', secret: 'a b+é' }],
    ['UTF-8 as it is', `Basic ${base64('mail:ключ')}`, { id: 'mail', secret: 'ключ' }],
    ['a mark at the start', `Basic ${base64('\ufeffmail:x')}`, { id: '\ufeffmail', secret: 'x' }],
    ['an empty secret', `Basic ${base64('mail:')}`, { id: 'mail', secret: '' }],
  ])('reads %s', (_, header, expected) => {
    expect(parseBasicCredentials(header)).toEqual(expected);
  });

  it('reads nothing of what was read before', () => {
    expect(parseBasicCredentials(`Basic ${base64(`mail:${'s'.repeat(700)}`)}`)?.secret).toHaveLength(700);
    expect(parseBasicCredentials(`Basic ${base64('mail:x')}`)).toEqual({ id: 'mail', secret: 'x' });
    for (const header of ['Basic ', `Basic ${base64('mail')}`, 'Basic bWFpbDp', `Basic ${base64('x'.repeat(2000))}`]) {
      expect(parseBasicCredentials(header)).toBeUndefined();
    }
  });

  it.each([
    ['another scheme', `Digest ${base64('mail:secret')}`],
    ['no space', `Basic${base64('mail:secret')}`],
    ['two spaces', `Basic  ${base64('mail:secret')}`],
    ['nothing after the scheme', 'Basic '],
    ['no colon', `Basic ${base64('mail')}`],
    ['missing padding', `Basic ${base64('mail:secret').replace(/=+$/, '')}`],
    ['needless padding', `Basic ${base64('mail:secret')}=`],
    ['base64url letters', 'Basic bWFpbDo_Pz8_'],
    ['stray trailing bits', 'Basic bWFpbDphYR=='],
    ['white space inside', 'Basic bWFp bDphYg=='],
    ['a tab after', `Basic ${base64('mail:secret')}\t`],
    ['letters that are not base64', 'Basic bWFp*bDphYg=='],
    ['bytes that are not UTF-8', `Basic ${Buffer.from([0x6d, 0x3a, 0xff]).toString('base64')}`],
    ['a broken escape', `Basic ${base64('mail:100%')}`],
    ['an escape of bytes that are not UTF-8', `Basic ${base64('mail:%FF')}`],
    ['two joined headers', `Basic ${base64('mail:secret')}, Basic ${base64('mail:secret')}`],
    ['an endless one', `Basic ${base64(`mail:${'a'.repeat(800)}`)}`],
  ])('refuses %s', (_, header) => {
    expect(parseBasicCredentials(header)).toBeUndefined();
  });

  it('reads back whatever a client of ours writes', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
        (client, secret) => {
          const header = basicAuthorization({ client, secret });
          fc.pre(header.length < 1024);
          expect(parseBasicCredentials(header)).toEqual({ id: client, secret });
        },
      ),
    );
  });

  it('accepts one spelling only: no change of one character reads as the same credentials', () => {
    const header = `Basic ${base64('mail:secret-1')}`;
    for (let i = 6; i < header.length; i++) {
      for (const letter of 'A+/=-_ b9') {
        if (header[i] === letter) continue;
        const changed = header.slice(0, i) + letter + header.slice(i + 1);
        expect(parseBasicCredentials(changed)).not.toEqual({ id: 'mail', secret: 'secret-1' });
      }
    }
  });
});

describe('isBasicScheme', () => {
  it.each(['Basic abc', 'basic ', 'BASIC'])('knows %j', (header) => expect(isBasicScheme(header)).toBe(true));
  it.each(['Bearer abc', 'Basically', 'Macaroon Basic', ''])('is not taken in by %j', (header) => {
    expect(isBasicScheme(header)).toBe(false);
  });
});
