import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../../src/core/index.js';
import { contentDigest, verifyContentDigest } from '../../../../src/protocol/http-signature/index.js';

interface DigestVector {
  readonly section: string;
  readonly body?: string;
  readonly bodyHex?: string;
  readonly field: string;
  readonly holds: boolean;
}

const rfc9530: { readonly vectors: readonly DigestVector[] } = JSON.parse(
  readFileSync(new URL('../../../vectors/rfc9530.json', import.meta.url), 'utf8'),
);
const body = encodeUtf8('{"hello": "world"}');

function digest(algorithm: string): string {
  return `:${createHash(algorithm).update(body).digest('base64')}:`;
}

describe('RFC 9530', () => {
  it.each(rfc9530.vectors)('$section: $holds', async ({ body: text = '', bodyHex, field, holds }) => {
    const bytes = bodyHex === undefined ? encodeUtf8(text) : Buffer.from(bodyHex, 'hex');
    expect(await verifyContentDigest(field, bytes)).toBe(holds);
    expect(contentDigest(bytes) === field.split(', ')[0]).toBe(holds);
  });
});

describe('verifyContentDigest', () => {
  it.each([
    ['sha-256', `sha-256=${digest('sha256')}`],
    ['sha-512', `sha-512=${digest('sha512')}`],
    ['both', `sha-512=${digest('sha512')}, sha-256=${digest('sha256')}`],
    ['others that say anything', `md5=:AAAA:, unixsum=30637, x=(1 2), sha-256=${digest('sha256')}`],
  ])('holds for %s', async (_, field) => {
    expect(await verifyContentDigest(field, body)).toBe(true);
    expect(await verifyContentDigest(field, body.subarray(1))).toBe(false);
  });

  it.each([
    ['nothing', ''],
    ['none that we know', `md5=${digest('md5')}`],
    ['one of two wrong', `sha-256=${digest('sha256')}, sha-512=${digest('sha256')}`],
    ['the wrong one first', `sha-512=${digest('sha256')}, sha-256=${digest('sha256')}`],
    ['one given twice', `sha-256=:AAAA:, sha-256=${digest('sha256')}`],
    ['a digest of another algorithm', `sha-256=${digest('sha512')}`],
    ['a cut digest', 'sha-256=:AAAA:'],
    ['an empty digest', 'sha-256=::'],
    ['a string', `sha-256="${digest('sha256')}"`],
    ['a list', `sha-256=(${digest('sha256')})`],
    ['no value', 'sha-256'],
    ['upper case', `SHA-256=${digest('sha256')}`],
    ['the older Digest field', `sha-256=${digest('sha256').slice(1, -1)}`],
    ['text after it', `sha-256=${digest('sha256')} x`],
  ])('does not hold for %s', async (_, field) => {
    expect(await verifyContentDigest(field, body)).toBe(false);
  });

  it('never throws', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (text) => {
        expect(await verifyContentDigest(text, body)).toBe(false);
        expect(await verifyContentDigest(`sha-256=${text}`, body)).toBe(false);
      }),
    );
  });
});
