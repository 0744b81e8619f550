/**
 * Enrolments prove themselves: by a MAC under the shared key of an invitation. Whoever has not got that key learns nothing, an unknown invitation
 * and a wrong MAC look alike; who has it gets every answer, refusals too, under the private key that both sides derive.
 */
import { decodeBase64url, equalBytes, hmacSha256, lengthPrefixed } from '../../core/index.js';
import type { AnswerSigner } from '../../protocol/answer-signer.js';
import { derivePrivateKey, enrolmentMac } from '../../protocol/shared-key-hmac.js';
import type { EnrolmentRequest, WireEnrolment } from '../../protocol/wire.js';
import type { EnrolmentRefusal, Issuer, Origin } from '../domain/issuer.js';
import type { AuthenticatorTools } from './authenticator-tools.js';
import type { FailureLimiter } from './failure-limiter.js';
import { answerSigner } from './shared-key-hmac.js';

export type EnrolmentResult = { readonly signAnswer: AnswerSigner } & (
  | { readonly ok: true; readonly enrolled: WireEnrolment }
  | { readonly ok: false; readonly code: 'invalid_client' | 'conflict' }
  | { readonly ok: false; readonly code: 'rate_limited'; readonly retryAfterSeconds: number }
);

/** Where an enrolment comes from. */
export interface EnrolmentOrigin extends Origin {
  /** Where the connection itself comes from, perhaps a proxy: counts failures of those whose own address cannot be told. */
  readonly peerAddress?: string | undefined;
}

/** Carries an enrolment out, or tells why not. Throws only for broken machinery. */
export type Enrol = (request: EnrolmentRequest, origin: EnrolmentOrigin) => Promise<EnrolmentResult>;

export interface EnrolmentTools extends Pick<AuthenticatorTools, 'clock' | 'randomBytes' | 'challengeKey'> {
  readonly issuer: Pick<Issuer, 'invitationKey' | 'enrol' | 'noteFailure'>;
  /** That of the logins: what fails here counts there. */
  readonly limiter: FailureLimiter;
}

type FailureReason = EnrolmentRefusal | 'invitation_unknown' | 'mac_wrong' | 'rate_limited';

export function createEnrol(tools: EnrolmentTools): Enrol {
  return (request, { peerAddress, ...origin }) => enrol(tools, request, origin, origin.address ?? peerAddress);
}

async function enrol(
  tools: EnrolmentTools,
  request: EnrolmentRequest,
  origin: Origin,
  place: string | undefined,
): Promise<EnrolmentResult> {
  const { issuer, limiter } = tools;
  const { invitation, name } = request;
  const nonce = decodeBase64url(request.nonce);
  const standIn = standInKey(tools.challengeKey, invitation);
  const known = await issuer.invitationKey(invitation);
  const isEqual = equalBytes(enrolmentMac(known ?? standIn, name, nonce), decodeBase64url(request.mac));
  const proved = isEqual ? known : undefined;
  const privateKey = derivePrivateKey(proved ?? standIn, nonce);
  const signAnswer = answerSigner(tools, privateKey, nonce);
  const note = (reason: FailureReason) => issuer.noteFailure({ ...origin, event: 'enrolment.failed', client: name, reason });
  const retryAfterSeconds = limiter.retryAfterSeconds(place, name);
  if (retryAfterSeconds > 0) {
    await note('rate_limited');
    return { ok: false, code: 'rate_limited', retryAfterSeconds, signAnswer };
  }
  if (proved === undefined) {
    limiter.countFailure(place, name);
    await note(known === undefined ? 'invitation_unknown' : 'mac_wrong');
    return { ok: false, code: 'invalid_client', signAnswer };
  }
  const outcome = await issuer.enrol(origin, { invitation, name, nonce, privateKey });
  if (outcome.ok) return { ...outcome, signAnswer };
  // Whoever repeats a valid enrolment has guessed nothing, so it does not count towards the limit.
  if (outcome.reason !== 'replayed') limiter.countFailure(place, name);
  await note(outcome.reason);
  return { ok: false, code: outcome.reason === 'name_taken' ? 'conflict' : 'invalid_client', signAnswer };
}

/** The key of an invitation that nobody has; the same each time. */
function standInKey(secret: Uint8Array, invitation: string): Uint8Array {
  return hmacSha256(secret, lengthPrefixed('macaroond/stand-in-invitation/v1', invitation));
}
