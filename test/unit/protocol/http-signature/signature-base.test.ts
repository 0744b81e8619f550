import { describe, expect, it } from 'vitest';
import { decodeUtf8 } from '../../../../src/core/index.js';
import { headerFields } from '../../../../src/protocol/header-fields.js';
import {
  parseComponent,
  type SignedMessage,
  type SignedRequest,
  signatureBase,
} from '../../../../src/protocol/http-signature/index.js';
import { errorOf } from '../../core/samples.js';

function request(targetUri: string, headers: readonly (readonly [string, string])[] = []): SignedRequest {
  return { kind: 'request', method: 'POST', targetUri, headers: headerFields(headers) };
}

function baseOf(message: SignedMessage, ...components: readonly string[]): string {
  return decodeUtf8(signatureBase(message, components.map(parseComponent), '()'));
}

function componentValue(message: SignedMessage, component: string): string {
  return baseOf(message, component).slice(`${component}: `.length, -'\n"@signature-params": ()'.length);
}

function codeOf(message: SignedMessage, ...components: readonly string[]): string {
  return errorOf(() => baseOf(message, ...components)).code;
}

const plain = request('https://issuer.example/v1/tokens?a=1', [
  ['X', 'y'],
  ['Dict', 'a=1, b=(1 2)'],
]);
const response: SignedMessage = { kind: 'response', status: 204, headers: headerFields([['X', 'z']]), request: plain };

describe('derived components', () => {
  it.each([
    ['https://Example.COM:443/x', '"@authority"', 'example.com'],
    ['http://example.com:80/x', '"@authority"', 'example.com'],
    ['http://example.com:443/x', '"@authority"', 'example.com:443'],
    ['https://example.com:8443', '"@authority"', 'example.com:8443'],
    ['https://[2001:DB8::1]:443/', '"@authority"', '[2001:db8::1]'],
    ['HTTPS://example.com', '"@scheme"', 'https'],
    ['https://example.com', '"@path"', '/'],
    ['https://example.com', '"@request-target"', '/'],
    ['https://example.com?a', '"@request-target"', '/?a'],
    ['https://example.com/a/../b%2f', '"@path"', '/a/../b%2f'],
    ['https://example.com/?', '"@query"', '?'],
    ['https://example.com/a?b?c', '"@query"', '?b?c'],
    ['https://example.com/?a&b=1&&c=%7e~!', '"@query-param";name="a"', ''],
    ['https://example.com/?a&b=1&&c=%7e~!', '"@query-param";name="c"', '%7E%7E%21'],
  ])('of %s: %s is %s', (targetUri, component, value) => {
    expect(componentValue(request(targetUri), component)).toBe(value);
  });

  it.each([
    '/v1/tokens',
    'ftp://example.com/',
    'https://',
    'https://user@example.com/',
    'https://example.com/#x',
    '//example.com/',
    '*',
  ])('refuses the target %s', (targetUri) => {
    expect(codeOf(request(targetUri), '"@path"')).toBe('ERR_MESSAGE_SIGNATURE');
  });

  it.each([
    ['a query parameter that is not there', '?a=1', 'b'],
    ['one that is there twice', '?a=1&a=2', 'a'],
    ['one that is there twice, spelled differently', '?a=1&%61=2', 'a'],
    ['a name that is not encoded as it must be', '?%C3%A7=1', '%c3%a7'],
    ['a query that is no UTF-8', '?a=%ff', 'a'],
    ['a query with a broken escape', '?%zz=1&a=1', 'a'],
  ])('refuses %s', (_, query, name) => {
    expect(codeOf(request(`https://example.com/${query}`), `"@query-param";name="${name}"`)).toBe('ERR_MESSAGE_SIGNATURE');
  });

  it.each([
    '"@status"',
    '"@unknown"',
    '"@signature-params"',
    '"@Method"',
    '"@query-param"',
    '"@query-param";name=a',
    '"@method";req',
    '"@method";name="x"',
    '"@method";sf',
    '"@method";key="x"',
    '"@method";bs',
    '"@method";tr',
    '"@method";req=?0',
  ])('refuses %s of a request', (component) => {
    expect(codeOf(plain, component)).toBe('ERR_MESSAGE_SIGNATURE');
  });

  it.each(['"@method"', '"@target-uri"', '"@status";req', '"@path"', '"@query-param";name="a"'])(
    'refuses %s of a response',
    (component) => {
      expect(codeOf(response, component)).toBe('ERR_MESSAGE_SIGNATURE');
    },
  );

  it('takes ;req from the request that is answered', () => {
    expect(componentValue(response, '"@status"')).toBe('204');
    expect(componentValue(response, '"@target-uri";req')).toBe('https://issuer.example/v1/tokens?a=1');
    expect(componentValue(response, '"x"')).toBe('z');
    expect(componentValue(response, '"x";req')).toBe('y');
    expect(componentValue(response, '"dict";req;key="b"')).toBe('(1 2)');
    expect(componentValue(response, '"@query-param";req;name="a"')).toBe('1');
  });
});

describe('fields', () => {
  it.each([
    ['"absent"'],
    ['"X"'],
    ['"x "'],
    ['""'],
    ['"x";req'],
    ['"x";tr'],
    ['"x";unknown'],
    ['"x";name="a"'],
    ['"x";sf;bs'],
    ['"x";bs;key="a"'],
    ['"x";sf=1'],
    ['"x";key=a'],
    ['"x";key'],
    ['"dict";key="c"'],
  ])('refuses %s', (component) => {
    expect(codeOf(plain, component)).toBe('ERR_MESSAGE_SIGNATURE');
  });

  it.each([
    ['a line break', 'a\nb'],
    ['a line of its own', 'a\n"@method": GET'],
    ['a carriage return', 'a\rb'],
    ['a zero', 'a\0b'],
    ['a letter beyond ASCII', 'é'],
  ])('refuses a value with %s', (_, value) => {
    expect(codeOf(request('https://a.example/', [['v', value]]), '"v"')).toBe('ERR_MESSAGE_SIGNATURE');
  });

  it('wraps any byte with ;bs, and refuses what is no byte', () => {
    expect(componentValue(request('https://a.example/', [['v', ' é\n']]), '"v";bs')).toBe(':6Qo=:');
    expect(codeOf(request('https://a.example/', [['v', '€']]), '"v";bs')).toBe('ERR_MESSAGE_SIGNATURE');
  });

  it('removes blanks at both ends of every line, tabs too, and folds', () => {
    const message = request('https://a.example/', [
      ['v', '\t a \r\n\t b\n c '],
      ['V', ' '],
    ]);
    expect(componentValue(message, '"v"')).toBe('a b c, ');
  });

  it('takes linear time for long runs of blanks', () => {
    const value = `a${' '.repeat(500_000)}b`;
    const startedMs = performance.now();
    expect(componentValue(request('https://a.example/', [['v', value]]), '"v"')).toBe(value);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });
});

describe('the base', () => {
  it('refuses a component that is covered twice, whatever the order of its parameters', () => {
    expect(codeOf(plain, '"@method"', '"x"', '"@method"')).toBe('ERR_MESSAGE_SIGNATURE');
    expect(codeOf(response, '"dict";req;key="a"', '"dict";key="a";req')).toBe('ERR_MESSAGE_SIGNATURE');
    expect(baseOf(response, '"dict";req;key="a"', '"dict";key="b";req', '"x"', '"x";req').split('\n')).toHaveLength(5);
  });

  it('keeps the order of components', () => {
    expect(baseOf(plain, '"x"', '"@method"')).toBe('"x": y\n"@method": POST\n"@signature-params": ()');
  });
});
