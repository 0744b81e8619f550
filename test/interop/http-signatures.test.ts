/**
 * HTTP message signatures against two other implementations, both directions: what we sign they verify, what they sign we verify, requests and
 * answers bound to them, in every algorithm.
 */
import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import * as other from 'http-message-sig';
import { createSigner, createVerifier, httpbis, type SigningKey as OtherSigningKey } from 'http-message-signatures';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/core/index.js';
import { headerFields } from '../../src/protocol/header-fields.js';
import {
  type AsymmetricAlgorithm,
  contentDigest,
  hmacSignatureKey,
  importSigningKey,
  importVerifyingKey,
  parseSignatures,
  type SignatureAlgorithm,
  type SignedMessage,
  type SignedRequest,
  type SigningKey,
  signMessage,
  type VerifyingKey,
  verifyMessage,
} from '../../src/protocol/http-signature/index.js';

type Headers = Readonly<Record<string, string>>;

interface Keys {
  readonly signing: SigningKey;
  readonly verifying: VerifyingKey;
}

interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const secret = Buffer.from('a secret of 32 bytes, as made up');
const pairs: Readonly<Record<AsymmetricAlgorithm, KeyPair>> = {
  ed25519: generateKeyPairSync('ed25519'),
  'ecdsa-p256-sha256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'rsa-pss-sha512': generateKeyPairSync('rsa', { modulusLength: 2048 }),
};
const algorithms: readonly SignatureAlgorithm[] = ['hmac-sha256', 'ed25519', 'ecdsa-p256-sha256', 'rsa-pss-sha512'];

async function keysOf(algorithm: SignatureAlgorithm): Promise<Keys> {
  if (algorithm === 'hmac-sha256') return { signing: hmacSignatureKey(secret), verifying: hmacSignatureKey(secret) };
  const { privateKey, publicKey } = pairs[algorithm];
  return {
    signing: await importSigningKey(privateKey.export({ type: 'pkcs8', format: 'der' }), algorithm),
    verifying: await importVerifyingKey({ spki: publicKey.export({ type: 'spki', format: 'der' }) }, algorithm),
  };
}

const body = encodeUtf8('{"client":"mail"}');
const method = 'POST';
const targetUri = 'https://issuer.example/v1/tokens?a=1&b=%2F';
const requestHeaders: Headers = {
  Host: 'issuer.example',
  'Content-Type': 'application/json',
  'Content-Digest': contentDigest(body),
  Authorization: 'Macaroon mcr_example',
};
const answerHeaders: Headers = { 'Content-Type': 'application/problem+json', 'Content-Digest': contentDigest(encodeUtf8('{}')) };
const requestComponents = [
  '"@method"',
  '"@target-uri"',
  '"@authority"',
  '"@scheme"',
  '"@path"',
  '"@query"',
  '"content-digest"',
  '"content-type"',
  '"authorization"',
  '"content-digest";key="sha-256"',
];
const answerComponents = [
  '"@status"',
  '"content-type"',
  '"content-digest"',
  '"@method";req',
  '"@target-uri";req',
  '"content-digest";req',
];
const parameters = { created: 1_700_000_000, nonce: 'A1b2C3d4E5f6G7h8', keyid: 'crd_1', tag: 'macaroond' };

function ourRequest(headers: Headers): SignedRequest {
  return { kind: 'request', method, targetUri, headers: headerFields(Object.entries(headers)) };
}

function ourAnswer(headers: Headers): SignedMessage {
  return { kind: 'response', status: 401, headers: headerFields(Object.entries(headers)), request: ourRequest(requestHeaders) };
}

async function weVerify(message: SignedMessage, key: VerifyingKey): Promise<boolean> {
  const [parsed, ...others] = parseSignatures(message.headers);
  if (parsed === undefined || others.length > 0) throw new Error('not one signature');
  return verifyMessage(message, parsed, key);
}

/** As if for another body. */
function altered(headers: Headers): Headers {
  return { ...headers, 'Content-Digest': contentDigest(encodeUtf8('another body')) };
}

