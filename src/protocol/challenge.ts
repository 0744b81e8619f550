/**
 * `challenge_response`: the bytes that client and issuer agree on. A client signs the challenge, or decrypts it and answers with a MAC; both are
 * bound to the issuer's name, the client, the purpose and the request. Header: `Macaroond-Challenge: id="…", client="…", response=:…:`.
 */
import { hmacSha256, lengthPrefixed } from '../core/index.js';

export const challengeHeader = 'macaroond-challenge';
/** Label of what is signed or encrypted, and of OAEP (UTF-8). */
export const challengeLabel = 'macaroond/challenge/v1';
/** How long a challenge may be answered, milliseconds. */
export const challengeLifeMs = 60_000;

/** Longest that fits the OAEP of the smallest key to encrypt to, RSA-3072. */
export const maxChallengePlaintextBytes = 318;

/** By a signature over the challenge · by a MAC under what was encrypted to the client. */
export type ChallengeMode = 'sign' | 'decrypt';

/** What a challenge is about. */
export interface ChallengeSubject {
  /** URL of the issuer that made it. */
  readonly server: string;
  readonly client: string;
  readonly id: string;
  /** `<METHOD> <path>` of the request that will carry the answer. */
  readonly purpose: string;
}

/** What is signed: LP(label, server, client, id, purpose, challenge, request hash). */
export function challengeMessage(subject: ChallengeSubject, challenge: Uint8Array, requestHash: Uint8Array): Uint8Array {
  const { server, client, id, purpose } = subject;
  return lengthPrefixed(challengeLabel, server, client, id, purpose, challenge, requestHash);
}

/** What is encrypted, with the label in OAEP: LP(server, client, id, purpose, random). */
export function challengePlaintext({ server, client, id, purpose }: ChallengeSubject, random: Uint8Array): Uint8Array {
  return lengthPrefixed(server, client, id, purpose, random);
}

/** The answer to what was decrypted: HMAC-SHA-256(random, request hash). */
export function challengeAnswer(random: Uint8Array, requestHash: Uint8Array): Uint8Array {
  return hmacSha256(random, requestHash);
}

/** `POST /v1/challenges` */
export interface ChallengeRequest {
  readonly client: string;
  readonly mode: ChallengeMode;
  readonly purpose: string;
  /** Which credential will answer, where the client has two; `decrypt` encrypts to its key. */
  readonly credential_id?: string | undefined;
}

/** Exactly one of `challenge` and `encrypted_challenge`, by `mode`; base64url. */
export interface ChallengeResponse {
  readonly challenge_id: string;
  readonly client: string;
  readonly server: string;
  readonly purpose: string;
  readonly mode: ChallengeMode;
  readonly challenge?: string | undefined;
  readonly encrypted_challenge?: string | undefined;
  /** Seconds. */
  readonly expires_in: number;
  readonly expires_at: string;
}
