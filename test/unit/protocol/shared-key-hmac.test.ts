/** The bytes of `shared_key_hmac`: values that Python's `hmac` made from the description, no two messages with the same bytes, strict headers. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, encodeBase64url, encodeHex, encodeUtf8, lengthPrefixed } from '../../../src/core/index.js';
import {
  answerMac,
  derivePrivateKey,
  enrolmentMac,
  formatMacFields,
  isMacKeyText,
  readMacFields,
  requestMac,
} from '../../../src/protocol/shared-key-hmac.js';

const bytesFrom = (first: number) => Uint8Array.from({ length: 32 }, (_, i) => first + i);
const sharedKey = bytesFrom(0);
const enrolmentNonce = bytesFrom(32);
const privateKey = derivePrivateKey(sharedKey, enrolmentNonce);
const request = {
  nonce: bytesFrom(64),
  sentAtMs: 1_800_000_000_000,
  action: 'POST /v1/tokens',
  name: 'mail',
  packet: encodeUtf8('{"audience":"invoice"}'),
};
const answer = {
  requestNonce: request.nonce,
  nonce: bytesFrom(96),
  sentAtMs: 1_800_000_000_042,
  status: 201,
  packet: encodeUtf8('{}'),
};

describe('the published example', () => {
  it('derives the private key', () => {
    expect(encodeHex(privateKey)).toBe('62215de7bddcea7e2c4047ff6bb94f8d18262fc8b3f3648134bb7d44158ff84d');
  });

  it('enrols', () => {
    expect(encodeBase64url(enrolmentMac(sharedKey, 'mail', enrolmentNonce))).toBe('xfEVwDgqFlg9gRKqPaafMacorexRRdQmPfmXUo00fG0');
  });

  it('asks', () => {
    expect(formatMacFields({ ...request, mac: requestMac(privateKey, request) })).toBe(
      'name="mail", nonce=:QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=:, sent=1800000000000, mac=:CX0aBtCXCQZWiorr85IlH4+DLuXcqgDa/+QJv58Ihro=:',
    );
  });

  it('answers', () => {
    expect(formatMacFields({ nonce: answer.nonce, sentAtMs: answer.sentAtMs, mac: answerMac(privateKey, answer) })).toBe(
      'nonce=:YGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn8=:, sent=1800000000042, mac=:P5rx+2A5XAspVhZaJCuxc+qJrEkD7bdgotkA824bnSU=:',
    );
  });
});

describe('messages that plain concatenation would take for one another', () => {
  /** What the protocol was first drawn as: nonce + time + action + name + packet. */
  const joined = ({ sentAtMs, action, name, packet }: typeof request) =>
    Buffer.concat([request.nonce, encodeUtf8(`${sentAtMs}${action}${name}`), packet]).toString('hex');

  it.each([
    ['a name moves into the action', { action: 'pay', name: 'alice' }, { action: 'payalice', name: '' }],
    ['a digit of the time moves into the action', { sentAtMs: 18, action: '0pay' }, { sentAtMs: 180, action: 'pay' }],
    [
      'the packet moves into the name',
      { name: 'mail', packet: encodeUtf8('-admin{}') },
      { name: 'mail-admin', packet: encodeUtf8('{}') },
    ],
  ])('%s', (_, one, other) => {
    const first = { ...request, ...one };
    const second = { ...request, ...other };
    expect(joined(second)).toBe(joined(first));
    expect(requestMac(privateKey, second)).not.toEqual(requestMac(privateKey, first));
  });

  it('have different bytes, whatever their parts', () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 6 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        const isSame =
          one.length === other.length && one.every((part, i) => encodeHex(part) === encodeHex(other[i] ?? concatBytes()));
        return isSame === (encodeHex(lengthPrefixed(...one)) === encodeHex(lengthPrefixed(...other)));
      }),
    );
  });

  it('say what they are: no answer is a request, and no enrolment either', () => {
    const asAnswer = answerMac(privateKey, { ...request, requestNonce: request.nonce, status: 200 });
    expect(asAnswer).not.toEqual(requestMac(privateKey, { ...request, action: '200' }));
    expect(enrolmentMac(privateKey, 'mail', request.nonce)).not.toEqual(requestMac(privateKey, request));
    // What derives a private key is the MAC of the bare nonce, which no message is.
    expect(enrolmentMac(sharedKey, '', enrolmentNonce)).not.toEqual(privateKey);
  });
});

