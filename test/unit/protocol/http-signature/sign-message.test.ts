import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeUtf8, MacaroonError } from '../../../../src/core/index.js';
import { headerFields } from '../../../../src/protocol/header-fields.js';
import {
  contentDigest,
  hmacSignatureKey,
  importSigningKey,
  importVerifyingKey,
  parseSignatures,
  type SignedMessage,
  type SignedRequest,
  type SigningKey,
  signMessage,
  type VerifyingKey,
  verifyMessage,
} from '../../../../src/protocol/http-signature/index.js';

const runs = process.env['MACAROOND_TEST_LONG'] === undefined ? 400 : 20_000;

type Pairs = readonly (readonly [string, string])[];

interface Signer {
  readonly name: string;
  readonly key: SigningKey;
  readonly verifier: VerifyingKey;
}

const secret = hmacSignatureKey(encodeUtf8('a secret of 32 bytes, as made up'));
const ed25519 = generateKeyPairSync('ed25519');
const signers: readonly Signer[] = [
  { name: 'hmac-sha256', key: secret, verifier: secret },
  {
    name: 'ed25519',
    key: await importSigningKey(ed25519.privateKey.export({ type: 'pkcs8', format: 'der' }), 'ed25519'),
    verifier: await importVerifyingKey({ spki: ed25519.publicKey.export({ type: 'spki', format: 'der' }) }, 'ed25519'),
  },
];

const body = encodeUtf8('{"client":"mail"}');
const requestHeaders: Pairs = [
  ['content-type', 'application/json'],
  ['content-digest', contentDigest(body)],
  ['authorization', 'Macaroon mcr_example'],
];
const requestComponents = ['"@method"', '"@target-uri"', '"content-digest"', '"content-type"', '"authorization"'];
const responseComponents = ['"@status"', '"content-type"', '"content-digest"', '"@method";req', '"@target-uri";req'];
const parameters = {
  created: 1_700_000_000,
  expires: 1_700_000_060,
  nonce: 'A1b2C3d4E5f6G7h8',
  keyid: 'crd_1',
  tag: 'macaroond',
};

function requestWith(headers: Pairs, targetUri = 'https://issuer.example/v1/tokens?a=1', method = 'POST'): SignedRequest {
  return { kind: 'request', method, targetUri, headers: headerFields(headers) };
}

function responseWith(headers: Pairs): SignedMessage {
  return { kind: 'response', status: 201, headers: headerFields(headers), request: requestWith(requestHeaders) };
}

/** All that travels: the covered headers and the two of the signature. */
async function signed(kind: 'request' | 'response', key: SigningKey): Promise<Pairs> {
  const headers = kind === 'request' ? requestHeaders : requestHeaders.slice(0, 2);
  const message = kind === 'request' ? requestWith(headers) : responseWith(headers);
  const components = kind === 'request' ? requestComponents : responseComponents;
  const added = await signMessage(message, { label: 'macaroond', components, parameters, key });
  return [...headers, ...Object.entries(added)];
}

/** What a verifier concludes; anything but a MacaroonError of this code is a fault of ours. */
async function verdict(message: SignedMessage, key: VerifyingKey): Promise<'holds' | 'fails'> {
  try {
    const [parsed, ...others] = parseSignatures(message.headers);
    if (parsed === undefined || others.length > 0) return 'fails';
    return (await verifyMessage(message, parsed, key)) ? 'holds' : 'fails';
  } catch (error) {
    if (error instanceof MacaroonError && error.code === 'ERR_MESSAGE_SIGNATURE') return 'fails';
    throw error;
  }
}

