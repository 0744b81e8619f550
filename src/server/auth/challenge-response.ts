/**
 * `challenge_response`: the client answers a challenge that the issuer made for it, with a key that only the client has. What is signed names the
 * issuer, the client, the challenge, its purpose and the request, so that no signature made for something else is an answer here, nor the other
 * way round. A challenge is claimed, and thereby used up, once its answer was found good.
 */
import { constants, createPublicKey, verify } from 'node:crypto';
import { decodeBase64url, equalBytes, isName } from '../../core/index.js';
import {
  type ChallengeMode,
  challengeAnswer,
  challengeHeader,
  challengeLifeMs,
  challengeMessage,
} from '../../protocol/challenge.js';
import { singleField } from '../../protocol/header-fields.js';
import { jwkThumbprint, parseDictionary, spkiPublicJwk } from '../../protocol/http-signature/index.js';
import { requestHash } from '../../protocol/request-hash.js';
import type { CredentialAlgorithm, CredentialRecord } from '../domain/records.js';
import type { AuthenticatorTools } from './authenticator-tools.js';
import { challengeEndMs, challengeValue, standInKey } from './challenges.js';
import type {
  AuthenticationRequest,
  AuthenticationResult,
  ClientAuthenticator,
  FailureReason,
  LoginAccount,
} from './client-authenticator.js';
import { standInAccount, standInCredential } from './stand-in.js';

const method = 'challenge_response';
const algorithms = [
  'sign-ed25519',
  'sign-ecdsa-p256-sha256',
  'sign-rsa-pss-sha256',
  'decrypt-rsa-oaep-256',
] as const satisfies readonly CredentialAlgorithm[];
/** Credentials of each algorithm that every answer is compared with; fewer are filled up with one that nobody has. */
const comparedCredentials = 2;
/** SubjectPublicKeyInfo of the base points of both curves. */
const ed25519Point = 'MCowBQYDK2VwAyEAWGZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY';
const p256Point =
  'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li_hp_m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q';

type Tools = Pick<AuthenticatorTools, 'issuer' | 'clock' | 'serverName' | 'challengeKey'>;

/** The authenticator over the issuer's credentials. */
export function createChallengeResponse(tools: Tools): ClientAuthenticator {
  const standIns = standInCredentials(tools);
  return {
    method,
    kind: 'header',
    recognises: ({ headers }) => headers.has(challengeHeader),
    authenticate: (request) => authenticate(tools, standIns, request),
  };
}

async function authenticate(
  tools: Tools,
  standIns: readonly CredentialRecord[],
  request: AuthenticationRequest,
): Promise<AuthenticationResult> {
  const answer = readAnswer(request);
  if (answer === undefined) return { ok: false, client: undefined, reason: 'credentials_malformed', account: standInAccount };
  const { client, id, response } = answer;
  const found = await tools.issuer.credentialsForLogin(client);
  const account = found ?? standInAccount;
  const fail = (reason: FailureReason): AuthenticationResult => ({ ok: false, client, reason, account });
  const purpose = `${request.method} ${pathOf(request.target)}`;
  const hash = requestHash({ method: request.method, targetUri: request.targetUri, body: await request.body() });
  const value = challengeValue(tools, id);
  const message = challengeMessage({ server: tools.serverName(), client, id, purpose }, value, hash);
  const compared = comparedWith(account, standIns).map((credential) => ({
    credential,
    endMs: endOf(tools, answer, purpose, credential),
    holds: isAnswer(credential, message, challengeAnswer(value, hash), response),
  }));
  const made = compared.filter(({ endMs }) => endMs !== undefined);
  const matched = made.find(({ credential, holds }) => holds && !standIns.includes(credential));
  if (found === undefined) return fail('client_unknown');
  if (made.length === 0) return fail('challenge_wrong');
  if (matched?.endMs === undefined) return fail('signature_wrong');
  const { credential, endMs } = matched;
  if (tools.clock() >= endMs) return fail('challenge_expired');
  const sentAtMs = endMs - challengeLifeMs;
  const claim = { scope: `${method}:${client}`, nonce: id, sentAtMs, windowMs: 0, staleAtMs: endMs };
  return { ok: true, client, credential, account, claim, keyThumbprint: thumbprintOf(credential) };
}

interface PresentedAnswer {
  readonly client: string;
  readonly id: string;
  readonly response: Uint8Array;
}

function readAnswer({ headers }: AuthenticationRequest): PresentedAnswer | undefined {
  try {
    const members = parseDictionary(singleField(headers, challengeHeader) ?? '');
    const [id, client, response] = [members.get('id'), members.get('client'), members.get('response')];
    if (members.size !== 3 || typeof id !== 'string' || typeof client !== 'string' || !isName(client)) return undefined;
    return response instanceof Uint8Array ? { client, id, response } : undefined;
  } catch {
    return undefined;
  }
}

/** When the challenge ends, if it was made here for just this client and purpose, and to be answered by just this credential. */
function endOf(tools: Tools, { id, client }: PresentedAnswer, purpose: string, credential: CredentialRecord): number | undefined {
  const mode = modeOf(credential.algorithm);
  return challengeEndMs(tools, id, { client, mode, purpose, credentialId: mode === 'decrypt' ? credential.id : '' });
}

function modeOf(algorithm: CredentialAlgorithm | null): ChallengeMode {
  return algorithm === 'decrypt-rsa-oaep-256' ? 'decrypt' : 'sign';
}

/** One that nobody has for each algorithm, so that an answer takes the same work whatever its client has. */
function standInCredentials(tools: Tools): readonly CredentialRecord[] {
  const rsaKey = standInKey(tools, '');
  const publicKeys = [ed25519Point, p256Point, rsaKey, rsaKey];
  const authMethod = method;
  return algorithms.map((algorithm, i) => ({ ...standInCredential, authMethod, algorithm, publicKey: publicKeys[i] ?? null }));
}

/** The client's live credentials, filled up to the same number of each algorithm. All are tried. */
function comparedWith(account: LoginAccount, standIns: readonly CredentialRecord[]): readonly CredentialRecord[] {
  const able = account.live.filter((credential) => credential.authMethod === method);
  return standIns.flatMap((standIn) => {
    const compared = able.filter(({ algorithm }) => algorithm === standIn.algorithm);
    while (compared.length < comparedCredentials) compared.push(standIn);
    return compared;
  });
}

function isAnswer(credential: CredentialRecord, message: Uint8Array, expected: Uint8Array, response: Uint8Array): boolean {
  if (modeOf(credential.algorithm) === 'decrypt') return equalBytes(expected, response);
  return isSignature(credential, message, response);
}

function isSignature({ algorithm, publicKey }: CredentialRecord, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey === null) return false;
  const key = createPublicKey({ key: Buffer.from(decodeBase64url(publicKey)), format: 'der', type: 'spki' });
  switch (algorithm) {
    case 'sign-ed25519':
      return verify(null, message, key, signature);
    case 'sign-ecdsa-p256-sha256':
      // 64 bytes are r and s (IEEE P1363); DER, as openssl writes it, is longer.
      return verify('sha256', message, { key, dsaEncoding: signature.length === 64 ? 'ieee-p1363' : 'der' }, signature);
    case 'sign-rsa-pss-sha256':
      return verify('sha256', message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature);
    default:
      return false;
  }
}

/** Only a key that signs is one that requests can be bound to. */
function thumbprintOf({ algorithm, publicKey }: CredentialRecord): string | undefined {
  if (publicKey === null || modeOf(algorithm) === 'decrypt') return undefined;
  return jwkThumbprint(spkiPublicJwk(decodeBase64url(publicKey)));
}

function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}
