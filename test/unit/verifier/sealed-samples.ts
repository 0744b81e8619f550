/** Sealed requests that the tests of verifier and middlewares share. */
import { encodeUtf8 } from '../../../src/core/index.js';
import type { AnswerSigner, PlainAnswer } from '../../../src/protocol/answer-signer.js';
import { headerFields } from '../../../src/protocol/header-fields.js';
import type { ReplayStore } from '../../../src/protocol/replay-store.js';
import { checkSealedAnswer } from '../../../src/protocol/sealed-answer.js';
import { type RequestToSeal, type SealedRequest, sealRequest } from '../../../src/protocol/sealed-request.js';
import type { SentRequest, VerifyContext } from '../../../src/verifier/index.js';
import { seededRandom } from '../../fuzz/mutate.js';
import { nowMs, tokenOf } from './samples.js';

export const origin = 'https://invoice.example';
export const authority = 'invoice.example';

/** The request that is sealed unless a test says otherwise. */
export const posted: RequestToSeal = {
  method: 'POST',
  authority,
  target: '/invoices?draft=1',
  contentType: 'application/json',
  body: encodeUtf8('{"sum":42}'),
};

const random = seededRandom(77).bytes;

export function seal(request: Partial<RequestToSeal> = {}, text = tokenOf(), sentAtMs = nowMs): SealedRequest {
  return sealRequest(text, { ...posted, ...request }, { clock: () => sentAtMs, randomBytes: random });
}

/** A store that remembers everything and was there from the beginning. */
export function eternalStore(): ReplayStore & { readonly claims: readonly (readonly [string, string, number])[] } {
  const claims: (readonly [string, string, number])[] = [];
  const used = new Set<string>();
  return {
    claims,
    bornAtMs: 0,
    claim(scope, nonce, expiresAtMs) {
      const key = JSON.stringify([scope, nonce]);
      if (used.has(key)) return false;
      used.add(key);
      claims.push([scope, nonce, expiresAtMs]);
      return true;
    },
    close: () => undefined,
  };
}

/** The context of `request` as a service tells it, with the headers that it was sent with. */
export function contextOf(
  text: string,
  request: Partial<RequestToSeal> = {},
  headers: Readonly<Record<string, string>> = {},
  more: Partial<SentRequest> = {},
): VerifyContext {
  const { method, target, contentType, contentEncoding, body } = { ...posted, ...request };
  const fields = headerFields([
    ['Host', authority],
    ['Authorization', `Macaroon ${text}`],
    ...(contentType === undefined ? [] : [['Content-Type', contentType] as const]),
    ...(contentEncoding === undefined ? [] : [['Content-Encoding', contentEncoding] as const]),
    ...Object.entries(headers),
  ]);
  const path = target.split('?', 1)[0] ?? '';
  return {
    action: 'invoices:read',
    method,
    path,
    ip: '10.0.0.1',
    request: { target, headers: fields, body: () => body, ...more },
  };
}

/** Whether `sign` makes answers that the sender of `sealed` accepts. */
export async function provesItself(
  sign: AnswerSigner | undefined,
  sealed: SealedRequest,
  method: string = posted.method,
): Promise<boolean> {
  const answer: PlainAnswer = { status: 200, headers: { 'content-type': 'text/plain' }, body: encodeUtf8('done') };
  const proof = await sign?.(answer);
  const { answerKey, text, tokenId } = sealed;
  const request = { method, authorization: `Macaroon ${text}`, tokenId };
  return checkSealedAnswer(answerKey, request, { ...answer, headers: { ...answer.headers, ...proof } }, () => false).then(
    () => true,
    () => false,
  );
}
