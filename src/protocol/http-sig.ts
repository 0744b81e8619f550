/** `http_sig`: what client and issuer agree on beyond RFC 9421: tags, what must be covered, how long a signature may live, whose key signs answers. */
import { encodeUtf8, hmacSha256 } from '../core/index.js';
import type { PlainAnswer } from './answer-signer.js';
import type { SignedRequest, SignedResponse } from './http-signature/index.js';

/** `tag` of a request's signature. */
export const requestTag = 'macaroond';
/** `tag` of an answer's. */
export const answerTag = 'macaroond-response';
/** Label of an answer's signature; a request's label is free. */
export const answerLabel = 'macaroond';
/** Longest time from `created` to `expires`, seconds. */
export const maxSignatureLifeSeconds = 60;
/** How far `created` may be ahead of the receiver's clock, milliseconds. */
export const maxCreatedAheadMs = 5_000;

const answerKeyLabel = encodeUtf8('macaroond/http-sig/answer/v1');

/** The key that answers are signed with for a client that signs with `secret` (as shown, UTF-8): HMAC-SHA-256(secret, label), 32 bytes. */
export function answerKeyOf(secret: Uint8Array): Uint8Array {
  return hmacSha256(secret, answerKeyLabel);
}

/** What a request's signature covers at least. */
export function requestComponents(hasBody: boolean): readonly string[] {
  return ['"@method"', '"@target-uri"', ...(hasBody ? ['"content-digest"'] : [])];
}

/** What an answer's signature covers, exactly. */
export function answerComponents(hasContentType: boolean): readonly string[] {
  return ['"@status"', ...(hasContentType ? ['"content-type"'] : []), '"content-digest"', '"@method";req', '"@target-uri";req'];
}

/** `answer` to `request`, with the digest of its content, as a message to sign or verify. */
export function answerMessage(
  { status, headers }: Pick<PlainAnswer, 'status' | 'headers'>,
  request: Pick<SignedRequest, 'method' | 'targetUri'>,
): SignedResponse {
  const { method, targetUri } = request;
  const fields = new Map(Object.entries(headers).map(([name, value]) => [name, [value]]));
  return { kind: 'response', status, headers: fields, request: { kind: 'request', method, targetUri, headers: new Map() } };
}
