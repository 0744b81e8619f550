/** `challenge_response`, the client's half: asks the issuer for a challenge and answers it with a key that never leaves; see `protocol/challenge.ts`. */
import { constants, type KeyObject, privateDecrypt, sign } from 'node:crypto';
import { decodeBase64url, equalBytes, MacaroonError } from '../../core/index.js';
import {
  type ChallengeRequest,
  type ChallengeSubject,
  challengeAnswer,
  challengeHeader,
  challengeLabel,
  challengeMessage,
  challengePlaintext,
} from '../../protocol/challenge.js';
import { formatDictionary } from '../../protocol/http-signature/index.js';
import { requestHash } from '../../protocol/request-hash.js';
import { parsePrivateKey } from '../private-key.js';
import type { ProverTools, RequestProver } from './prover.js';

export interface ChallengeCredential {
  /** URL of the issuer without a slash at its end, by which a challenge must name it. */
  readonly issuer: string;
  readonly client: string;
  readonly credentialId: string;
  readonly algorithm: 'sign-ed25519' | 'sign-ecdsa-p256-sha256' | 'sign-rsa-pss-sha256' | 'decrypt-rsa-oaep-256';
  /** PEM, PKCS #8. */
  readonly privateKey: string;
}

const randomBytes = 32;

/**
 * Proves the client by answering one challenge for each request. Throws `ERR_ARGUMENT` for a private key that is none; its `prove` throws
 * `ERR_ISSUER_*`, also for a challenge that is not one for just this client and request.
 */
export function challengeProver(credential: ChallengeCredential, tools: ProverTools): RequestProver {
  const key = parsePrivateKey(credential.privateKey, 'privateKey');
  const { client, algorithm, credentialId } = credential;
  return {
    async prove(request) {
      const purpose = `${request.method} ${request.target.split('?', 1)[0] ?? ''}`;
      const mode = algorithm === 'decrypt-rsa-oaep-256' ? 'decrypt' : 'sign';
      const asked: ChallengeRequest = { client, mode, purpose, credential_id: credentialId };
      const answer = await tools.ask('POST', '/v1/challenges', asked);
      const id = textIn(answer, 'challenge_id');
      const subject = { server: credential.issuer, client, id, purpose };
      if (textIn(answer, 'server') !== subject.server) throw unusable('it calls itself by another URL than the credential');
      const hash = requestHash(request);
      const response =
        mode === 'sign'
          ? signature(key, algorithm, challengeMessage(subject, bytesIn(answer, 'challenge'), hash))
          : challengeAnswer(decrypted(key, subject, bytesIn(answer, 'encrypted_challenge')), hash);
      const value = formatDictionary([
        ['id', id],
        ['client', client],
        ['response', response],
      ]);
      return { headers: { [challengeHeader]: value } };
    },
  };
}

function signature(key: KeyObject, algorithm: ChallengeCredential['algorithm'], message: Uint8Array): Uint8Array {
  switch (algorithm) {
    case 'sign-ecdsa-p256-sha256':
      return new Uint8Array(sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }));
    case 'sign-rsa-pss-sha256':
      return new Uint8Array(sign('sha256', message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }));
    default:
      return new Uint8Array(sign(null, message, key));
  }
}

/** The random bytes in a challenge, if it is one for just `subject`: whoever encrypted something else learns nothing of what it held. */
function decrypted(key: KeyObject, subject: ChallengeSubject, ciphertext: Uint8Array): Uint8Array {
  let plaintext: Uint8Array;
  try {
    const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256', oaepLabel: Buffer.from(challengeLabel) };
    plaintext = new Uint8Array(privateDecrypt({ key, ...oaep }, ciphertext));
  } catch {
    throw unusable('it cannot be decrypted with the key of the credential');
  }
  const random = plaintext.slice(-randomBytes);
  if (!equalBytes(challengePlaintext(subject, random), plaintext)) throw unusable('it was made for something else');
  return random;
}

function textIn(answer: unknown, name: string): string {
  const value = typeof answer === 'object' && answer !== null ? Reflect.get(answer, name) : undefined;
  if (typeof value === 'string') return value;
  throw unusable(`${name} is missing`);
}

function bytesIn(answer: unknown, name: string): Uint8Array {
  const text = textIn(answer, name);
  try {
    return decodeBase64url(text);
  } catch {
    throw unusable(`${name} is not base64url`);
  }
}

function unusable(fault: string): MacaroonError {
  return new MacaroonError('ERR_ISSUER_ANSWER', `the issuer's challenge cannot be used: ${fault}`);
}
