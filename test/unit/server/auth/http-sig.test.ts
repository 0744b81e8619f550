import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../../src/core/index.js';
import {
  contentDigest,
  jwkThumbprint,
  type SignatureParameters,
  spkiPublicJwk,
} from '../../../../src/protocol/http-signature/index.js';
import {
  algorithms,
  body,
  credentialOf,
  digest,
  mail,
  nowSeconds,
  type Order,
  outcomeOf,
  pairs,
  secret,
  signed,
  spkiOf,
  withHeaders,
} from './http-sig-requests.js';
import { loginBench, requestOf, startMs, type TestClient, type TestCredential, type TestRequest } from './login-bench.js';

const without = (order: Order, parameter: keyof SignatureParameters): Order => ({ ...order, [parameter]: undefined });

describe('a signed request', () => {
  it.each(algorithms)('proves its client: %s', async (algorithm) => {
    const { login } = loginBench({ mail });
    const result = await login(requestOf(await signed({ algorithm })));
    const keyThumbprint =
      algorithm === 'hmac-sha256' ? undefined : jwkThumbprint(spkiPublicJwk(spkiOf(pairs[algorithm].publicKey)));
    expect(result).toMatchObject({
      ok: true,
      caller: { client: 'mail', credentialId: `crd_${algorithm}`, authMethods: ['http_sig'] },
    });
    expect(result.ok && result.caller.keyThumbprint).toBe(keyThumbprint);
  });

  it.each<[string, () => Promise<TestRequest>]>([
    ['without a body, and so without a digest', () => signed({}, { method: 'GET', target: '/v1/revocations?after=0&x=%2F' })],
    [
      'without a body, with the digest of nothing',
      () => signed({}, { headers: { 'content-digest': contentDigest(new Uint8Array()) } }),
    ],
    [
      'with more covered than must be',
      () =>
        signed(
          {
            components: [
              '"content-type"',
              '"@authority"',
              '"content-digest"',
              '"@target-uri"',
              '"@path"',
              '"@query"',
              '"cookie"',
              '"@method"',
            ],
          },
          { body, target: '/v1/tokens?x=1', headers: { 'content-type': 'application/json', cookie: 'a=b' } },
        ),
    ],
    ['under any label', () => signed({ label: 'x-1*.y' })],
    ['with alg told, as registered', () => signed({ alg: 'ed25519' })],
    ['with the shortest nonce', () => signed({ nonce: 'n'.repeat(16) })],
    ['with the longest nonce', () => signed({ nonce: '"\\'.repeat(32) })],
    [
      'with blanks that the syntax allows',
      async () => {
        const request = await signed();
        return withHeaders(request, { 'signature-input': String(request.headers?.['signature-input']).replaceAll(';', ';  ') });
      },
    ],
  ])('%s', async (name, make) => {
    // Blanks are no part of what is signed: the base holds the one spelling.
    expect([name, await outcomeOf(await make())]).toEqual([name, 'ok']);
  });

  it('is not changed by headers that nobody signed: Host, overridden methods, forwarded origins', async () => {
    const headers = {
      host: 'evil.test',
      'x-http-method-override': 'DELETE',
      'x-forwarded-host': 'evil.test',
      'x-forwarded-proto': 'http',
      forwarded: 'host=evil.test',
    };
    expect(
      await outcomeOf(
        withHeaders(await signed({ components: ['"@method"', '"@target-uri"', '"@authority"', '"content-digest"'] }), headers),
      ),
    ).toBe('ok');
  });

  it('is one for the configured origin alone', async () => {
    const request = await signed();
    for (const targetUri of [
      'https://evil.test/v1/tokens',
      'http://issuer.test/v1/tokens',
      'https://issuer.test:8443/v1/tokens',
    ]) {
      expect(await loginBench({ mail }).outcome({ ...requestOf(request), targetUri })).toBe('signature_wrong');
    }
  });

  it('may carry signatures of others for other purposes, which are not looked at', async () => {
    const request = await signed();
    const other = await signed({ tag: 'somebody-else', label: 'other', keyid: 'who knows' });
    const joined = (name: string) => [String(other.headers?.[name]), String(request.headers?.[name])];
    const headers = { signature: joined('signature'), 'signature-input': joined('signature-input') };
    expect(await outcomeOf(withHeaders(request, headers))).toBe('ok');
    expect(await outcomeOf(other)).toBe('credentials_missing');
  });
});

