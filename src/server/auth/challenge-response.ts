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
import { challengeEndMs, challengeValue } from './challenges.js';
import type {
  AuthenticationRequest,
  AuthenticationResult,
  ClientAuthenticator,
  FailureReason,
  LoginAccount,
} from './client-authenticator.js';
import { standInAccount, standInCredential } from './stand-in.js';

const method = 'challenge_response';
/** Live credentials that every answer is compared with; fewer are filled up with one that nobody has. */
const comparedCredentials = 2;
/** A public key whose private key nobody kept: SubjectPublicKeyInfo of the Ed25519 base point. */
const standInKey: CredentialRecord = Object.freeze({
  ...standInCredential,
  authMethod: method,
  algorithm: 'sign-ed25519',
  publicKey: 'MCowBQYDK2VwAyEAWGZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY',
});

type Tools = Pick<AuthenticatorTools, 'issuer' | 'clock' | 'serverName' | 'challengeKey'>;

/** The authenticator over the issuer's credentials. */
export function createChallengeResponse(tools: Tools): ClientAuthenticator {
  return {
    method,
    kind: 'header',
    recognises: ({ headers }) => headers.has(challengeHeader),
    authenticate: (request) => authenticate(tools, request),
  };
}

async function authenticate(tools: Tools, request: AuthenticationRequest): Promise<AuthenticationResult> {
  const answer = readAnswer(request);
  if (answer === undefined) return { ok: false, client: undefined, reason: 'credentials_malformed', account: standInAccount };
  const { client, id, response } = answer;
  const found = await tools.issuer.credentialsForLogin(client);
  const account = found ?? standInAccount;
  const fail = (reason: FailureReason): AuthenticationResult => ({ ok: false, client, reason, account });
  const purpose = `${request.method} ${pathOf(request.target)}`;
  const made = whatWasMade(tools, id, client, purpose);
  const hash = requestHash({ method: request.method, targetUri: request.targetUri, body: await request.body() });
  const value = challengeValue(tools, id);
  const message = challengeMessage({ server: tools.serverName(), client, id, purpose }, value, hash);
  const credential = matchingCredential(account, (one) =>
    modeOf(one.algorithm) === 'sign' ? isSignature(one, message, response) : equalBytes(challengeAnswer(value, hash), response),
  );
  if (found === undefined) return fail('client_unknown');
  if (made === undefined) return fail('challenge_wrong');
  if (credential === undefined || modeOf(credential.algorithm) !== made.mode) return fail('signature_wrong');
  if (tools.clock() >= made.endMs) return fail('challenge_expired');
  const sentAtMs = made.endMs - challengeLifeMs;
  const claim = { scope: `${method}:${client}`, nonce: id, sentAtMs, windowMs: 0, staleAtMs: made.endMs };
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

/** Mode and end of the challenge, if it was made here for just this client and purpose. */
function whatWasMade(tools: Tools, id: string, client: string, purpose: string) {
  for (const mode of ['sign', 'decrypt'] as const) {
    const endMs = challengeEndMs(tools, id, { client, mode, purpose });
    if (endMs !== undefined) return { mode, endMs };
  }
  return undefined;
}

function modeOf(algorithm: CredentialAlgorithm | null): ChallengeMode {
  return algorithm === 'decrypt-rsa-oaep-256' ? 'decrypt' : 'sign';
}

/** The live credential that the answer holds for. All are tried, at least two. */
function matchingCredential(
  account: LoginAccount,
  holds: (credential: CredentialRecord) => boolean,
): CredentialRecord | undefined {
  const compared = account.live.filter((credential) => credential.authMethod === method);
  while (compared.length < comparedCredentials) compared.push(standInKey);
  let matched: CredentialRecord | undefined;
  for (const credential of compared) {
    const isMatch = holds(credential);
    if (isMatch && credential !== standInKey) matched = credential;
  }
  return matched;
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
