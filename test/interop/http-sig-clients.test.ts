/**
 * Clients of `http_sig` that are not ours, over TLS: two other implementations of RFC 9421 with Node's own HTTP and cryptography sign requests that
 * the issuer accepts, and verify its answers. Nothing of ours runs on their side.
 */
import {
  constants,
  createHash,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import * as other from 'http-message-sig';
import { createSigner, createVerifier, httpbis, type SigningKey } from 'http-message-signatures';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServerAtHand, serverAtHand } from '../support/server-at-hand.js';

const pairs = {
  ed25519: generateKeyPairSync('ed25519'),
  'ecdsa-p256-sha256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'rsa-pss-sha512': generateKeyPairSync('rsa', { modulusLength: 2048 }),
} as const;
type Asymmetric = keyof typeof pairs;
type Algorithm = Asymmetric | 'hmac-sha256';
const algorithms: readonly Algorithm[] = ['hmac-sha256', 'ed25519', 'ecdsa-p256-sha256', 'rsa-pss-sha512'];

/** What a client was handed. */
interface Handed {
  readonly client: string;
  readonly keyid: string;
  /** For `hmac-sha256`. */
  readonly secret: string;
}

let server: ServerAtHand;
let handed: Readonly<Record<Algorithm, Handed>>;
let issuerKey: KeyObject;

beforeAll(async () => {
  server = await serverAtHand();
  const { issuer } = server;
  await issuer.createAudience(server.admin(), 'invoice');
  const made = await Promise.all(
    algorithms.map(async (algorithm) => {
      const client = `by-${algorithm}`;
      const grants = [{ audience: 'invoice', actions: ['invoices:read'] }];
      await issuer.createClient(server.admin(), { client, auth: [['http_sig']], grants });
      const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
      const material = algorithm === 'hmac-sha256' ? { algorithm } : { public_key: pem(pairs[algorithm].publicKey) };
      const { credential_id, secret = '' } = await issuer.addCredential(server.admin(), client, {
        auth_method: 'http_sig',
        ...material,
      });
      return [algorithm, { client, keyid: credential_id, secret }] as const;
    }),
  );
  handed = Object.fromEntries(made) as Record<Algorithm, Handed>;
  const { body } = await send('GET', '/.well-known/macaroond', {}, '');
  const { jwks } = JSON.parse(body);
  issuerKey = createPublicKey({ key: jwks.keys.find(({ use }: { use: string }) => use === 'sig'), format: 'jwk' });
});
afterAll(async () => await server.close());

type Headers = Readonly<Record<string, string>>;

interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

