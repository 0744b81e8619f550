/**
 * `http_sig`: the request is signed (RFC 9421) with a shared secret or a private key, over method, target and the digest of the body. What must be
 * covered, the times and the nonce are checked here; the algorithm is that of the registered key.
 */
import { decodeBase64url } from '../../core/index.js';
import { singleField } from '../../protocol/header-fields.js';
import { maxCreatedAheadMs, maxSignatureLifeSeconds, requestComponents, requestTag } from '../../protocol/http-sig.js';
import {
  hmacSignatureKey,
  importVerifyingKey,
  jwkThumbprint,
  type ParsedSignature,
  parseSignatures,
  type SignatureAlgorithm,
  type SignedRequest,
  signatureAlgorithms,
  spkiPublicJwk,
  type VerifyingKey,
  verifyContentDigest,
  verifyMessage,
} from '../../protocol/http-signature/index.js';
import type { CredentialRecord } from '../domain/records.js';
import type { AuthenticatorTools } from './authenticator-tools.js';
import type { AuthenticationRequest, AuthenticationResult, ClientAuthenticator, FailureReason } from './client-authenticator.js';
import { claimOfRefused } from './early-proof.js';
import { createHttpSigAnswers } from './http-sig-answers.js';
import { standInAccount } from './stand-in.js';

const method = 'http_sig';
/** As headers write it, blanks after `;` included: whether a request means to prove its client by this method. */
const tagPattern = new RegExp(`; *tag="${requestTag}"`);
const noncePattern = /^[!-~]{16,64}$/;
/** Of the last day that there is (ECMA-262 §21.4.1.1). */
const maxTimeSeconds = 8.64e12;
/** Tried for a credential that is not there: SubjectPublicKeyInfo of the Ed25519 base point, whose private key nobody kept. */
const standInKey = decodeBase64url('MCowBQYDK2VwAyEAWGZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY');

type Tools = Pick<AuthenticatorTools, 'issuer' | 'clock' | 'randomBytes' | 'answerKey'>;

/** The authenticator over the issuer's credentials. */
export function createHttpSig(tools: Tools): ClientAuthenticator {
  const answers = createHttpSigAnswers(tools);
  return {
    method,
    kind: 'header',
    recognises: ({ headers }) => (headers.get('signature-input') ?? []).some((line) => tagPattern.test(line)),
    authenticate: async (request) => {
      const parsed = readSignature(request);
      if (parsed === undefined) return { ok: false, client: undefined, reason: 'credentials_malformed', account: standInAccount };
      const result = await authenticate(tools, request, parsed);
      const { secret, ...rest } = result;
      return { ...rest, signAnswer: answers(request, parsed.nonce, rest.ok ? { id: rest.credential.id, secret } : undefined) };
    },
    refusalSigner: async (request) => {
      const parsed = readSignature(request);
      return parsed === undefined ? undefined : answers(request, parsed.nonce, undefined);
    },
  };
}

/** The one signature that is meant for us, with every parameter there. */
interface PresentedSignature {
  readonly parsed: ParsedSignature;
  readonly created: number;
  readonly expires: number;
  readonly nonce: string;
  readonly keyid: string;
}

function readSignature({ headers }: AuthenticationRequest): PresentedSignature | undefined {
  let signatures: readonly ParsedSignature[];
  try {
    signatures = parseSignatures(headers).filter(({ parameters }) => parameters.tag === requestTag);
  } catch {
    return undefined;
  }
  const [parsed, ...more] = signatures;
  if (parsed === undefined || more.length > 0) return undefined;
  const { created, expires, nonce, keyid } = parsed.parameters;
  if (created === undefined || expires === undefined || nonce === undefined || keyid === undefined) return undefined;
  if (Math.max(created, expires) > maxTimeSeconds) return undefined;
  return noncePattern.test(nonce) ? { parsed, created, expires, nonce, keyid } : undefined;
}

type Outcome = AuthenticationResult & { readonly secret?: Uint8Array | undefined };

