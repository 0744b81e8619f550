/**
 * Answers to sealed requests: signed (RFC 9421) under a key R that follows from the signature S which the sealed token had before its last caveat. S
 * is known to the holder, to those it descends from, to the audience's verifiers and to the issuer, and never travels.
 */
import {
  type Clock,
  concatBytes,
  encodeBase64url,
  encodeUtf8,
  hmacSha256,
  MacaroonError,
  type RandomBytes,
  SecretBytes,
  type Signature,
} from '../core/index.js';
import type { AnswerSigner, PlainAnswer } from './answer-signer.js';
import {
  contentDigest,
  hmacSignatureKey,
  type ParsedSignature,
  parseSignatures,
  type SignedResponse,
  signMessage,
  verifyContentDigest,
  verifyMessage,
} from './http-signature/index.js';
import { InterferenceError, type InterferenceKind } from './interference-error.js';

/** `tag` of the signature; its label is free. */
const answerTag = 'macaroond-response';
const answerLabel = 'macaroond';
const nonceBytes = 32;
/** No caveat starts with a zero byte, so R is the signature of no token. */
const keyLabel = concatBytes(new Uint8Array(1), encodeUtf8('macaroond/response/v1'));
/** Covered where the answer has them. */
const coveredFields = ['content-type', 'content-encoding', 'location'] as const;
const empty = new Uint8Array(0);

/** R: 32 bytes, which sign the answers to what was sealed with one token and prove nothing else. Shows itself to nobody. */
export class AnswerKey extends SecretBytes {
  declare protected readonly answerKeyBrand: never;
}

/** R = HMAC-SHA-256(S, 0x00 ‖ "macaroond/response/v1"), where S is `signature`, the one before the `request` caveat. */
export function answerKeyOf(signature: Signature): AnswerKey {
  return new AnswerKey(hmacSha256(signature, keyLabel));
}

/** The sealed request that is answered. */
export interface AnsweredRequest {
  readonly method: string;
  /** The `Authorization` header as sent. */
  readonly authorization: string;
  /** UUID text of the token. */
  readonly tokenId: string;
}

/** Signs one answer to `request`. It throws `ERR_MESSAGE_SIGNATURE` for a header that it must cover and that is not printable ASCII. */
export function sealedAnswerSigner(
  key: AnswerKey,
  request: AnsweredRequest,
  { clock, randomBytes }: { readonly clock: Clock; readonly randomBytes: RandomBytes },
): AnswerSigner {
  return async (answer) => {
    const digest = contentDigest(contentOf(answer, request.method));
    const headers = { ...answer.headers, 'content-digest': digest };
    const signature = await signMessage(messageOf({ ...answer, headers }, request), {
      label: answerLabel,
      components: componentsOf(headers),
      parameters: {
        created: Math.floor(clock() / 1000),
        nonce: encodeBase64url(randomBytes(nonceBytes)),
        keyid: request.tokenId,
        tag: answerTag,
      },
      key: hmacSignatureKey(key.reveal()),
    });
    return { 'content-digest': digest, ...signature };
  };
}

/** What an answer says of itself once its signature held. */
export interface AnswerProof {
  readonly nonce: string;
  /** The server's time, Unix milliseconds; whole seconds. */
  readonly createdAtMs: number;
}

/**
 * Makes sure that `answer` is the answer to `request`. Throws `InterferenceError`: `missing` when it carries no such proof, `repeated` when
 * `wasSeen` knows its nonce, `wrong` for anything else.
 */
export async function checkSealedAnswer(
  key: AnswerKey,
  request: AnsweredRequest,
  answer: PlainAnswer,
  wasSeen: (nonce: string) => boolean,
): Promise<AnswerProof> {
  const fault = (kind: InterferenceKind) => new InterferenceError(kind, answer.status);
  const [parsed, ...more] = readSignatures(messageOf(answer, request), fault('wrong')).filter(
    ({ parameters }) => parameters.tag === answerTag,
  );
  if (parsed === undefined) throw fault('missing');
  const { created, nonce, keyid } = parsed.parameters;
  if (more.length > 0 || created === undefined || nonce === undefined || nonce === '') throw fault('wrong');
  if (wasSeen(nonce)) throw fault('repeated');
  if (keyid !== request.tokenId || !(await holds(key, request, answer, parsed))) throw fault('wrong');
  return { nonce, createdAtMs: created * 1000 };
}

async function holds(key: AnswerKey, request: AnsweredRequest, answer: PlainAnswer, parsed: ParsedSignature): Promise<boolean> {
  const covered = parsed.components.map(({ text }) => text).join(' ');
  if (covered !== componentsOf(answer.headers).join(' ')) return false;
  try {
    if (!(await verifyMessage(messageOf(answer, request), parsed, hmacSignatureKey(key.reveal())))) return false;
  } catch (error) {
    // It covers what the answer does not have, or what cannot be covered.
    if (error instanceof MacaroonError && error.code === 'ERR_MESSAGE_SIGNATURE') return false;
    throw error;
  }
  return verifyContentDigest(answer.headers['content-digest'] ?? '', contentOf(answer, request.method));
}

/** What the digest is over: an answer without content has the headers of one that might have some. */
function contentOf({ status, body }: PlainAnswer, method: string): Uint8Array {
  return method === 'HEAD' || status === 204 || status === 304 ? empty : body;
}

/** In this order, and no others. */
function componentsOf(headers: PlainAnswer['headers']): readonly string[] {
  const fields = coveredFields.filter((name) => headers[name] !== undefined).map((name) => `"${name}"`);
  return ['"@status"', '"content-digest"', '"authorization";req', '"@method";req', ...fields];
}

function messageOf({ status, headers }: PlainAnswer, { method, authorization }: AnsweredRequest): SignedResponse {
  const fields = new Map(Object.entries(headers).map(([name, value]) => [name, [value]]));
  const request = { kind: 'request', method, targetUri: '', headers: new Map([['authorization', [authorization]]]) } as const;
  return { kind: 'response', status, headers: fields, request };
}

function readSignatures({ headers }: SignedResponse, fault: InterferenceError) {
  try {
    return parseSignatures(headers);
  } catch {
    throw fault;
  }
}
