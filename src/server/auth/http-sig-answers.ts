/**
 * Signed answers of `http_sig`: to a client that signed with a secret, under the answer key of that secret; to one that signed with a private key,
 * and to every proof that did not hold, under the issuer's own key, so that an unknown, a retired and a wrong credential look alike.
 */
import { encodeBase64url } from '../../core/index.js';
import type { AnswerSigner } from '../../protocol/answer-signer.js';
import { answerComponents, answerKeyOf, answerLabel, answerMessage, answerTag } from '../../protocol/http-sig.js';
import {
  contentDigest,
  hmacSignatureKey,
  importSigningKey,
  type SigningKey,
  signMessage,
} from '../../protocol/http-signature/index.js';
import type { AuthenticatorTools } from './authenticator-tools.js';
import type { AuthenticationRequest } from './client-authenticator.js';

const nonceBytes = 32;

/** Credential whose proof held, with its secret where it has one. */
interface ProvedCredential {
  readonly id: string;
  readonly secret: Uint8Array | undefined;
}

/** Gives the signer of answers to a request with the nonce `reqNonce`. */
export type HttpSigAnswers = (
  request: Pick<AuthenticationRequest, 'method' | 'targetUri'>,
  reqNonce: string,
  proved: ProvedCredential | undefined,
) => AnswerSigner;

export function createHttpSigAnswers({
  clock,
  randomBytes,
  answerKey,
}: Pick<AuthenticatorTools, 'clock' | 'randomBytes' | 'answerKey'>): HttpSigAnswers {
  let issuerKey: Promise<SigningKey> | undefined;
  return (request, reqNonce, proved) => async (answer) => {
    const digest = contentDigest(answer.body);
    const message = answerMessage({ status: answer.status, headers: { ...answer.headers, 'content-digest': digest } }, request);
    issuerKey ??= importSigningKey(answerKey.pkcs8, 'ed25519');
    const secret = proved?.secret;
    const key = secret === undefined ? await issuerKey : hmacSignatureKey(answerKeyOf(secret));
    const signature = await signMessage(message, {
      label: answerLabel,
      components: answerComponents(answer.headers['content-type'] !== undefined),
      parameters: {
        created: Math.floor(clock() / 1000),
        nonce: encodeBase64url(randomBytes(nonceBytes)),
        keyid: secret === undefined ? answerKey.kid : (proved?.id ?? ''),
        tag: answerTag,
        reqNonce,
      },
      key,
    });
    return { 'content-digest': digest, ...signature };
  };
}
