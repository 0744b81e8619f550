/**
 * Makes challenges and knows them again. Nothing is stored for a challenge that is not answered: its id holds its end and a MAC over what it is
 * for, and its value is derived from the id. A client that does not exist gets one too, so that nobody learns who does.
 */
import { constants, createPublicKey, hkdfSync, publicEncrypt } from 'node:crypto';
import { formatRfc3339 } from '../../caveats/rfc3339.js';
import { concatBytes, decodeBase64url, encodeBase64url, equalBytes, hmacSha256, lengthPrefixed } from '../../core/index.js';
import {
  type ChallengeMode,
  type ChallengeRequest,
  type ChallengeResponse,
  challengeLabel,
  challengeLifeMs,
  challengePlaintext,
  maxChallengePlaintextBytes,
} from '../../protocol/challenge.js';
import { IssuerError } from '../domain/issuer-error.js';
import type { CredentialRecord } from '../domain/records.js';
import type { AuthenticatorTools } from './authenticator-tools.js';

const method = 'challenge_response';
const idLabel = 'macaroond/challenge-id/v1';
const valueLabel = 'macaroond/challenge-value/v1';
const standInLabel = 'macaroond/challenge-stand-in/v1';
const timeBytes = 6;
const randomPartBytes = 16;
const macBytes = 16;
const idBytes = timeBytes + randomPartBytes + macBytes;
/** Of RSA-3072, the one size of keys that challenges are encrypted to. */
const modulusBytes = 384;

type Tools = Pick<AuthenticatorTools, 'issuer' | 'clock' | 'randomBytes' | 'serverName' | 'challengeKey'>;

/** What a challenge was made for. */
export interface ChallengeScope {
  readonly client: string;
  readonly mode: ChallengeMode;
  readonly purpose: string;
  /** Whose key it was encrypted to, so that its answer is the proof of that credential and no other; empty for nobody's, and to sign. */
  readonly credentialId: string;
}

/** A new challenge, answered or not within a minute. Throws `invalid_request` for a purpose that is too long to be encrypted. */
export async function makeChallenge(tools: Tools, request: ChallengeRequest): Promise<ChallengeResponse> {
  const { client, mode, purpose, credential_id: credentialId } = request;
  const expiresAtMs = tools.clock() + challengeLifeMs;
  const account = await tools.issuer.credentialsForLogin(client);
  const credential = decryptingCredential(account?.live ?? [], credentialId);
  const scope = { client, mode, purpose, credentialId: mode === 'decrypt' ? (credential?.id ?? '') : '' };
  const id = challengeId(tools, scope, expiresAtMs, tools.randomBytes(randomPartBytes));
  const value = challengeValue(tools, id);
  const server = tools.serverName();
  const plaintext = challengePlaintext({ server, client, id, purpose }, value);
  const shown =
    mode === 'sign'
      ? { challenge: encodeBase64url(value) }
      : { encrypted_challenge: encrypted(plaintext, credential?.publicKey ?? standInKey(tools, client)) };
  const end = { expires_in: challengeLifeMs / 1000, expires_at: formatRfc3339(expiresAtMs) };
  return { challenge_id: id, client, server, purpose, mode, ...shown, ...end };
}

/** When the challenge `id` ends, Unix milliseconds; `undefined` unless it was made here, for just `scope`. */
export function challengeEndMs(tools: Pick<Tools, 'challengeKey'>, id: string, scope: ChallengeScope): number | undefined {
  const bytes = bytesOf(id);
  if (bytes === undefined) return undefined;
  const expiresAtMs =
    new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) * 0x10000 + ((bytes[4] ?? 0) << 8) + (bytes[5] ?? 0);
  const random = bytes.subarray(timeBytes, timeBytes + randomPartBytes);
  const expected = idMac(tools, scope, bytes.subarray(0, timeBytes), random);
  return equalBytes(expected, bytes.subarray(timeBytes + randomPartBytes)) ? expiresAtMs : undefined;
}

/** The 32 bytes that the challenge `id` stands for. */
export function challengeValue({ challengeKey }: Pick<Tools, 'challengeKey'>, id: string): Uint8Array {
  return hmacSha256(challengeKey, lengthPrefixed(valueLabel, id));
}

function challengeId(tools: Tools, scope: ChallengeScope, expiresAtMs: number, random: Uint8Array): string {
  const time = new Uint8Array(timeBytes);
  let rest = expiresAtMs;
  for (let i = timeBytes - 1; i >= 0; i--) {
    time[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return encodeBase64url(concatBytes(time, random, idMac(tools, scope, time, random)));
}

function idMac(
  { challengeKey }: Pick<Tools, 'challengeKey'>,
  scope: ChallengeScope,
  time: Uint8Array,
  random: Uint8Array,
): Uint8Array {
  const { client, mode, purpose, credentialId } = scope;
  return hmacSha256(challengeKey, lengthPrefixed(idLabel, client, mode, purpose, credentialId, time, random)).subarray(
    0,
    macBytes,
  );
}

function bytesOf(id: string): Uint8Array | undefined {
  try {
    const bytes = decodeBase64url(id);
    return bytes.length === idBytes ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** The credential to encrypt to: the named one, or the newest. */
function decryptingCredential(live: readonly CredentialRecord[], id: string | undefined): CredentialRecord | undefined {
  const able = live.filter((one) => one.authMethod === method && one.algorithm === 'decrypt-rsa-oaep-256');
  return id === undefined ? able.at(-1) : able.find((one) => one.id === id);
}

/** `plaintext` to a public key: SubjectPublicKeyInfo, base64url. */
function encrypted(plaintext: Uint8Array, publicKey: string): string {
  if (plaintext.length > maxChallengePlaintextBytes)
    throw new IssuerError('invalid_request', 'the purpose is too long for a challenge to decrypt', '/purpose');
  const key = { key: Buffer.from(decodeBase64url(publicKey)), format: 'der', type: 'spki' } as const;
  const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256', oaepLabel: Buffer.from(challengeLabel) };
  return encodeBase64url(new Uint8Array(publicEncrypt({ ...key, ...oaep }, plaintext)));
}

/**
 * What is encrypted to for a client that has no such key: the same for a name every time, and a number that nobody has factored. So its
 * challenges look and cost like those of a client that has one.
 */
export function standInKey({ challengeKey }: Pick<Tools, 'challengeKey'>, client: string): string {
  const modulus = new Uint8Array(hkdfSync('sha256', challengeKey, '', lengthPrefixed(standInLabel, client), modulusBytes));
  modulus[0] = (modulus[0] ?? 0) | 0x80;
  modulus[modulusBytes - 1] = (modulus[modulusBytes - 1] ?? 0) | 1;
  const key = createPublicKey({ key: { kty: 'RSA', n: encodeBase64url(modulus), e: 'AQAB' }, format: 'jwk' });
  return encodeBase64url(key.export({ type: 'spki', format: 'der' }));
}
