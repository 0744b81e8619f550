/**
 * What a new credential is made of, by auth method: read out of a request and checked, before the transaction that keeps it. Secrets are
 * made here; public keys and names of certificates are taken as they are registered, and each in one spelling.
 */
import { decodeBase64url, encodeBase64url, MacaroonError } from '../../core/index.js';
import {
  type AsymmetricAlgorithm,
  algorithmsOf,
  importVerifyingKey,
  jwkThumbprint,
  type PublicJwk,
  publicKeyOf,
  spkiPublicJwk,
} from '../../protocol/http-signature/index.js';
import type { NewCredentialRequest } from '../../protocol/wire.js';
import { isDnsName } from './addresses.js';
import { canonicalSubject } from './distinguished-name.js';
import { IssuerError } from './issuer-error.js';
import type { IssuerDependencies, StoreDependencies } from './ports.js';
import type { AuthMethod, CredentialAlgorithm, CredentialRecord } from './records.js';

/** Members of the credential, and the secret where the issuer makes one. */
export interface CredentialMaterial extends Pick<CredentialRecord, 'authMethod' | 'algorithm' | 'publicKey' | 'binding'> {
  readonly secret: string | undefined;
}

/** Auth methods that need nothing of the client. */
export type SelfMadeMethod = Extract<AuthMethod, 'client_secret_basic' | 'encrypted_time' | 'tls_client_auth'>;

type RequestOf<Method> = Extract<NewCredentialRequest, { readonly auth_method: Method }>;

const none = { algorithm: null, publicKey: null, binding: null, secret: undefined } as const;
const maxRsaBits = 4096;
const decryptingRsaBits = 3072;
const maxUriLength = 512;
const uriPattern = /^[a-z][a-z0-9+.-]*:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/;
const spiffeIdPattern = /^spiffe:\/\/[a-z0-9._-]+(?:\/[A-Za-z0-9._-]+)+$/;

/** Whether a credential of `method` can be made without anything of the client. */
export function isSelfMade(method: AuthMethod): method is SelfMadeMethod {
  return method === 'client_secret_basic' || method === 'encrypted_time' || method === 'tls_client_auth';
}

/** A credential of `client` that needs nothing of it: a fresh secret, or the name that our CA gives it. */
export function selfMadeMaterial(deps: IssuerDependencies, client: string, authMethod: SelfMadeMethod): CredentialMaterial {
  if (authMethod !== 'tls_client_auth') return secretMaterial(deps, authMethod);
  return { ...none, authMethod, binding: `uri:${clientUri(deps, client)}` };
}

/** A fresh secret for `authMethod`: 256 random bits behind a prefix that secret scanners find. It serves this credential alone. */
export function secretMaterial(
  deps: StoreDependencies,
  authMethod: 'client_secret_basic' | 'encrypted_time' | 'http_sig',
): CredentialMaterial & { readonly secret: string } {
  const algorithm = authMethod === 'http_sig' ? 'hmac-sha256' : null;
  return { ...none, authMethod, algorithm, secret: `mcs_${encodeBase64url(deps.randomBytes(32))}` };
}

/** What `request` asks for. Throws `invalid_request` with a pointer to the member, and `conflict` for a name that is another client's. */
export async function materialOf(
  deps: IssuerDependencies,
  client: string,
  request: NewCredentialRequest,
): Promise<CredentialMaterial> {
  switch (request.auth_method) {
    case undefined:
    case 'client_secret_basic':
      return secretMaterial(deps, 'client_secret_basic');
    case 'encrypted_time':
      return secretMaterial(deps, 'encrypted_time');
    case 'http_sig':
      return await signatureMaterial(deps, request);
    case 'challenge_response':
      return await challengeMaterial(request);
    case 'tls_client_auth':
      return { ...none, authMethod: 'tls_client_auth', binding: nameOf(deps, client, request) };
    case 'self_signed_tls_client_auth':
      return { ...none, authMethod: 'self_signed_tls_client_auth', binding: thumbprintOf(deps, request.certificate) };
  }
}

async function signatureMaterial(deps: IssuerDependencies, request: RequestOf<'http_sig'>): Promise<CredentialMaterial> {
  const { algorithm, public_key: pem } = request;
  if (pem === undefined) {
    if (algorithm === 'hmac-sha256') return secretMaterial(deps, 'http_sig');
    throw refusal('http_sig needs a public_key, or algorithm hmac-sha256 for a secret that the issuer makes', '/public_key');
  }
  if (algorithm === 'hmac-sha256') throw refusal('hmac-sha256 goes with a secret, not with a public_key', '/algorithm');
  const key = await readPublicKey(pem);
  if (algorithm !== undefined && algorithm !== key.algorithm) {
    throw refusal(`the public_key is one for ${key.algorithm}`, '/algorithm');
  }
  return { ...none, authMethod: 'http_sig', algorithm: key.algorithm, publicKey: key.publicKey };
}

