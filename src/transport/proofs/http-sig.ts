/** `http_sig`, the client's half: signs each request and checks the signature of each answer; see `protocol/http-sig.ts`. */
import { encodeBase64url, encodeUtf8 } from '../../core/index.js';
import type { PlainAnswer } from '../../protocol/answer-signer.js';
import {
  answerComponents,
  answerKeyOf,
  answerMessage,
  answerTag,
  maxSignatureLifeSeconds,
  requestComponents,
  requestTag,
} from '../../protocol/http-sig.js';
import {
  contentDigest,
  hmacSignatureKey,
  importSigningKey,
  importVerifyingKey,
  jwkThumbprint,
  type ParsedSignature,
  parseSignatures,
  privateKeyDer,
  readPublicJwk,
  type SignedRequest,
  type SigningKey,
  signMessage,
  type VerifyingKey,
  verifyContentDigest,
  verifyMessage,
} from '../../protocol/http-signature/index.js';
import { InterferenceError } from '../../protocol/interference-error.js';
import { memoryReplayStore } from '../../protocol/memory-replay-store.js';
import type { CredentialProof } from '../credential.js';
import { findIssuerKey } from './issuer-jwks.js';
import type { ProverTools, ProvingRequest, RequestProver } from './prover.js';

export interface HttpSigCredential {
  readonly credentialId: string;
  readonly proof: Extract<CredentialProof, { kind: 'http_sig' }>;
}

/** A key that answers may be signed with, by its `keyid`. */
interface AnswerKeys {
  /** Under which an answer to a proof that held is signed. */
  readonly own: { readonly keyid: string; readonly key: VerifyingKey };
  /** Under which any refusal may be. */
  readonly issuer: { readonly keyid: string; readonly key: VerifyingKey };
}

/** How far the issuer's clock may lie from ours in the time of an answer, seconds. */
const maxAnswerSkewSeconds = 60;

/** Proves the client by signing its requests. Throws `ERR_ARGUMENT` for a key that cannot be used, at the first request. */
export function httpSigProver({ credentialId, proof }: HttpSigCredential, tools: ProverTools): RequestProver {
  const { clock, randomBytes } = tools;
  const seenAnswers = memoryReplayStore({ clock });
  let signingKey: Promise<SigningKey> | undefined;
  let answerKeys: Promise<AnswerKeys> | undefined;
  return {
    async prove(request) {
      signingKey ??= signingKeyOf(proof);
      const key = await signingKey;
      answerKeys ??= answerKeysOf(credentialId, proof, tools).catch((error: unknown) => {
        answerKeys = undefined;
        throw error;
      });
      const keys = await answerKeys;
      const hasBody = request.body.length > 0;
      const digest = hasBody ? { 'content-digest': contentDigest(request.body) } : {};
      const message = messageOf(request, digest);
      const created = Math.floor(clock() / 1000);
      const nonce = encodeBase64url(randomBytes(32));
      const signature = await signMessage(message, {
        label: 'sig',
        components: requestComponents(hasBody),
        parameters: { created, expires: created + maxSignatureLifeSeconds, nonce, keyid: credentialId, tag: requestTag },
        key,
      });
      const checkAnswer = async (answer: PlainAnswer): Promise<'final'> => {
        await requireGenuine(answer, message, nonce, keys);
        return 'final';
      };
      return { headers: { ...digest, ...signature }, checkAnswer };
    },
  };

  async function requireGenuine(answer: PlainAnswer, request: SignedRequest, reqNonce: string, keys: AnswerKeys): Promise<void> {
    const { parsed, nonce, created } = readAnswerSignature(answer, reqNonce);
    const isSuccess = answer.status < 400;
    const { keyid } = parsed.parameters;
    const signer = [keys.own, ...(isSuccess ? [] : [keys.issuer])].find((one) => one.keyid === keyid);
    if (signer === undefined) throw new InterferenceError('wrong');
    if (!(await isGenuine(answer, request, parsed, signer.key))) throw new InterferenceError('wrong');
    if (Math.abs(clock() / 1000 - created) > maxAnswerSkewSeconds) throw new InterferenceError('wrong');
    if (!(await seenAnswers.claim(signer.keyid, nonce, clock() + 2000 * maxAnswerSkewSeconds)))
      throw new InterferenceError('repeated');
  }
}

function messageOf({ method, targetUri, headers }: ProvingRequest, more: Readonly<Record<string, string>>): SignedRequest {
  const fields = new Map(Object.entries({ ...headers, ...more }).map(([name, value]) => [name, [value]]));
  return { kind: 'request', method, targetUri, headers: fields };
}

async function signingKeyOf(proof: HttpSigCredential['proof']): Promise<SigningKey> {
  if (proof.algorithm === 'hmac-sha256') return hmacSignatureKey(encodeUtf8(proof.secret));
  return await importSigningKey(privateKeyDer(proof.privateKey), proof.algorithm);
}

async function answerKeysOf(credentialId: string, proof: HttpSigCredential['proof'], tools: ProverTools): Promise<AnswerKeys> {
  const jwk = proof.issuerKey === undefined ? await findIssuerKey(tools, 'sig') : readPublicJwk(proof.issuerKey);
  const issuer = { keyid: jwkThumbprint(jwk), key: await importVerifyingKey(jwk, 'ed25519') };
  if (proof.algorithm !== 'hmac-sha256') return { own: issuer, issuer };
  return { own: { keyid: credentialId, key: hmacSignatureKey(answerKeyOf(encodeUtf8(proof.secret))) }, issuer };
}

interface AnswerSignature {
  readonly parsed: ParsedSignature;
  readonly nonce: string;
  readonly created: number;
}

/** The one signature of the answer that is for this request. Throws `InterferenceError`. */
function readAnswerSignature({ headers }: PlainAnswer, reqNonce: string): AnswerSignature {
  if (headers['signature'] === undefined || headers['content-digest'] === undefined) throw new InterferenceError('missing');
  let signatures: readonly ParsedSignature[];
  try {
    const fields = new Map(Object.entries(headers).map(([name, value]) => [name, [value]]));
    signatures = parseSignatures(fields).filter(({ parameters }) => parameters.tag === answerTag);
  } catch {
    throw new InterferenceError('wrong');
  }
  const [parsed, ...more] = signatures;
  if (parsed === undefined) throw new InterferenceError('missing');
  const { nonce, created, reqNonce: answered } = parsed.parameters;
  if (more.length > 0 || nonce === undefined || created === undefined || answered !== reqNonce)
    throw new InterferenceError('wrong');
  return { parsed, nonce, created };
}

async function isGenuine(
  answer: PlainAnswer,
  request: SignedRequest,
  parsed: ParsedSignature,
  key: VerifyingKey,
): Promise<boolean> {
  const { headers, body } = answer;
  const covered = parsed.components.map(({ text }) => text).join(' ');
  if (covered !== answerComponents(headers['content-type'] !== undefined).join(' ')) return false;
  if (!(await verifyContentDigest(headers['content-digest'] ?? '', body))) return false;
  try {
    return await verifyMessage(answerMessage(answer, request), parsed, key);
  } catch {
    return false;
  }
}
