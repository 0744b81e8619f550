import { describe, expect, it } from 'vitest';
import { headerFields } from '../../../../src/protocol/header-fields.js';
import { parseComponent, parseSignatures } from '../../../../src/protocol/http-signature/index.js';
import { errorOf } from '../../core/samples.js';

const signature = 'sig1=:AQID:';

function parse(input: string | readonly string[], signatures: string | readonly string[]) {
  const pairs: [string, string][] = [];
  for (const value of [input].flat()) pairs.push(['Signature-Input', value]);
  for (const value of [signatures].flat()) pairs.push(['Signature', value]);
  return parseSignatures(headerFields(pairs));
}

describe('parseSignatures', () => {
  it('finds none where there are no such headers', () => {
    expect(parseSignatures(headerFields([['date', 'today']]))).toEqual([]);
  });

  it('reads label, components, parameters and bytes', () => {
    const parameters = 'created=1;expires=2;nonce="n";keyid="k";alg="ed25519";tag="t";req-nonce="r"';
    const [only] = parse(`sig1=("@method";req "a");${parameters};other=1`, signature);
    expect(only).toMatchObject({
      label: 'sig1',
      parameters: { created: 1, expires: 2, nonce: 'n', keyid: 'k', alg: 'ed25519', tag: 't', reqNonce: 'r' },
      signature: new Uint8Array([1, 2, 3]),
      inputText: `("@method";req "a");${parameters};other=1`,
    });
    expect(only?.components.map(({ name, text }) => [name, text])).toEqual([
      ['@method', '"@method";req'],
      ['a', '"a"'],
    ]);
  });

  it('leaves out parameters that are not there', () => {
    expect(parse('sig1=()', signature)[0]?.parameters).toEqual({});
  });

  it('joins several fields of one name', () => {
    const labels = parse(['a=()', 'b=("@method")'], ['b=:AQ==:', 'a=:Ag==:']).map(({ label, signature: bytes }) => [
      label,
      bytes[0],
    ]);
    expect(labels).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
  });

  it('takes the value of @signature-params in its one spelling, however it was spaced', () => {
    expect(parse('sig1=(  "a"   "b" ); created=01', signature)[0]?.inputText).toBe('("a" "b");created=1');
  });

  it.each([
    ['an input without signature', 'a=()', []],
    ['a signature without input', [], 'a=:AQ==:'],
    ['another label', 'a=()', 'b=:AQ==:'],
    ['one label more', 'a=(), b=()', 'a=:AQ==:'],
    ['one signature more', 'a=()', 'a=:AQ==:, b=:AQ==:'],
    ['one label twice in two fields', ['a=()', 'a=()'], 'a=:AQ==:'],
    ['an empty input', '', 'a=:AQ==:'],
    ['an input that is no list', 'a=1', 'a=:AQ==:'],
    ['a signature that is a string', 'a=()', 'a="AQ=="'],
    ['a signature that is a list', 'a=()', 'a=(:AQ==:)'],
    ['a signature of 1025 bytes', 'a=()', `a=:${Buffer.alloc(1025).toString('base64')}:`],
    ['a component that is a token', 'a=(b)', 'a=:AQ==:'],
    ['a component that is a number', 'a=(1)', 'a=:AQ==:'],
    ['created as a string', 'a=();created="1"', 'a=:AQ==:'],
    ['created as a fraction', 'a=();created=1.5', 'a=:AQ==:'],
    ['a negative created', 'a=();created=-1', 'a=:AQ==:'],
    ['expires as a boolean', 'a=();expires', 'a=:AQ==:'],
    ['a nonce of bytes', 'a=();nonce=:AQ==:', 'a=:AQ==:'],
    ['a keyid that is a token', 'a=();keyid=k', 'a=:AQ==:'],
    ['an alg that is a token', 'a=();alg=ed25519', 'a=:AQ==:'],
    ['a tag that is a number', 'a=();tag=1', 'a=:AQ==:'],
    ['a req-nonce that is a number', 'a=();req-nonce=1', 'a=:AQ==:'],
    ['a nonce given twice', 'a=();nonce="a";nonce="b"', 'a=:AQ==:'],
  ])('refuses %s', (_, input, signatures) => {
    expect(errorOf(() => parse(input, signatures)).code).toBe('ERR_MESSAGE_SIGNATURE');
  });
});

describe('parseComponent', () => {
  it('keeps "content-digest";req apart from "content-digest"', () => {
    expect(parseComponent('"content-digest";req').text).not.toBe(parseComponent('"content-digest"').text);
  });

  it.each(['@method', '"a" "b"', '("a")', ''])('refuses %j', (text) => {
    expect(errorOf(() => parseComponent(text)).code).toBe('ERR_MESSAGE_SIGNATURE');
  });
});
