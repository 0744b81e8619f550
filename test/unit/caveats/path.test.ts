import { describe, expect, it } from 'vitest';
import { isCanonicalPath, isCanonicalTarget, isCanonicalTargetAt, pathCovers } from '../../../src/caveats/path.js';
import { limits } from '../../../src/core/index.js';
import { campaignSize, runCases } from '../../fuzz/mutate.js';

describe('isCanonicalPath', () => {
  it.each([
    '/',
    '/invoices',
    '/invoices/',
    '/invoices/7',
    '/a/b/c/d',
    '/caf%C3%A9',
    '/a%20b',
    '/a%2Cb',
    '/a%3Fb',
    '/a%5Bb%5D',
    "/-._~!$&'()*+,;=:@",
    '/...',
    '/.well-known/x',
    '/..a',
    '/a..',
    '/a;v=1',
    '/a;..',
    '/%F0%9F%A6%8A',
  ])('takes %s', (path) => {
    expect(isCanonicalPath(path)).toBe(true);
  });

  it.each([
    ['', 'empty'],
    ['invoices', 'no slash at the start'],
    ['*', 'the asterisk form'],
    ['http://invoice.example/invoices', 'the absolute form'],
    ['//', 'an empty segment'],
    ['//invoices', 'an empty first segment'],
    ['/invoices//7', 'an empty segment inside'],
    ['/invoices//', 'two slashes at the end'],
    ['/.', 'a dot segment'],
    ['/..', 'a dot-dot segment'],
    ['/invoices/.', 'a dot segment at the end'],
    ['/invoices/./7', 'a dot segment inside'],
    ['/invoices/../admin', 'a dot-dot segment inside'],
    ['/invoices/..', 'a dot-dot segment at the end'],
    ['/invoices/..;/admin', 'dot-dot before a parameter'],
    ['/invoices/..;a=b/admin', 'dot-dot before a named parameter'],
    ['/invoices/.;/admin', 'a dot before a parameter'],
    ['/invoices/..%3B/admin', 'dot-dot before an encoded semicolon'],
    ['/invoices/%2E%2E/admin', 'encoded dots'],
    ['/invoices/.%2E/admin', 'one encoded dot'],
    ['/invoices/%2e%2e/admin', 'encoded dots in lower case'],
    ['/invoices%2F7', 'an encoded slash'],
    ['/invoices%2f7', 'an encoded slash in lower case'],
    ['/invoices%5C7', 'an encoded backslash'],
    ['/invoices\\7', 'a backslash'],
    ['/invoices%252F7', 'an encoded percent sign'],
    ['/invoices%00', 'an encoded NUL'],
    ['/invoices%0A', 'an encoded line feed'],
    ['/invoices%1F', 'an encoded control character'],
    ['/invoices%7F', 'an encoded delete'],
    ['/invoices%C2%85', 'an encoded C1 control character'],
    ['/%41dmin', 'an encoded letter'],
    ['/%7Euser', 'an encoded tilde'],
    ['/%2D', 'an encoded hyphen'],
    ['/%5F', 'an encoded underscore'],
    ['/%30', 'an encoded digit'],
    ['/caf%c3%a9', 'encoding in lower case'],
    ['/caf%C3%a9', 'encoding in mixed case'],
    ['/a%', 'a percent sign alone'],
    ['/a%2', 'half an encoding'],
    ['/a%GG', 'an encoding of nothing'],
    ['/a%u0041', 'an encoding that is no standard'],
    ['/%C0%AF', 'an overlong slash'],
    ['/%C0%AE%C0%AE/admin', 'overlong dots'],
    ['/%E0%80%AF', 'a longer overlong slash'],
    ['/%ED%A0%80', 'an encoded surrogate'],
    ['/caf%E9', 'encoding that is not UTF-8'],
    ['/a?b=c', 'a query'],
    ['/a#b', 'a fragment'],
    ['/a b', 'a space'],
    ['/a\tb', 'a tab'],
    ['/a\n', 'a line feed at the end'],
    ['/café', 'a character that is not ASCII'],
    ['/a[b]', 'brackets'],
    ['/a"b', 'a quotation mark'],
    ['/a^b', 'a caret'],
    ['/a|b', 'a bar'],
    ['/a`b', 'a backtick'],
    ['/a{b}', 'braces'],
    ['/a<b>', 'angle brackets'],
  ])('refuses %j: %s', (path) => {
    expect(isCanonicalPath(path)).toBe(false);
  });

  it('decides for every encoded octet of ASCII', () => {
    const takenCharacters = Array.from({ length: 128 }, (_, code) => code)
      .filter((code) => isCanonicalPath(`/%${code.toString(16).toUpperCase().padStart(2, '0')}`))
      .map((code) => String.fromCharCode(code))
      .join('');
    expect(takenCharacters).toBe(' !"#$&\'()*+,:;<=>?@[]^`{|}');
  });

  it('decides for every octet as it is', () => {
    const takenCharacters = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).filter((character) =>
      isCanonicalPath(`/a${character}a`),
    );
    expect(takenCharacters.join('')).toBe("!$&'()*+,-./0123456789:;=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~");
  });

  it('takes no longer for a long path that is refused', () => {
    expect(isCanonicalPath(`/${'a/'.repeat(limits.maxPathLength / 2 - 1)}%`)).toBe(false);
    expect(isCanonicalPath(`/${'%C3%A9'.repeat(limits.maxPathLength / 6 - 1)}%C3`)).toBe(false);
  });

  it('refuses a path that is longer than its limit, however long, and throws for none', () => {
    expect(isCanonicalPath('/'.padEnd(limits.maxPathLength, 'a'))).toBe(true);
    expect(isCanonicalPath('/'.padEnd(limits.maxPathLength + 1, 'a'))).toBe(false);
    expect(isCanonicalPath('/'.padEnd(10_000_000, 'a'))).toBe(false);
  });
});