describe.each(signers)('signMessage and verifyMessage, $name', ({ key, verifier }) => {
  it.each(['request', 'response'] as const)('hold for a %s as it was signed', async (kind) => {
    const headers = await signed(kind, key);
    expect(await verdict(kind === 'request' ? requestWith(headers) : responseWith(headers), verifier)).toBe('holds');
  });

  it('write parameters in one order', async () => {
    const order = {
      label: 'a',
      components: ['"@method"'],
      key,
      parameters: { reqNonce: 'r', tag: 't', alg: 'x', keyid: 'k', nonce: 'n', expires: 2, created: 1 },
    };
    const headers = await signMessage(requestWith([]), order);
    expect(headers['signature-input']).toBe(
      'a=("@method");created=1;expires=2;nonce="n";keyid="k";alg="x";tag="t";req-nonce="r"',
    );
  });

  it('do not hold for another method, target, status or request', async () => {
    const headers = await signed('request', key);
    expect(await verdict(requestWith(headers, 'https://issuer.example/v1/tokens?a=2'), verifier)).toBe('fails');
    expect(await verdict(requestWith(headers, 'https://other.example/v1/tokens?a=1'), verifier)).toBe('fails');
    expect(await verdict(requestWith(headers, undefined, 'post'), verifier)).toBe('fails');
    const answer = responseWith(await signed('response', key));
    expect(await verdict({ ...answer, ...{ status: 200 } }, verifier)).toBe('fails');
    expect(await verdict({ ...answer, ...{ request: requestWith([], 'https://issuer.example/') } }, verifier)).toBe('fails');
  });

  it('do not hold for a signature of a request that is put onto its answer', async () => {
    expect(await verdict(responseWith(await signed('request', key)), verifier)).toBe('fails');
  });

  it('do not hold when the message names another algorithm', async () => {
    const order = { label: 'a', components: ['"@method"'], parameters: { alg: 'rsa-pss-sha512' }, key };
    const message = requestWith([]);
    const headers = Object.entries(await signMessage(message, order));
    expect(await verdict(requestWith(headers), verifier)).toBe('fails');
  });

  it.each(['request', 'response'] as const)('do not hold when any character of a %s is another', async (kind) => {
    const headers = await signed(kind, key);
    const places = headers.flatMap(([, value], header) => Array.from(value, (_, at) => ({ header, at })));
    const flip = fc.record({ place: fc.constantFrom(...places), to: fc.integer({ min: 0, max: 0xff }) });
    await fc.assert(
      fc.asyncProperty(flip, async ({ place: { header, at }, to }) => {
        const character = String.fromCharCode(to);
        const changed = headers.map(([name, value], index): readonly [string, string] =>
          index === header ? [name, value.slice(0, at) + character + value.slice(at + 1)] : [name, value],
        );
        const same = headers[header]?.[1][at] === character;
        const message = kind === 'request' ? requestWith(changed) : responseWith(changed);
        expect(await verdict(message, verifier)).toBe(same ? 'holds' : 'fails');
      }),
      { numRuns: runs },
    );
  });

  it('do not hold when a covered header is removed, repeated, or joined by another', async () => {
    const headers = await signed('request', key);
    for (const name of ['content-type', 'content-digest', 'authorization']) {
      const of = headers.filter(([each]) => each === name);
      expect(await verdict(requestWith(headers.filter(([each]) => each !== name)), verifier)).toBe('fails');
      expect(await verdict(requestWith([...headers, ...of]), verifier)).toBe('fails');
      expect(await verdict(requestWith([...headers, [name, '']]), verifier)).toBe('fails');
    }
  });
});

describe('signMessage', () => {
  it.each([
    ['a component that the message does not have', { components: ['"date"'] }],
    ['a component twice', { components: ['"@method"', '"@method"'] }],
    ['a component that is not quoted', { components: ['@method'] }],
    ['a label in upper case', { label: 'Sig' }],
    ['a nonce that no string holds', { parameters: { nonce: 'é' } }],
    ['a time that is no integer', { parameters: { created: 1.5 } }],
  ])('refuses %s', async (_, part) => {
    const order = { label: 'a', components: ['"@method"'], parameters: {}, key: secret, ...part };
    await expect(signMessage(requestWith([]), order)).rejects.toMatchObject({ code: 'ERR_MESSAGE_SIGNATURE' });
  });
});