describe('every part of a message', () => {
  const other = bytesFrom(1);
  it.each([
    ['nonce', { nonce: other }],
    ['time', { sentAtMs: request.sentAtMs + 1 }],
    ['action', { action: 'POST /v1/tokens?' }],
    ['name', { name: 'mai1' }],
    ['packet', { packet: encodeUtf8('{"audience":"invoice"} ') }],
  ])('of a request is under its MAC: %s', (_, changed) => {
    expect(requestMac(privateKey, { ...request, ...changed })).not.toEqual(requestMac(privateKey, request));
  });

  it.each([
    ['nonce of the request', { requestNonce: other }],
    ['nonce', { nonce: other }],
    ['time', { sentAtMs: answer.sentAtMs + 1 }],
    ['status', { status: 200 }],
    ['packet', { packet: encodeUtf8('{ }') }],
  ])('of an answer is under its MAC: %s', (_, changed) => {
    expect(answerMac(privateKey, { ...answer, ...changed })).not.toEqual(answerMac(privateKey, answer));
  });
});

describe('a header', () => {
  const key = ':QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=:';
  const good = `name="mail", nonce=${key}, sent=1800000000000, mac=${key}`;

  it('is read back as it was written', () => {
    const mac = requestMac(privateKey, request);
    const { name, nonce, sentAtMs } = request;
    expect(readMacFields(formatMacFields({ name, nonce, sentAtMs, mac }), 'request')).toEqual({ name, nonce, sentAtMs, mac });
    expect(readMacFields(formatMacFields({ nonce, sentAtMs, mac }), 'answer')).toEqual({ nonce, sentAtMs, mac });
  });

  it.each([
    ['nothing', ''],
    ['no dictionary', 'name=mail;;'],
    ['a member too few', good.replace(/, mac=.*/, '')],
    ['a member too many', `${good}, more=1`],
    ['a name that is a token', good.replace('"mail"', 'mail')],
    ['a nonce of 31 bytes', good.replace(key, ':QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXg==:')],
    ['a nonce that is text', good.replace(key, '"QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8="')],
    ['a time before 1970', good.replace('1800000000000', '-1')],
    ['a time with a fraction', good.replace('1800000000000', '1800000000.5')],
    ['a time of 16 digits', good.replace('1800000000000', '1800000000000000')],
    ['a time that is text', good.replace('1800000000000', '"1800000000000"')],
  ])('of a request is none with %s', (_, text) => {
    expect(readMacFields(good, 'request')).toBeDefined();
    expect(readMacFields(text, 'request')).toBeUndefined();
  });

  it('of an answer holds no name', () => {
    expect(readMacFields(good, 'answer')).toBeUndefined();
    expect(readMacFields(good.replace('name="mail", ', ''), 'answer')).toBeDefined();
    expect(readMacFields(good.replace('name="mail", ', ''), 'request')).toBeUndefined();
  });
});

describe('32 bytes in base64url', () => {
  it.each([
    ['43 characters', 'A'.repeat(43), true],
    ['42', 'A'.repeat(42), false],
    ['44', 'A'.repeat(44), false],
    ['padded', `${'A'.repeat(43)}=`, false],
    ['bits that are left over', `${'A'.repeat(42)}B`, false],
    ['the other alphabet', `${'A'.repeat(42)}/`, false],
    ['none', '', false],
  ])('%s', (_, text, expected) => expect(isMacKeyText(text)).toBe(expected));
});
