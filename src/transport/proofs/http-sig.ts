/** `http_sig`, the client's half: signs each request and checks the signature of each answer; see `protocol/http-sig.ts`. */
import { encodeBase64url, encodeUtf8 } from '../../core/index.js';
import type { PlainAnswer } from '../../protocol/answer-signer.js';
import {
  answerComponents,
  answerKeyOf,
  answerMessage,
  answerTag,
  maxCreatedAheadMs,
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

/** Longest time, milliseconds, in which an answer comes back that our clock is set by: nobody had the time to play with it. */
const quickAnswerMs = 5_000;
/** Answered requests that are remembered, to tell an answer that somebody sent again. */
const maxAnswered = 1000;

/** Proves the client by signing its requests. Throws `ERR_ARGUMENT` for a key that cannot be used, at the first request. */
export function httpSigProver({ credentialId, proof }: HttpSigCredential, tools: ProverTools): RequestProver {
  const { clock, randomBytes } = tools;
  const answered = new Set<string>();
  /** What is added to our clock to get the issuer's; told by a signed answer alone. */
  let offsetMs = 0;
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
      const startMs = clock();
      const created = Math.floor((startMs + offsetMs) / 1000);
      const expires = created + maxSignatureLifeSeconds;
      const nonce = encodeBase64url(randomBytes(32));
      const signature = await signMessage(message, {
        label: 'sig',
        components: requestComponents(hasBody),
        parameters: { created, expires, nonce, keyid: credentialId, tag: requestTag },
        key,
      });
      const checkAnswer = async (answer: PlainAnswer): Promise<'final' | 'again'> => {
        const answeredAt = await timeOfGenuine(answer, message, nonce, keys);
        // As no moment since the request was sent was within its times, no copy of it can have been accepted.
        const wasNeverTimely = answeredAt < created - maxCreatedAheadMs / 1000 || answeredAt >= expires + quickAnswerMs / 1000;
        if (answer.status !== 401 || !wasNeverTimely || clock() - startMs >= quickAnswerMs) return 'final';
        offsetMs = answeredAt * 1000 - clock();
        return 'again';
      };
      return { headers: { ...digest, ...signature }, checkAnswer };
    },
  };

  /** When the answer was made, Unix seconds. Throws `InterferenceError` unless it is one to just this request. */
  async function timeOfGenuine(answer: PlainAnswer, request: SignedRequest, nonce: string, keys: AnswerKeys): Promise<number> {
    const { status } = answer;
    const parsed = readAnswerSignature(answer);
    const { keyid, created, reqNonce } = parsed.parameters;
    if (reqNonce !== undefined && answered.has(reqNonce)) throw new InterferenceError('repeated', status);
    const signer = [keys.own, ...(status < 400 ? [] : [keys.issuer])].find((one) => one.keyid === keyid);
    if (signer === undefined || created === undefined || reqNonce !== nonce) throw new InterferenceError('wrong', status);
    if (!(await isGenuine(answer, request, parsed, signer.key))) throw new InterferenceError('wrong', status);
    answered.add(nonce);
    const [oldest] = answered;
    if (answered.size > maxAnswered && oldest !== undefined) answered.delete(oldest);
    return created;
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

/** The one signature of the answer that is meant for us. Throws `InterferenceError`. */
function readAnswerSignature({ status, headers }: PlainAnswer): ParsedSignature {
  if (headers['signature'] === undefined || headers['content-digest'] === undefined)
    throw new InterferenceError('missing', status);
  let signatures: readonly ParsedSignature[];
  try {
    const fields = new Map(Object.entries(headers).map(([name, value]) => [name, [value]]));
    signatures = parseSignatures(fields).filter(({ parameters }) => parameters.tag === answerTag);
  } catch {
    throw new InterferenceError('wrong', status);
  }
  const [parsed, ...more] = signatures;
  if (parsed === undefined) throw new InterferenceError('missing', status);
  if (more.length > 0) throw new InterferenceError('wrong', status);
  return parsed;
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