async function authenticate(tools: Tools, request: AuthenticationRequest, presented: PresentedSignature): Promise<Outcome> {
  const { parsed, created, expires, nonce, keyid } = presented;
  const credential = await tools.issuer.credential(keyid);
  const isOurs = credential?.authMethod === method;
  const client = isOurs ? credential.client : undefined;
  const found = await tools.issuer.credentialsForLogin(client ?? '');
  const account = found ?? standInAccount;
  const fail = (reason: FailureReason): Outcome => ({ ok: false, client, reason, account });
  const { key, secret } = await keyOf(tools, isOurs ? credential : undefined);
  const holds = await isSignature(request, parsed, key);
  const body = await request.body();
  const digestHolds = await isDigest(request, body);
  if (client === undefined || credential === undefined || found === undefined) return fail('credential_unknown');
  if (credential.retiredAtMs !== null) return fail('credential_retired');
  if (parsed.parameters.alg !== undefined && parsed.parameters.alg !== key.algorithm) return fail('algorithm_wrong');
  if (!coversEnough(parsed, body.length > 0)) return fail('signature_incomplete');
  if (!holds) return fail('signature_wrong');
  if (!digestHolds) return fail('digest_wrong');
  const claim = {
    scope: `${method}:${credential.id}`,
    nonce,
    sentAtMs: created * 1000,
    windowMs: maxCreatedAheadMs,
    staleAtMs: expires * 1000,
  };
  const nowMs = tools.clock();
  const age = ageOf(nowMs, created, expires);
  if (age !== 'timely') return { ...fail('time_wrong'), claim: age === 'early' ? claimOfRefused(claim, nowMs) : undefined };
  return { ok: true, client, credential, account, claim, keyThumbprint: thumbprintOf(credential), secret };
}

/** The key of `credential`; one that makes no signature where there is none, so that it takes the same work. */
async function keyOf(
  { issuer }: Tools,
  credential: CredentialRecord | undefined,
): Promise<{ readonly key: VerifyingKey; readonly secret?: Uint8Array }> {
  const algorithm = signatureAlgorithms.find((one) => one === credential?.algorithm) ?? ('ed25519' satisfies SignatureAlgorithm);
  if (credential !== undefined && algorithm === 'hmac-sha256') {
    const secret = await issuer.credentialSecret(credential.id);
    if (secret !== undefined) return { key: hmacSignatureKey(secret), secret };
  } else if (credential?.publicKey != null) {
    return { key: await importVerifyingKey({ spki: decodeBase64url(credential.publicKey) }, algorithm) };
  }
  return { key: await importVerifyingKey({ spki: standInKey }, 'ed25519') };
}

async function isSignature(request: AuthenticationRequest, parsed: ParsedSignature, key: VerifyingKey): Promise<boolean> {
  const { method: requestMethod, targetUri, headers } = request;
  const message: SignedRequest = { kind: 'request', method: requestMethod, targetUri, headers };
  try {
    return await verifyMessage(message, parsed, key);
  } catch {
    // It covers something that the request does not have.
    return false;
  }
}

/** Whether the digest that the request tells is that of its body; a request without one tells nothing false. */
async function isDigest({ headers }: AuthenticationRequest, body: Uint8Array): Promise<boolean> {
  if (!headers.has('content-digest')) return true;
  const value = singleField(headers, 'content-digest');
  return value !== undefined && (await verifyContentDigest(value, body));
}

/** Compared as written, since `"content-digest";req` covers something else than `"content-digest"`. */
function coversEnough({ components }: ParsedSignature, hasBody: boolean): boolean {
  const covered = new Set(components.map(({ text }) => text));
  return requestComponents(hasBody).every((component) => covered.has(component));
}

/** `never`: also when its time comes. */
function ageOf(nowMs: number, created: number, expires: number): 'timely' | 'early' | 'never' {
  const isShort = expires > created && expires - created <= maxSignatureLifeSeconds;
  if (!isShort || nowMs >= expires * 1000) return 'never';
  return created * 1000 <= nowMs + maxCreatedAheadMs ? 'timely' : 'early';
}

function thumbprintOf({ publicKey }: CredentialRecord): string | undefined {
  return publicKey === null ? undefined : jwkThumbprint(spkiPublicJwk(decodeBase64url(publicKey)));
}
