import { describe, expect, it } from 'vitest';
import {
  encode,
  encodeBase64url,
  encodeV2,
  encodeV2Token,
  exportV2Json,
  importToken,
  limits,
  verifySignature,
} from '../../../src/core/index.js';
import { asking, asView, boundToken, dischargeBy, errorOf, faultOf, key, macaroonWith, tokenOf } from './samples.js';

describe('importToken', () => {
  const token = boundToken(asking(macaroonWith('action invoices:read'), 'auth'), [dischargeBy('auth', 'method GET')]);
  const bytes = encodeV2Token(token);
  const standard = Buffer.from(bytes).toString('base64');

  it.each([
    ['the text form', encode(token)],
    ['the bare payload', encodeBase64url(bytes)],
    ['padded base64', standard],
    ['V2 binary', bytes],
    ['a view of V2 binary', asView(bytes)],
    ['a Buffer of V2 binary', Buffer.from(bytes)],
    ['V2 JSON', JSON.stringify([token.root, ...token.discharges].map(exportV2Json))],
    ['V2 JSON after white space', ` \n\t${JSON.stringify([token.root, ...token.discharges].map(exportV2Json))}\n`],
  ])('reads %s as the same value', (_, input) => {
    expect(importToken(input)).toEqual(token);
    expect(encode(importToken(input))).toBe(encode(token));
    expect(verifySignature(importToken(input), key).ok).toBe(true);
  });

  it.each([
    ['an empty text', '', 'ERR_FORMAT_EMPTY', 0],
    ['no bytes', new Uint8Array(0), 'ERR_FORMAT_EMPTY', 0],
    ['padding alone', '====', 'ERR_FORMAT_BASE64', 0],
    ['words', 'not a token', 'ERR_FORMAT_TEXT', 3],
    ['a token after white space', ` ${encode(token)}`, 'ERR_FORMAT_TEXT', 0],
    ['a token before a line feed', `${encodeBase64url(bytes)}\n`, 'ERR_FORMAT_TEXT', encodeBase64url(bytes).length],
    ['a cut token', encode(token).slice(0, 90), 'ERR_FORMAT_CHECKSUM', 90],
    ['a JWT', 'eyJhbGciOiJub25lIn0.e30.', 'ERR_FORMAT_TEXT', 19],
    ['a JSON text', '"AgEE"', 'ERR_FORMAT_TEXT', 0],
    ['other base64', 'AAAA', 'ERR_FORMAT_VERSION', 0],
    ['V1 binary as text', '0010location x\n', 'ERR_FORMAT_TEXT', 12],
    ['other bytes', Uint8Array.of(7, 7), 'ERR_FORMAT_VERSION', 0],
    ['V2 with a byte too many', Uint8Array.from([...bytes, 0]), 'ERR_FORMAT_TRAILING', bytes.length],
  ])('refuses %s', (_, input, code, offset) => {
    expect(faultOf(() => importToken(input))).toEqual({ code, offset });
  });

  it.each([undefined, null, 7, [1, 2], {}])('throws ERR_ARGUMENT for what is neither text nor bytes: %j', (input: unknown) => {
    expect(errorOf(() => importToken(input as string))).toMatchObject({ code: 'ERR_ARGUMENT', argument: 'input' });
  });

  it('takes as much as its limit, and not one more; the text form keeps to its own', () => {
    const one = encodeV2(macaroonWith(...Array.from({ length: 60 }, () => `x ${'y'.repeat(limits.maxConditionBytes - 2)}`)));
    expect(importToken(one).root.caveats).toHaveLength(60);
    expect(errorOf(() => encode(importToken(one))).code).toBe('ERR_LIMIT_TEXT');
    const atLimit = 'A'.repeat(limits.maxImportLength);
    expect(errorOf(() => importToken(atLimit)).code).toBe('ERR_FORMAT_VERSION');
    for (const input of [`${atLimit}A`, new Uint8Array(limits.maxImportLength + 1)]) {
      expect(errorOf(() => importToken(input))).toMatchObject({ code: 'ERR_LIMIT_TEXT', limit: limits.maxImportLength });
    }
    const text = encode(tokenOf(macaroonWith())).padEnd(limits.maxTextLength + 1, 'A');
    expect(errorOf(() => importToken(text))).toMatchObject({ code: 'ERR_LIMIT_TEXT', limit: limits.maxTextLength });
  });
});