describe.each(algorithms)('http-message-sig, %s', (algorithm) => {
  const fields = (headers: Headers) => Object.entries(headers).map(([name, value]) => ({ name, value }));
  const theirRequest = (headers: Headers): other.RequestDescriptor => ({
    kind: 'request',
    method,
    targetUri,
    fields: fields(headers),
  });
  const theirAnswer = (headers: Headers): other.ResponseDescriptor => ({
    kind: 'response',
    status: 401,
    fields: fields(headers),
    request: theirRequest(requestHeaders),
  });
  const theirComponents = (components: readonly string[]) =>
    components.map((text) => {
      const [, name = '', key] = /^"([^"]+)"(?:;key="(.*)")?/.exec(text) ?? [];
      return other.component(name, { ...(key === undefined ? {} : { key }), ...(text.endsWith(';req') ? { req: true } : {}) });
    });

  async function theyVerify(message: other.MessageDescriptor, components: readonly string[]): Promise<boolean> {
    const { verifying } = await keysOf(algorithm);
    const verifier = { algorithm, verify: (base: Uint8Array, signature: Uint8Array) => verifying.verify(base, signature) };
    try {
      const requiredParameters = ['created', 'nonce', 'keyid', 'tag'];
      const policy = {
        algorithms: [algorithm],
        requiredComponents: theirComponents(components),
        requiredParameters,
        now: 1_700_000_001,
      };
      await other.verifySignature(message, { policy, resolveVerifier: () => verifier });
      return true;
    } catch (error) {
      if (other.isSignatureError(error) && error.code === 'VerificationFailed') return false;
      throw error;
    }
  }

  it('verifies our requests and answers, and not altered ones', async () => {
    const { signing: key } = await keysOf(algorithm);
    const onRequest = await signMessage(ourRequest(requestHeaders), {
      label: 'macaroond',
      components: requestComponents,
      parameters,
      key,
    });
    const request = { ...requestHeaders, ...onRequest };
    expect(await theyVerify(theirRequest(request), requestComponents)).toBe(true);
    expect(await theyVerify(theirRequest(altered(request)), requestComponents)).toBe(false);
    const onAnswer = await signMessage(ourAnswer(answerHeaders), {
      label: 'macaroond',
      components: answerComponents,
      parameters,
      key,
    });
    const answer = { ...answerHeaders, ...onAnswer };
    expect(await theyVerify(theirAnswer(answer), answerComponents)).toBe(true);
    expect(await theyVerify(theirAnswer(altered(answer)), answerComponents)).toBe(false);
  });

  it('signs requests and answers that we verify, and not altered ones', async () => {
    const { signing, verifying } = await keysOf(algorithm);
    const signer = { algorithm, sign: (base: Uint8Array) => signing.sign(base) };
    const onRequest = await other.createSignature(theirRequest(requestHeaders), {
      label: 'theirs',
      components: theirComponents(requestComponents),
      parameters: { ...parameters, alg: algorithm },
      signer,
    });
    const request = { ...requestHeaders, 'Signature-Input': onRequest.signatureInput, Signature: onRequest.signature };
    expect(await weVerify(ourRequest(request), verifying)).toBe(true);
    expect(await weVerify(ourRequest(altered(request)), verifying)).toBe(false);
    const order = { label: 'theirs', components: theirComponents(answerComponents), parameters, signer };
    const onAnswer = await other.createSignature(theirAnswer(answerHeaders), order);
    const answer = { ...answerHeaders, 'Signature-Input': onAnswer.signatureInput, Signature: onAnswer.signature };
    expect(await weVerify(ourAnswer(answer), verifying)).toBe(true);
    expect(await weVerify(ourAnswer(altered(answer)), verifying)).toBe(false);
  });
});

describe.each(algorithms)('http-message-signatures, %s', (algorithm) => {
  const theirRequest = (headers: Headers) => ({ method, url: targetUri, headers: { ...headers } });
  const theirAnswer = (headers: Headers) => ({ status: 401, headers: { ...headers } });
  const verifier = createVerifier(algorithm === 'hmac-sha256' ? secret : pairs[algorithm].publicKey, algorithm);
  const config = { keyLookup: async () => ({ algs: [algorithm], verify: verifier }) };

  /** Its own RSA-PSS has the longest salt that fits, where RFC 9421 §3.3.1 says 64 bytes. */
  function theirKey(): OtherSigningKey {
    if (algorithm === 'hmac-sha256') return createSigner(secret, algorithm, 'crd_1');
    const { privateKey: key } = pairs[algorithm];
    if (algorithm !== 'rsa-pss-sha512') return createSigner(key, algorithm, 'crd_1');
    const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 };
    return { id: 'crd_1', alg: algorithm, sign: async (base) => sign('sha512', base, pss) };
  }

  const theirOrder = (components: readonly string[]) => ({
    key: theirKey(),
    name: 'theirs',
    fields: [...components],
    params: ['nonce', 'created', 'alg', 'keyid'],
    paramValues: { created: new Date(1_700_000_000_000), nonce: 'A1b2C3d4E5f6G7h8' },
  });

  it('verifies our requests and answers, and not altered ones', async () => {
    const { signing: key } = await keysOf(algorithm);
    const onRequest = await signMessage(ourRequest(requestHeaders), {
      label: 'macaroond',
      components: requestComponents,
      parameters,
      key,
    });
    const request = { ...requestHeaders, ...onRequest };
    expect(await httpbis.verifyMessage(config, theirRequest(request))).toBe(true);
    expect(await httpbis.verifyMessage(config, theirRequest(altered(request)))).toBe(false);
    const onAnswer = await signMessage(ourAnswer(answerHeaders), {
      label: 'macaroond',
      components: answerComponents,
      parameters,
      key,
    });
    const answer = { ...answerHeaders, ...onAnswer };
    expect(await httpbis.verifyMessage(config, theirAnswer(answer), theirRequest(requestHeaders))).toBe(true);
    expect(await httpbis.verifyMessage(config, theirAnswer(altered(answer)), theirRequest(requestHeaders))).toBe(false);
  });

  it('signs requests and answers that we verify, and not altered ones', async () => {
    const { verifying } = await keysOf(algorithm);
    const request = flat((await httpbis.signMessage(theirOrder(requestComponents), theirRequest(requestHeaders))).headers);
    expect(await weVerify(ourRequest(request), verifying)).toBe(true);
    expect(await weVerify(ourRequest(altered(request)), verifying)).toBe(false);
    const signed = await httpbis.signMessage(
      theirOrder(answerComponents),
      theirAnswer(answerHeaders),
      theirRequest(requestHeaders),
    );
    const answer = flat(signed.headers);
    expect(await weVerify(ourAnswer(answer), verifying)).toBe(true);
    expect(await weVerify(ourAnswer(altered(answer)), verifying)).toBe(false);
  });
});

it('RSA-PSS with another salt length than 64 bytes is refused', async () => {
  const key = createSigner(pairs['rsa-pss-sha512'].privateKey, 'rsa-pss-sha512', 'crd_1');
  const config = { key, fields: ['@method'], params: ['created'] };
  const signed = await httpbis.signMessage(config, { method, url: targetUri, headers: { ...requestHeaders } });
  expect(await weVerify(ourRequest(flat(signed.headers)), (await keysOf('rsa-pss-sha512')).verifying)).toBe(false);
});

function flat(headers: Readonly<Record<string, string | string[]>>): Headers {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat().join(', ')]));
}