describe('pathCovers', () => {
  it.each([
    ['/invoices', '/invoices', true],
    ['/invoices', '/invoices/', true],
    ['/invoices', '/invoices/7', true],
    ['/invoices', '/invoices2', false],
    ['/invoices', '/invoices;v=1', false],
    ['/invoices', '/invoices.json', false],
    ['/invoices', '/invoice', false],
    ['/invoices', '/Invoices', false],
    ['/invoices', '/v1/invoices', false],
    ['/invoices', '/', false],
    ['/invoices/', '/invoices/', true],
    ['/invoices/', '/invoices/7', true],
    ['/invoices/', '/invoices', false],
    ['/invoices/', '/invoices7/', false],
    ['/invoices', '/v1/invoi/invoices', false],
    ['/b/', '/a/b/', false],
    ['/invoices/of/a/long/name', '/invoices/of/a/long/name/7', true],
    ['/invoices/of/a/long/name', '/invoices/of/a/long/nam%C3/7', false],
    ['/invoices', `/invoices/${'7'.repeat(200)}`, true],
    ['/invoices', `/v1/invo/invoices/${'7'.repeat(200)}`, false],
    ['/', '/', true],
    ['/', '/anything/below', true],
  ])('%s covers %s: %s', (prefix, path, expected) => {
    expect(pathCovers(prefix, path)).toBe(expected);
  });

  it('tells of a long path by its beginning alone', () => {
    const path = '/x'.repeat(limits.maxPathLength / 2);
    const prefix = `/x/y${'/x'.repeat(limits.maxConditionBytes / 2 - 10)}`;
    const before = process.cpuUsage();
    for (let i = 0; i < 2000; i++) expect(pathCovers(prefix, path)).toBe(false);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(400);
  });

  it('looks at the beginning of a short path alone too', () => {
    const path = '/b'.repeat(64);
    let covered = 0;
    const startMs = performance.now();
    for (let i = 0; i < 1_000_000; i++) if (pathCovers('/a', path)) covered++;
    expect(covered).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(150);
  });
});

describe('isCanonicalTargetAt', () => {
  const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
  /** What it says of `text` amid other bytes, which must be what is said of the text itself. */
  function saidOf(text: string): boolean {
    const said = isCanonicalTargetAt(bytesOf(`x/${text}/..`), 2, 2 + text.length);
    expect(said, text).toBe(isCanonicalTarget(text));
    return said;
  }

  it('says of bytes what isCanonicalTarget says of their text', async () => {
    const parts = [
      '/',
      '/',
      'a',
      '.',
      '..',
      ';',
      '?',
      '%41',
      '%20',
      '%2F',
      '%3B',
      '%',
      '#',
      ' ',
      '\x7f',
      '\x00',
      'é',
      '~',
      '|',
      '"',
    ];
    const good = await runCases(campaignSize(20_000, 1_000_000), 93, (random) =>
      saidOf(`${random.chance(0.9) ? '/' : ''}${Array.from({ length: random.below(8) }, () => random.pick(parts)).join('')}`),
    );
    expect(good).toBeGreaterThan(1_000);
  });

  it('knows every byte, anywhere in a path and in a query', () => {
    for (let code = 0; code < 256; code++) {
      const character = String.fromCharCode(code);
      for (const text of [character, `/${character}`, `/a${character}`, `/${character}a`, `/?${character}`]) saidOf(text);
    }
  });

  it('takes no path that is longer than one may be, with a query or without', () => {
    const longest = `/${'a'.repeat(limits.maxPathLength - 1)}`;
    for (const query of ['', '?', '?a=1']) {
      expect(saidOf(`${longest}${query}`)).toBe(true);
      expect(saidOf(`${longest}a${query}`)).toBe(false);
    }
  });
});