async function challengeMaterial(request: RequestOf<'challenge_response'>): Promise<CredentialMaterial> {
  const key = await readPublicKey(request.public_key);
  // Of one size, so that a challenge does not tell by its length whether the client is there; smaller ones could not hold it.
  if (request.mode === 'decrypt' && key.rsaBits !== decryptingRsaBits) {
    throw refusal(`mode decrypt takes an RSA key of ${decryptingRsaBits} bits`, '/public_key');
  }
  const algorithm = request.mode === 'decrypt' ? 'decrypt-rsa-oaep-256' : signingAlgorithms[key.algorithm];
  return { ...none, authMethod: 'challenge_response', algorithm, publicKey: key.publicKey };
}

/** How a challenge is signed by the kind of key that http_sig uses with this algorithm. */
const signingAlgorithms = {
  ed25519: 'sign-ed25519',
  'ecdsa-p256-sha256': 'sign-ecdsa-p256-sha256',
  'rsa-pss-sha512': 'sign-rsa-pss-sha256',
} as const satisfies Readonly<Record<AsymmetricAlgorithm, CredentialAlgorithm>>;

/** The key and the one http_sig algorithm that takes it. */
async function readPublicKey(
  pem: string,
): Promise<{ readonly publicKey: string; readonly algorithm: AsymmetricAlgorithm; readonly rsaBits: number }> {
  const { spki, jwk } = argumentAt('/public_key', () => publicKeyOf(pem));
  const rsaBits = modulusBits(jwk);
  const [algorithm] = algorithmsOf(jwk);
  if (algorithm === undefined || rsaBits > maxRsaBits) throw refusal(`an RSA key has 2048 to ${maxRsaBits} bits`, '/public_key');
  // Whether a point is on its curve is known once it is imported.
  await importVerifyingKey({ spki }, algorithm).catch((error: unknown) => {
    throw refusalOf(error, '/public_key');
  });
  return { publicKey: encodeBase64url(spki), algorithm, rsaBits };
}

/** 0 for a key that is not RSA. */
function modulusBits(jwk: PublicJwk): number {
  return jwk.kty === 'RSA' ? Math.floor((jwk.n.length * 3) / 4) * 8 : 0;
}

/** RFC 7638 thumbprint of a registered public key; `undefined` where there is none. */
export function keyThumbprintOf(publicKey: string | null): string | undefined {
  return publicKey === null ? undefined : jwkThumbprint(spkiPublicJwk(decodeBase64url(publicKey)));
}

function nameOf(deps: IssuerDependencies, client: string, { san, subject }: RequestOf<'tls_client_auth'>): string {
  if (san !== undefined && subject !== undefined)
    throw refusal('a certificate is known by san or by subject, not by both', '/subject');
  if (subject !== undefined) return subjectName(subject);
  if (san === undefined) return `uri:${clientUri(deps, client)}`;
  if (san.startsWith('dns:')) {
    if (isDnsName(san.slice(4))) return san;
    throw refusal('not dns: and a DNS name in lower case, such as dns:mail.example.com', '/san');
  }
  const uri = san.startsWith('uri:') ? san.slice(4) : '';
  const isUri = uri.length <= maxUriLength && uriPattern.test(uri);
  if (!isUri || (uri.startsWith('spiffe:') && !isSpiffeId(uri))) {
    throw refusal('not uri: and a URI, such as uri:spiffe://example.com/mail, nor dns: and a DNS name', '/san');
  }
  if (uri.startsWith(clientUri(deps, '')) && uri !== clientUri(deps, client)) {
    throw new IssuerError('conflict', 'this URI belongs to the client whose name it holds', '/san');
  }
  return san;
}

function subjectName(text: string): string {
  return argumentAt('/subject', () => `dn:${canonicalSubject(text)}`);
}

function thumbprintOf(deps: IssuerDependencies, pem: string): string {
  const certificate = deps.certificates.readCertificate(pem);
  if (certificate === undefined) throw refusal('not one certificate as PEM', '/certificate');
  if (!certificate.isSelfSigned) {
    throw refusal('the certificate was issued by a CA: trust that one with client_ca, and use tls_client_auth', '/certificate');
  }
  if (certificate.notAfterMs <= deps.clock()) throw refusal('the certificate has expired', '/certificate');
  return `x5t:${certificate.thumbprint}`;
}

function isSpiffeId(uri: string): boolean {
  return spiffeIdPattern.test(uri) && !uri.split('/').some((segment) => segment === '.' || segment === '..');
}

/** The URI that every client has unless others are registered, and that no other client can have. */
export function clientUri(deps: IssuerDependencies, client: string): string {
  return `spiffe://${deps.certificates.trustDomain}/client/${client}`;
}

/** What `read` gives. Throws what it finds wrong with a request's text as `invalid_request` with a pointer to the member. */
function argumentAt<T>(pointer: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw refusalOf(error, pointer);
  }
}

function refusalOf(error: unknown, pointer: string): unknown {
  return error instanceof MacaroonError && error.code === 'ERR_ARGUMENT' ? refusal(error.message, pointer) : error;
}

function refusal(message: string, pointer: string): IssuerError {
  return new IssuerError('invalid_request', message, pointer);
}
