/** Requests that are signed as a client of `http_sig` signs them, or as an attacker would. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { encodeBase64url, encodeUtf8 } from '../../../../src/core/index.js';
import { headerFields } from '../../../../src/protocol/header-fields.js';
import { requestTag } from '../../../../src/protocol/http-sig.js';
import {
  contentDigest,
  hmacSignatureKey,
  importSigningKey,
  type SignatureParameters,
  type SigningKey,
  signMessage,
} from '../../../../src/protocol/http-signature/index.js';
import {
  issuerUrl,
  loginBench,
  requestOf,
  startMs,
  type TestClient,
  type TestCredential,
  type TestRequest,
} from './login-bench.js';

export type Algorithm = 'hmac-sha256' | 'ed25519' | 'ecdsa-p256-sha256' | 'rsa-pss-sha512';

export const secret = `mcs_${'s'.repeat(43)}`;
export const pairs = {
  ed25519: generateKeyPairSync('ed25519'),
  'ecdsa-p256-sha256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'rsa-pss-sha512': generateKeyPairSync('rsa', { modulusLength: 2048 }),
} as const;
export const algorithms: readonly Algorithm[] = ['hmac-sha256', 'ed25519', 'ecdsa-p256-sha256', 'rsa-pss-sha512'];
export const spkiOf = (key: KeyObject) => new Uint8Array(key.export({ type: 'spki', format: 'der' }));
const pkcs8Of = (key: KeyObject) => new Uint8Array(key.export({ type: 'pkcs8', format: 'der' }));

export function credentialOf(algorithm: Algorithm): TestCredential {
  const made = { id: `crd_${algorithm}`, authMethod: 'http_sig', algorithm } as const;
  return algorithm === 'hmac-sha256'
    ? { ...made, secret }
    : { ...made, publicKey: encodeBase64url(spkiOf(pairs[algorithm].publicKey)) };
}

async function keyOf(algorithm: Algorithm): Promise<SigningKey> {
  if (algorithm === 'hmac-sha256') return hmacSignatureKey(encodeUtf8(secret));
  return await importSigningKey(pkcs8Of(pairs[algorithm].privateKey), algorithm);
}

export const mail: TestClient = { credentials: algorithms.map(credentialOf) };
export const nowSeconds = startMs / 1000;
export const body = '{"audience":"invoice"}';
export const digest = contentDigest(encodeUtf8(body));
let count = 0;

export interface Order extends SignatureParameters {
  readonly algorithm?: Algorithm;
  readonly components?: readonly string[];
  readonly label?: string;
}

/** What is sent: `request` with a signature as `order` says. Without an order, one that holds. */
export async function signed(order: Order = {}, request: TestRequest = { body }): Promise<TestRequest> {
  const { algorithm = 'ed25519', components, label = 'sig1', ...parameters } = order;
  const { method = 'POST', target = '/v1/tokens', body: content = '', headers = {} } = request;
  const hasBody = content.length > 0;
  const given = { ...(hasBody ? { 'content-digest': digest } : {}), ...headers };
  const pairsOf = Object.entries(given).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value] as const] : []));
  const message = { kind: 'request', method, targetUri: `${issuerUrl}${target}`, headers: headerFields(pairsOf) } as const;
  const proof = await signMessage(message, {
    label,
    components: components ?? ['"@method"', '"@target-uri"', ...(hasBody ? ['"content-digest"'] : [])],
    parameters: {
      created: nowSeconds,
      expires: nowSeconds + 60,
      nonce: `nonce-of-request-${++count}`,
      keyid: `crd_${algorithm}`,
      tag: requestTag,
      ...parameters,
    },
    key: await keyOf(algorithm),
  });
  return { ...request, headers: { ...given, ...proof } };
}

export const outcomeOf = async (request: TestRequest, clients: Readonly<Record<string, TestClient>> = { mail }) =>
  await loginBench(clients).outcome(requestOf(request));
export const withHeaders = (request: TestRequest, headers: TestRequest['headers']) => ({
  ...request,
  headers: { ...request.headers, ...headers },
});