describe('a request is refused', () => {
  it.each<[string, string, () => Promise<TestRequest>]>([
    ['whose method was changed', 'signature_wrong', async () => ({ ...(await signed()), method: 'PUT' })],
    ['whose path was changed', 'signature_wrong', async () => ({ ...(await signed()), target: '/v1/verify' })],
    ['that got a query', 'signature_wrong', async () => ({ ...(await signed()), target: '/v1/tokens?' })],
    ['whose body was changed', 'digest_wrong', async () => ({ ...(await signed()), body: body.replace('invoice', 'macaroond') })],
    ['that lost its body', 'digest_wrong', async () => ({ ...(await signed()), body: '' })],
    ['that got a body', 'signature_incomplete', async () => ({ ...(await signed({}, {})), body })],
    [
      'whose body and digest were changed',
      'signature_wrong',
      async () => withHeaders({ ...(await signed()), body: '{}' }, { 'content-digest': contentDigest(encodeUtf8('{}')) }),
    ],
    [
      'that got a second digest',
      'signature_wrong',
      async () => withHeaders(await signed(), { 'content-digest': [digest, digest] }),
    ],
    [
      'with a signed digest that is none',
      'digest_wrong',
      () => signed({}, { body, headers: { 'content-digest': 'md5=:AAAA:' } }),
    ],
    [
      'with two digests, of which one is wrong',
      'digest_wrong',
      () => signed({}, { body, headers: { 'content-digest': `${digest}, sha-512=:AAAA:` } }),
    ],
    [
      'with a wrong digest that is not covered and has no body',
      'digest_wrong',
      () => signed({ components: ['"@method"', '"@target-uri"'] }, { headers: { 'content-digest': digest } }),
    ],
    ['that covers no method', 'signature_incomplete', () => signed({ components: ['"@target-uri"', '"content-digest"'] })],
    ['that covers no target', 'signature_incomplete', () => signed({ components: ['"@method"', '"content-digest"'] })],
    [
      'that covers parts of the target alone',
      'signature_incomplete',
      () => signed({ components: ['"@method"', '"@authority"', '"@path"', '"@query"', '"content-digest"'] }),
    ],
    ['that covers no digest of its body', 'signature_incomplete', () => signed({ components: ['"@method"', '"@target-uri"'] })],
    [
      'that covers one member of the digest',
      'signature_incomplete',
      () => signed({ components: ['"@method"', '"@target-uri"', '"content-digest";key="sha-256"'] }),
    ],
    ['that covers nothing', 'signature_incomplete', () => signed({ components: [] })],
    [
      'that covers a header which it does not have',
      'signature_wrong',
      async () => {
        const request = await signed(
          { components: ['"@method"', '"@target-uri"', '"content-digest"', '"x-extra"'] },
          { body, headers: { 'x-extra': '1' } },
        );
        return { ...request, headers: { ...request.headers, 'x-extra': [] } };
      },
    ],
    ['with another alg than that of its key', 'algorithm_wrong', () => signed({ alg: 'hmac-sha256' })],
    ['with an unknown alg', 'algorithm_wrong', () => signed({ alg: 'none' })],
    ['of another key under the same id', 'signature_wrong', () => signed({ algorithm: 'hmac-sha256', keyid: 'crd_ed25519' })],
    ['of a credential that nobody has', 'credential_unknown', () => signed({ keyid: 'crd_none' })],
    ['of no credential', 'credential_unknown', () => signed({ keyid: '' })],
    ['that lives longer than 60 seconds', 'time_wrong', () => signed({ expires: nowSeconds + 61 })],
    ['that expires before it was made', 'time_wrong', () => signed({ created: nowSeconds + 2, expires: nowSeconds + 1 })],
    ['with a nonce that is too short', 'credentials_malformed', () => signed({ nonce: 'n'.repeat(15) })],
    ['with a nonce that is too long', 'credentials_malformed', () => signed({ nonce: 'n'.repeat(65) })],
    ['with a blank in its nonce', 'credentials_malformed', () => signed({ nonce: `${'n'.repeat(16)} ` })],
    ['with a time that is none', 'credentials_malformed', () => signed({ created: 8.64e12 + 1, expires: 8.64e12 + 2 })],
    ['without created', 'credentials_malformed', () => signed(without({}, 'created'))],
    ['without expires', 'credentials_malformed', () => signed(without({}, 'expires'))],
    ['without a nonce', 'credentials_malformed', () => signed(without({}, 'nonce'))],
    ['without a key id', 'credentials_malformed', () => signed(without({}, 'keyid'))],
    ['without a tag', 'credentials_missing', () => signed(without({}, 'tag'))],
    ['with a tag of answers', 'credentials_missing', () => signed({ tag: 'macaroond-response' })],
    ['with a signature that is cut', 'signature_wrong', async () => withHeaders(await signed(), { signature: 'sig1=:AAAA:' })],
    ['with an empty signature', 'signature_wrong', async () => withHeaders(await signed(), { signature: 'sig1=::' })],
    [
      'with a signature under another label',
      'credentials_malformed',
      async () => withHeaders(await signed(), { signature: 'sig2=:AAAA:' }),
    ],
    ['without the signature itself', 'credentials_malformed', async () => withHeaders(await signed(), { signature: [] })],
  ])('%s', async (name, reason, make) => {
    expect([name, await outcomeOf(await make())]).toEqual([name, reason]);
  });

  it('that covers a digest of another message under the name of its own (";req")', async () => {
    const request = await signed({ components: ['"@method"', '"@target-uri"', '"content-digest"'] });
    const input = String(request.headers?.['signature-input']).replace('"content-digest"', '"content-digest";req');
    expect(await outcomeOf(withHeaders(request, { 'signature-input': input }))).toBe('signature_incomplete');
  });

  it('with two signatures that are both meant for us, whichever holds', async () => {
    const [good, bad] = [await signed(), await signed({ label: 'sig2', keyid: 'crd_none' })];
    for (const [one, other] of [
      [good, bad],
      [bad, good],
    ] as const) {
      const joined = (name: string) => `${one.headers?.[name]}, ${other.headers?.[name]}`;
      const headers = { signature: joined('signature'), 'signature-input': joined('signature-input') };
      expect(await outcomeOf(withHeaders(good, headers))).toBe('credentials_malformed');
    }
  });

  it('of a credential for another method, though it exists and has the secret', async () => {
    const credentials: TestCredential[] = [{ id: 'crd_hmac-sha256', authMethod: 'encrypted_time', secret }];
    expect(await outcomeOf(await signed({ algorithm: 'hmac-sha256' }), { mail: { credentials } })).toBe('credential_unknown');
  });

  it('of a retired credential, whose signature is right', async () => {
    const credentials = [{ ...credentialOf('ed25519'), retiredAtMs: startMs - 1 }];
    const bench = loginBench({ mail: { credentials, authPolicy: [['http_sig']] } });
    expect(await bench.outcome(requestOf(await signed()))).toBe('credential_retired');
    expect(bench.failures).toMatchObject([{ client: 'mail' }]);
  });

  it('of a client that is disabled, from elsewhere, or under another policy, though the signature is right', async () => {
    const credentials = [credentialOf('ed25519')];
    expect(await outcomeOf(await signed(), { mail: { credentials, state: 'disabled' } })).toBe('client_disabled');
    const fenced: TestClient = { credentials, authPolicy: [['http_sig', 'ip']], ips: ['10.0.0.0/8'] };
    expect(await outcomeOf(await signed(), { mail: fenced })).toBe('address_denied');
    expect(await outcomeOf(await signed(), { mail: { credentials, authPolicy: [['tls_client_auth']] } })).toBe(
      'auth_method_not_allowed',
    );
  });

  it('whichever character of its proof is changed', async () => {
    const request = await signed({ nonce: 'AbCdEfGhIjKlMnOp' });
    for (const name of ['signature-input', 'signature', 'content-digest']) {
      const text = String(request.headers?.[name]);
      for (let i = 0; i < text.length; i++) {
        const changed = `${text.slice(0, i)}${text[i] === 'A' ? 'B' : 'A'}${text.slice(i + 1)}`;
        const outcome = await outcomeOf(withHeaders(request, { [name]: changed }));
        expect([changed, outcome]).not.toEqual([changed, 'ok']);
      }
    }
  });
});