function send(method: string, path: string, headers: Headers, body: string): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const options = {
      method,
      headers: { ...headers, 'Content-Length': Buffer.byteLength(body) },
      ca: readFileSync(server.caFile),
    };
    const sent = httpsRequest(`${server.url}${path}`, options, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const given = Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)]));
        resolve({ status: answer.statusCode ?? 0, headers: given, body: Buffer.concat(chunks).toString() });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const digestOf = (body: string) => `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
const target = '/v1/tokens';
const body = '{"audience":"invoice"}';
const requestHeaders = { 'Content-Type': 'application/json', 'Content-Digest': digestOf(body) };
const components = ['"@method"', '"@target-uri"', '"content-digest"', '"content-type"', '"@authority"', '"@query"'];
const answerComponents = ['"@status"', '"content-type"', '"content-digest"', '"@method";req', '"@target-uri";req'];

function signatureOf(algorithm: Algorithm, base: Uint8Array): Buffer {
  if (algorithm === 'hmac-sha256') return createHmac('sha256', handed[algorithm].secret).update(base).digest();
  const { privateKey: key } = pairs[algorithm];
  if (algorithm === 'ecdsa-p256-sha256') return sign('sha256', base, { key, dsaEncoding: 'ieee-p1363' });
  const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 };
  return algorithm === 'ed25519' ? sign(null, base, key) : sign('sha512', base, pss);
}

/** The key that answers to a proof by `algorithm` are signed with, as the documentation says. */
function answerSecret(): Buffer {
  return createHmac('sha256', handed['hmac-sha256'].secret).update('macaroond/http-sig/answer/v1').digest();
}

function expectAnswer({ status, headers, body: answered }: Answered, algorithm: Algorithm, nonce: string): void {
  expect(status).toBe(201);
  expect(JSON.parse(answered)).toMatchObject({ client: `by-${algorithm}` });
  expect(headers['content-digest']).toBe(digestOf(answered));
  expect(headers['signature-input']).toContain(`;tag="macaroond-response";req-nonce="${nonce}"`);
}

describe.each(algorithms)('http-message-signatures with node:https, %s', (algorithm) => {
  /** Its own RSA-PSS has the longest salt that fits, where RFC 9421 §3.3.1 says 64 bytes. */
  function theirKey(): SigningKey {
    const { keyid, secret } = handed[algorithm];
    if (algorithm === 'hmac-sha256') return createSigner(secret, algorithm, keyid);
    if (algorithm !== 'rsa-pss-sha512') return createSigner(pairs[algorithm].privateKey, algorithm, keyid);
    return { id: keyid, alg: algorithm, sign: async (base) => signatureOf(algorithm, base) };
  }

  it('signs a request that is accepted, and verifies the answer, but not for another request or with another status', async () => {
    const nonce = randomBytes(16).toString('hex');
    const nowSeconds = Math.floor(Date.now() / 1000);
    const request = { method: 'POST', url: `${server.url}${target}`, headers: { ...requestHeaders } };
    const { headers } = await httpbis.signMessage(
      {
        key: theirKey(),
        name: 'theirs',
        fields: components.map((text) => text.replaceAll('"', '')),
        params: ['created', 'expires', 'nonce', 'keyid', 'alg', 'tag'],
        paramValues: {
          created: new Date(nowSeconds * 1000),
          expires: new Date((nowSeconds + 30) * 1000),
          nonce,
          tag: 'macaroond',
        },
      },
      request,
    );
    const answer = await send('POST', target, headers as Headers, body);
    expectAnswer(answer, algorithm, nonce);
    const isShared = algorithm === 'hmac-sha256';
    const alg = isShared ? algorithm : 'ed25519';
    const verifier = createVerifier(isShared ? answerSecret() : issuerKey, alg);
    const config = { keyLookup: async () => ({ algs: [alg], verify: verifier }) };
    const { status } = answer;
    const given = { ...answer.headers };
    expect(await httpbis.verifyMessage(config, { status, headers: given }, request)).toBe(true);
    expect(await httpbis.verifyMessage(config, { status: 200, headers: given }, request)).toBe(false);
    const elsewhere = { ...request, url: `${server.url}/v1/verify` };
    expect(await httpbis.verifyMessage(config, { status, headers: given }, elsewhere)).toBe(false);
  });
});

describe.each(algorithms)('http-message-sig with node:https, %s', (algorithm) => {
  const fields = (headers: Headers) => Object.entries(headers).map(([name, value]) => ({ name, value }));
  const theirComponents = (texts: readonly string[]) =>
    texts.map((text) =>
      other.component(text.replaceAll('"', '').replace(';req', ''), text.endsWith(';req') ? { req: true } : {}),
    );

  it('signs a request that is accepted, and verifies the answer by a policy, but not an altered one', async () => {
    const nonce = randomBytes(16).toString('hex');
    const created = Math.floor(Date.now() / 1000);
    const request: other.RequestDescriptor = {
      kind: 'request',
      method: 'POST',
      targetUri: `${server.url}${target}`,
      fields: fields(requestHeaders),
    };
    const { signatureInput, signature } = await other.createSignature(request, {
      label: 'theirs',
      components: theirComponents(components),
      parameters: { created, expires: created + 60, nonce, keyid: handed[algorithm].keyid, tag: 'macaroond' },
      signer: { algorithm, sign: async (base: Uint8Array) => new Uint8Array(signatureOf(algorithm, base)) },
    });
    const proof = { 'Signature-Input': signatureInput, Signature: signature };
    const answer = await send('POST', target, { ...requestHeaders, ...proof }, body);
    expectAnswer(answer, algorithm, nonce);
    const isShared = algorithm === 'hmac-sha256';
    const alg = isShared ? algorithm : 'ed25519';
    const holds = (base: Uint8Array, given: Uint8Array) =>
      isShared ? createHmac('sha256', answerSecret()).update(base).digest().equals(given) : verify(null, base, issuerKey, given);
    const theyVerify = async (status: number, headers: Headers): Promise<string> => {
      const message: other.ResponseDescriptor = { kind: 'response', status, fields: fields(headers), request };
      const policy = {
        algorithms: [alg],
        requiredComponents: theirComponents(answerComponents),
        requiredParameters: ['created', 'nonce', 'keyid', 'tag'],
        now: created + 1,
      };
      const resolveVerifier = () => ({
        algorithm: alg,
        verify: async (base: Uint8Array, given: Uint8Array) => holds(base, given),
      });
      return await other.verifySignature(message, { policy, resolveVerifier }).then(
        () => 'holds',
        (error: unknown) => (other.isSignatureError(error) ? error.code : String(error)),
      );
    };
    expect(await theyVerify(answer.status, answer.headers)).toBe('holds');
    expect(await theyVerify(200, answer.headers)).toBe('VerificationFailed');
    expect(await theyVerify(answer.status, { ...answer.headers, 'content-digest': digestOf('{}') })).toBe('VerificationFailed');
  });
});
