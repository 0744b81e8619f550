import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../../src/core/index.js';
import { headerFields } from '../../../../src/protocol/header-fields.js';
import { answerComponents, answerKeyOf, answerMessage } from '../../../../src/protocol/http-sig.js';
import {
  contentDigest,
  hmacSignatureKey,
  importVerifyingKey,
  parseSignatures,
  verifyMessage,
} from '../../../../src/protocol/http-signature/index.js';
import { algorithms, mail, nowSeconds, secret, signed, withHeaders } from './http-sig-requests.js';
import { issuerKeys, issuerUrl, loginBench, requestOf, type TestRequest } from './login-bench.js';

describe('the answer', () => {
  const answer = { status: 201, headers: { 'content-type': 'application/json' }, body: encodeUtf8('{"token":"t"}') };

  /** Signs `given` as the answer to `request`, and reads the signature. */
  async function answerTo(
    request: TestRequest,
    given: typeof answer | { status: number; headers: Readonly<Record<string, string>>; body: Uint8Array } = answer,
  ) {
    const result = await loginBench({ mail }).login(requestOf(request));
    const headers = await result.signAnswer?.(given);
    if (headers === undefined) return undefined;
    const [parsed, ...more] = parseSignatures(headerFields(Object.entries(headers)));
    if (parsed === undefined || more.length > 0) throw new Error('not one signature');
    const message = answerMessage(
      { ...given, headers: { ...given.headers, ...headers } },
      { method: 'POST', targetUri: `${issuerUrl}/v1/tokens` },
    );
    return { headers, parsed, message };
  }
  const issuerKey = () => importVerifyingKey(issuerKeys.answerKey.jwk, 'ed25519');

  it.each(algorithms)(
    'to a proof that holds is signed with the key of the answer, bound to the request: %s',
    async (algorithm) => {
      const signedAnswer = await answerTo(await signed({ algorithm, nonce: 'my-own-nonce-0001' }));
      if (signedAnswer === undefined) throw new Error('not signed');
      const { parsed, message, headers } = signedAnswer;
      const isShared = algorithm === 'hmac-sha256';
      const key = isShared ? hmacSignatureKey(answerKeyOf(encodeUtf8(secret))) : await issuerKey();
      expect(await verifyMessage(message, parsed, key)).toBe(true);
      expect(headers['content-digest']).toBe(contentDigest(answer.body));
      expect(parsed.components.map(({ text }) => text)).toEqual(answerComponents(true));
      expect(parsed).toMatchObject({
        label: 'macaroond',
        parameters: {
          created: nowSeconds,
          keyid: isShared ? 'crd_hmac-sha256' : issuerKeys.answerKey.kid,
          tag: 'macaroond-response',
          reqNonce: 'my-own-nonce-0001',
          nonce: expect.stringMatching(/^[\w-]{43}$/),
        },
      });
    },
  );

  it.each<[string, () => Promise<TestRequest>]>([
    ['an unknown credential', () => signed({ keyid: 'crd_none' })],
    ['a wrong signature', async () => withHeaders(await signed({ algorithm: 'hmac-sha256' }), { signature: 'sig1=:AAAA:' })],
    ['a changed body', async () => ({ ...(await signed({ algorithm: 'hmac-sha256' })), body: '{}' })],
    ['a wrong time', () => signed({ algorithm: 'hmac-sha256', expires: nowSeconds + 61 })],
  ])('to %s is signed with the key of the issuer, whatever the credential', async (_, make) => {
    const signedAnswer = await answerTo(await make());
    if (signedAnswer === undefined) throw new Error('not signed');
    expect(await verifyMessage(signedAnswer.message, signedAnswer.parsed, await issuerKey())).toBe(true);
    expect(signedAnswer.parsed.parameters.keyid).toBe(issuerKeys.answerKey.kid);
  });

  it('without content covers no content type, and the digest of nothing', async () => {
    const signedAnswer = await answerTo(await signed(), { status: 204, headers: {}, body: new Uint8Array() });
    if (signedAnswer === undefined) throw new Error('not signed');
    expect(signedAnswer.parsed.components.map(({ text }) => text)).toEqual(answerComponents(false));
    expect(signedAnswer.headers['content-digest']).toBe(contentDigest(new Uint8Array()));
    expect(await verifyMessage(signedAnswer.message, signedAnswer.parsed, await issuerKey())).toBe(true);
  });

  it('to a proof that cannot be read is not signed, as there is nothing to bind it to', async () => {
    expect(await answerTo(await signed({ nonce: 'short' }))).toBeUndefined();
  });
});
