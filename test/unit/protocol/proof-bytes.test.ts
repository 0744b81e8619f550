/**
 * Bytes that foreign clients must meet: request hash, challenge and encrypted time, taken apart and put together by hand from the documentation, not
 * by the code under test.
 */
import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../src/core/index.js';
import { challengeAnswer, challengeMessage, challengePlaintext } from '../../../src/protocol/challenge.js';
import { encodeEncryptedTime, readEncryptedTime } from '../../../src/protocol/encrypted-time.js';
import { answerComponents, answerKeyOf, requestComponents } from '../../../src/protocol/http-sig.js';
import { requestHash } from '../../../src/protocol/request-hash.js';

/** Each part behind its length, four bytes big-endian. */
function lp(...parts: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const bytes = Buffer.from(part);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();
const hmac = (key: string | Uint8Array, bytes: string | Uint8Array) => createHmac('sha256', key).update(bytes).digest();
const same = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? new Uint8Array()).toString('hex');

const body = encodeUtf8('{"a":"ü"}');
const parts = { method: 'POST', targetUri: 'https://issuer.test/v1/tokens?a=%2F', body };
const hash = sha256(lp('macaroond/request/v1', 'POST', parts.targetUri, sha256(body)));

describe('a request hash', () => {
  it('is over label, method, target URI and the hash of the body', () => {
    expect(same(requestHash(parts))).toBe(same(hash));
    // Written down, so that a change of both sides at once is seen.
    const known = requestHash({ method: 'GET', targetUri: 'https://issuer.test/', body: new Uint8Array() });
    expect(same(known)).toBe(same(sha256(lp('macaroond/request/v1', 'GET', 'https://issuer.test/', sha256(Buffer.alloc(0))))));
  });

  it('keeps its parts apart', () => {
    const moved = requestHash({ ...parts, method: 'POSTh', targetUri: parts.targetUri.slice(1) });
    expect(same(moved)).not.toBe(same(hash));
  });
});

describe('a challenge', () => {
  const subject = { server: 'https://issuer.test', client: 'mail', id: 'abc', purpose: 'POST /v1/tokens' };
  const value = new Uint8Array(32).fill(7);

  it('is signed, encrypted and answered as documented', () => {
    const named = ['https://issuer.test', 'mail', 'abc', 'POST /v1/tokens'];
    expect(same(challengeMessage(subject, value, hash))).toBe(same(lp('macaroond/challenge/v1', ...named, value, hash)));
    expect(same(challengePlaintext(subject, value))).toBe(same(lp(...named, value)));
    expect(same(challengeAnswer(value, hash))).toBe(same(hmac(value, hash)));
  });

  it('fits RSA-3072 for the longest client that fits', () => {
    // 318 bytes of OAEP with SHA-256; client, server and purpose share what the rest leaves.
    const long = { ...subject, id: 'i'.repeat(51), client: 'c'.repeat(64), server: `https://${'s'.repeat(52)}` };
    expect(challengePlaintext(long, value).length).toBeLessThanOrEqual(318);
  });
});

describe('an encrypted time', () => {
  const nonce = new Uint8Array(16).fill(3);
  const time = { sentAtMs: 1_800_000_000_123, nonce, requestHash: new Uint8Array(hash) };
  const signed = Buffer.concat([Buffer.from([1]), Buffer.from('000001a3185c507b', 'hex'), nonce, hash]);
  const plaintext = Buffer.concat([signed, hmac('secret', lp('macaroond/encrypted-time/v1', 'mail', signed))]);

  it('has the 89 bytes of the documentation', () => {
    expect(same(encodeEncryptedTime(time, 'mail', encodeUtf8('secret')))).toBe(same(plaintext));
    expect(plaintext).toHaveLength(89);
  });

  it('is read out of a part of larger bytes too', () => {
    const larger = new Uint8Array(Buffer.concat([Buffer.alloc(5, 0xff), plaintext]));
    expect(readEncryptedTime(larger.subarray(5))).toMatchObject({ sentAtMs: time.sentAtMs });
  });

  it.each<[string, Uint8Array]>([
    ['too short', plaintext.subarray(0, 88)],
    ['too long', Buffer.concat([plaintext, Buffer.alloc(1)])],
    ['of another version', Buffer.concat([Buffer.from([2]), plaintext.subarray(1)])],
    ['with a time after the last day', Buffer.concat([plaintext.subarray(0, 1), Buffer.alloc(8, 0x7f), plaintext.subarray(9)])],
    ['empty', Buffer.alloc(0)],
  ])('is not read: %s', (_, bytes) => {
    expect(readEncryptedTime(new Uint8Array(bytes))).toBeUndefined();
  });
});

describe('http_sig', () => {
  it('covers the digest where there is a body, and answers in full', () => {
    expect(requestComponents(true)).toEqual(['"@method"', '"@target-uri"', '"content-digest"']);
    expect(requestComponents(false)).toEqual(['"@method"', '"@target-uri"']);
    const last = ['"content-digest"', '"@method";req', '"@target-uri";req'];
    expect(answerComponents(true)).toEqual(['"@status"', '"content-type"', ...last]);
    expect(answerComponents(false)).toEqual(['"@status"', ...last]);
  });

  it('signs answers under a key of their own', () => {
    expect(same(answerKeyOf(encodeUtf8('mcs_x')))).toBe(same(hmac('mcs_x', 'macaroond/http-sig/answer/v1')));
  });
});
