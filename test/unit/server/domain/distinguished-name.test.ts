import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalSubject, formatName, type NameAttribute } from '../../../../src/server/domain/distinguished-name.js';

const refused = expect.objectContaining({ code: 'ERR_ARGUMENT', argument: 'subject' });

describe('canonicalSubject', () => {
  it.each([
    ['/CN=localhost/O=MailServer', 'O=MailServer,CN=localhost'],
    ['O=MailServer,CN=localhost', 'O=MailServer,CN=localhost'],
    ['o=MailServer,cn=localhost', 'O=MailServer,CN=localhost'],
    ['/O=A, B/CN=a\\/b', 'CN=a/b,O=A\\, B'],
    ['CN=a\\2Cb\\,c', 'CN=a\\,b\\,c'],
    ['CN=\\C3\\A9t\\C3\\A9', 'CN=été'],
    ['CN=x=y', 'CN=x=y'],
    ['CN=\\ a\\ ', 'CN=\\ a\\ '],
    ['CN=\\#1', 'CN=\\#1'],
    ['CN=a\\00b', 'CN=a\\00b'],
    ['OU=z+CN=a,O=x', 'CN=a+OU=z,O=x'],
    ['/O=C\\+\\+ Ltd', 'O=C\\+\\+ Ltd'],
    ['EMAILADDRESS=a@b.example,dc=example,DC=com', 'emailAddress=a@b.example,DC=example,DC=com'],
  ])('reads %s as %s', (text, canonical) => {
    expect(canonicalSubject(text)).toBe(canonical);
  });

  it.each([
    ['nothing', ''],
    ['nothing after a slash', '/'],
    ['an empty value', 'CN='],
    ['an empty value inside', '/CN=/O=x'],
    ['an empty set', 'CN=a,,O=x'],
    ['an end without a set', 'CN=a,'],
    ['no attribute name', 'localhost'],
    ['an attribute name that is unknown', 'XX=a'],
    ['an object identifier', '2.5.4.3=a'],
    ['a slash in a value of the form with slashes', '/CN=a/b'],
    ['the form that openssl prints by default, which runs the other way', 'CN = localhost, O = MailServer'],
    ['a space after a comma', 'O=MailServer, CN=localhost'],
    ['a space at the end', 'CN=a '],
    ['a space at the end after an escaped backslash', 'CN=a\\\\ '],
    ['a value in hexadecimal digits', 'CN=#0C0161'],
    ['quotes', 'CN="a"'],
    ['a semicolon', 'CN=a;O=x'],
    ['a bare plus in the form with slashes', '/CN=a+OU=b'],
    ['a bare plus in a value', 'O=C+,CN=a'],
    ['an attribute twice in a set', 'CN=a+CN=b'],
    ['a backslash at the end', 'CN=a\\'],
    ['a backslash before a letter', 'CN=\\x'],
    ['half an escape of a byte', 'CN=\\4'],
    ['bytes that are not UTF-8', 'CN=\\FF'],
    ['a line feed', 'CN=a\nb'],
    ['too much', `CN=${'a'.repeat(1024)}`],
  ])('refuses %s', (_what, text) => {
    expect(() => canonicalSubject(text)).toThrow(refused);
  });

  it('gives back every name that a certificate may hold, and tells any two apart', () => {
    const attribute = fc.record({
      oid: fc.constantFrom('2.5.4.3', '2.5.4.10', '2.5.4.11'),
      value: fc.oneof(
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
        fc.string({ unit: fc.constantFrom(...' ,+=#\\/";<>\0\n0Aé'), minLength: 1, maxLength: 6 }),
      ),
    });
    const set = fc.uniqueArray(attribute, { selector: ({ oid }) => oid, minLength: 1, maxLength: 3 });
    const name = fc.array(set, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(name, name, (one, other) => {
        const text = formatName(one);
        expect(canonicalSubject(text)).toBe(text);
        expect(formatName(other) === text).toBe(sorted(other) === sorted(one));
      }),
    );
  });

  it('shows a value that is not text, or has no short name, as its DER', () => {
    const attributes: readonly NameAttribute[] = [{ oid: '1.2.3', value: Uint8Array.of(0x0c, 1, 0x61) }];
    expect(formatName([attributes, [{ oid: '2.5.4.3', value: Uint8Array.of(0x1e, 0) }]])).toBe('CN=#1E00,1.2.3=#0C0161');
  });
});

function sorted(name: readonly (readonly NameAttribute[])[]): string {
  return JSON.stringify(name.map((set) => set.map(({ oid, value }) => `${oid} ${value}`).sort()));
}
