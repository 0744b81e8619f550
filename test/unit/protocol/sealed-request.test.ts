import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { addThirdPartyCaveat, bindForRequest, decode, encode, encodeUtf8, MacaroonKey, mint } from '../../../src/core/index.js';
import { headerFields } from '../../../src/protocol/header-fields.js';
import { AnswerKey, answerKeyOf } from '../../../src/protocol/sealed-answer.js';
import { type RequestToSeal, requestContent, requestDigest, sealOf, sealRequest } from '../../../src/protocol/sealed-request.js';
import { macaroonOf, nowMs, textOf, tokenId, tokenOf } from '../verifier/samples.js';

const tools = { clock: () => nowMs + 0.7, randomBytes: (length: number) => new Uint8Array(length).fill(0xab) };
const request: RequestToSeal = {
  method: 'POST',
  authority: 'invoice.example:8443',
  target: '/invoices?draft=1',
  contentType: 'application/json',
  body: encodeUtf8('{"sum":42}'),
};

/** LP of a text, by other means than ours. */
function lp(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

describe('requestDigest', () => {
  it.each([
    [{ contentType: 'application/json', body: encodeUtf8('{"sum":42}') }, 'application/json', '', '{"sum":42}'],
    [{ contentType: 'text/plain', contentEncoding: 'gzip', body: encodeUtf8('x') }, 'text/plain', 'gzip', 'x'],
    [{ body: new Uint8Array(0) }, '', '', ''],
  ])('is SHA-256 of type, encoding and body: %#', (content, type, encoding, body) => {
    const expected = createHash('sha256').update(Buffer.concat([lp(type), lp(encoding), Buffer.from(body)]));
    expect(requestDigest(content)).toBe(expected.digest('base64url'));
  });

  it('tells apart what concatenation would not', () => {
    const digests = [
      { contentType: 'ab', contentEncoding: 'c', body: encodeUtf8('d') },
      { contentType: 'a', contentEncoding: 'bc', body: encodeUtf8('d') },
      { contentType: 'abc', contentEncoding: '', body: encodeUtf8('d') },
      { contentType: 'ab', contentEncoding: '', body: encodeUtf8('cd') },
    ].map(requestDigest);
    expect(new Set(digests).size).toBe(4);
  });

  it('is over fields as they came', () => {
    const body = new Uint8Array(0);
    expect(requestContent(headerFields([['Content-Type', 'a/b']]), body)).toMatchObject({ contentType: 'a/b' });
    const twice = headerFields([
      ['Content-Type', 'a/b'],
      ['content-type', 'c/d'],
    ]);
    expect(requestContent(twice, body)).toMatchObject({ contentType: 'a/b\nc/d', contentEncoding: undefined });
  });
});

describe('sealRequest', () => {
  it('adds the one caveat, and derives the key of the answer from the signature before it', () => {
    const token = decode(tokenOf());
    const sealed = sealRequest(tokenOf(), request, tools);
    const nonce = Buffer.alloc(32, 0xab).toString('base64url');
    const condition = `request POST invoice.example:8443 /invoices?draft=1 ${requestDigest(request)} ${nowMs} ${nonce}`;
    const { root } = decode(sealed.text);
    expect(sealOf(root)).toBe(condition);
    expect(root.caveats).toHaveLength(1);
    const hmac = (key: Uint8Array, data: Uint8Array) => createHmac('sha256', key).update(data).digest();
    expect(Buffer.from(root.signature)).toEqual(hmac(token.root.signature, Buffer.from(condition)));
    const expected = hmac(token.root.signature, Buffer.concat([Buffer.alloc(1), Buffer.from('macaroond/response/v1')]));
    expect(Buffer.from(sealed.answerKey.reveal())).toEqual(expected);
    expect(sealed).toMatchObject({ tokenId, nonce, sentAtMs: nowMs });
    expect(sealed.text).not.toContain(Buffer.from(token.root.signature).toString('base64url'));
    expect(JSON.stringify(sealed)).toContain('[redacted]');
  });

  it('binds discharges to the sealed token', () => {
    const key = new MacaroonKey(new Uint8Array(32).fill(1));
    const root = addThirdPartyCaveat(macaroonOf(), { key, identifier: encodeUtf8('id') }, tools.randomBytes);
    const discharge = mint(key, encodeUtf8('id'));
    const { root: sealed, discharges } = decode(sealRequest(textOf(root), request, tools, [discharge]).text);
    expect(discharges[0]?.signature).toEqual(bindForRequest(sealed, discharge).signature);
  });

  it('refuses a token that is sealed, or that holds bound discharges', () => {
    const argument = expect.objectContaining({ code: 'ERR_ARGUMENT', argument: 'text' });
    expect(() => sealRequest(sealRequest(tokenOf(), request, tools).text, request, tools)).toThrow(argument);
    const withDischarge = encode({
      root: macaroonOf(),
      discharges: [mint(new MacaroonKey(new Uint8Array(32)), encodeUtf8('x'))],
    });
    expect(() => sealRequest(withDischarge, request, tools)).toThrow(argument);
  });

  it.each<[Partial<RequestToSeal>]>([
    [{ method: 'post' }],
    [{ method: '' }],
    [{ authority: 'Invoice.example' }],
    [{ authority: 'invoice.example/' }],
    [{ authority: '' }],
    [{ authority: 'invoice.example:0443' }],
    [{ authority: 'invoice.example:99999' }],
    [{ target: 'invoices' }],
    [{ target: '/a/../b' }],
    [{ target: '//a' }],
    [{ target: '/%7Ea' }],
    [{ target: '/a b' }],
    [{ target: '/a?b c' }],
    [{ target: '/a?b#c' }],
    [{ target: '/a?\u00e9' }],
    [{ target: '/a\n' }],
  ])('refuses %j', (change) => {
    const error = expect.objectContaining({ code: 'ERR_ARGUMENT', argument: 'request' });
    expect(() => sealRequest(tokenOf(), { ...request, ...change }, tools)).toThrow(error);
  });

  it('refuses a target that no condition can hold', () => {
    const long = { ...request, target: `/${'a'.repeat(900)}` };
    expect(() => sealRequest(tokenOf(), long, tools)).toThrow(expect.objectContaining({ code: 'ERR_LIMIT_CONDITION' }));
    expect(decode(sealRequest(tokenOf(), { ...request, target: `/${'a'.repeat(800)}` }, tools).text).root.caveats).toHaveLength(
      1,
    );
  });

  it('leaves open what is in a query', () => {
    const target = '/a?x=[1]&y={"z":"%2e%2E/../|"}?';
    expect(sealOf(decode(sealRequest(tokenOf(), { ...request, target }, tools).text).root)).toContain(` ${target} `);
  });
});

describe('the key of answers', () => {
  it('shows itself to nobody', () => {
    const key = answerKeyOf(macaroonOf().signature);
    expect(key).toBeInstanceOf(AnswerKey);
    expect([String(key), JSON.stringify({ key })]).toEqual(['[redacted]', '{"key":"[redacted]"}']);
  });
});
