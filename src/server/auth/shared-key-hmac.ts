/**
 * `shared_key_hmac`: nonce, time, action, name, body and their MAC under the private key that enrolment derived. Every answer carries a MAC too,
 * refusals included; for a name that nobody has, under a key that nobody has, so that both look alike.
 */
import { encodeBase64url, equalBytes, hmacSha256, isName } from '../../core/index.js';
import type { AnswerSigner } from '../../protocol/answer-signer.js';
import { singleField } from '../../protocol/header-fields.js';
import {
  answerMac,
  formatMacFields,
  type MacFields,
  type MacRequest,
  macHeader,
  macKeyBytes,
  macWindowMs,
  readMacFields,
  requestMac,
} from '../../protocol/shared-key-hmac.js';
import type { CredentialRecord } from '../domain/records.js';
import type { AuthenticatorTools } from './authenticator-tools.js';
import type {
  AuthenticationRequest,
  AuthenticationResult,
  ClientAuthenticator,
  FailureReason,
  LoginAccount,
} from './client-authenticator.js';
import { claimOfRefused } from './early-proof.js';
import { standInAccount, standInCredential } from './stand-in.js';

const method = 'shared_key_hmac';
/** Live credentials that every MAC is computed with; fewer are filled up with one that nobody has. */
const comparedCredentials = 2;

type Tools = Pick<AuthenticatorTools, 'issuer' | 'clock' | 'randomBytes' | 'challengeKey'>;

/** The authenticator over the issuer's credentials. */
export function createSharedKeyHmac(tools: Tools): ClientAuthenticator {
  return {
    method,
    kind: 'header',
    recognises: ({ headers }) => headers.has(macHeader),
    authenticate: (request) => authenticate(tools, request),
    refusalSigner: async (request) => {
      const { name, nonce } = readMacFields(singleField(request.headers, macHeader) ?? '', 'request') ?? {};
      if (name === undefined || nonce === undefined || !isName(name)) return undefined;
      const account = (await tools.issuer.credentialsForLogin(name)) ?? standInAccount;
      return answerSigner(tools, newest(await keysOf(tools, account, name)).key, nonce);
    },
  };
}

async function authenticate(tools: Tools, request: AuthenticationRequest): Promise<AuthenticationResult> {
  const fields = readMacFields(singleField(request.headers, macHeader) ?? '', 'request');
  const client = fields?.name;
  if (fields === undefined || client === undefined || !isName(client)) {
    return { ok: false, client: undefined, reason: 'credentials_malformed', account: standInAccount };
  }
  const found = await tools.issuer.credentialsForLogin(client);
  const account = found ?? standInAccount;
  const keys = await keysOf(tools, account, client);
  const packet = await request.body();
  const { nonce, sentAtMs } = fields;
  const message: MacRequest = { nonce, sentAtMs, action: `${request.method} ${request.target}`, name: client, packet };
  const matched = matching(keys, message, fields);
  const signAnswer = answerSigner(tools, (matched ?? newest(keys)).key, nonce);
  const fail = (reason: FailureReason): AuthenticationResult => ({ ok: false, client, reason, account, signAnswer });
  if (found === undefined) return fail('client_unknown');
  if (matched === undefined) return fail('signature_wrong');
  const { credential } = matched;
  const claim = {
    scope: `${method}:${credential.id}`,
    nonce: encodeBase64url(nonce),
    sentAtMs,
    windowMs: macWindowMs,
    staleAtMs: sentAtMs + macWindowMs,
  };
  const nowMs = tools.clock();
  if (Math.abs(sentAtMs - nowMs) >= macWindowMs) return { ...fail('time_wrong'), claim: claimOfRefused(claim, nowMs) };
  return { ok: true, client, credential, account, claim, signAnswer };
}

interface PrivateKey {
  readonly credential: CredentialRecord;
  readonly key: Uint8Array;
}

/** The client's live keys, oldest first, behind as many that nobody has as make up for fewer. */
async function keysOf({ issuer, challengeKey }: Tools, account: LoginAccount, client: string): Promise<readonly PrivateKey[]> {
  const credentials = account.live.filter((credential) => credential.authMethod === method);
  const missing = Math.max(0, comparedCredentials - credentials.length);
  const compared = [...Array.from({ length: missing }, () => standInCredential), ...credentials];
  return await Promise.all(
    compared.map(async (credential) => {
      const key = await issuer.credentialSecret(credential.id);
      return key === undefined ? { credential: standInCredential, key: standInKey(challengeKey, client) } : { credential, key };
    }),
  );
}

/** The same for each name every time: answers to a name that nobody has must not differ from one to the next by more than real ones do. */
function standInKey(secret: Uint8Array, client: string): Uint8Array {
  return hmacSha256(secret, new TextEncoder().encode(`stand-in ${client}`));
}

function newest(keys: readonly PrivateKey[]): PrivateKey {
  const key = keys.at(-1);
  if (key === undefined) throw new Error('there is always a stand-in');
  return key;
}

/** The key that made the MAC. All are compared, in constant time, at least two. */
function matching(keys: readonly PrivateKey[], message: MacRequest, { mac }: MacFields): PrivateKey | undefined {
  let matched: PrivateKey | undefined;
  for (const key of keys) {
    const isEqual = equalBytes(requestMac(key.key, message), mac);
    if (isEqual && key.credential !== standInCredential) matched = key;
  }
  return matched;
}

/** Signs answers to the request with `requestNonce` under `key`. */
export function answerSigner(
  { clock, randomBytes }: Pick<Tools, 'clock' | 'randomBytes'>,
  key: Uint8Array,
  requestNonce: Uint8Array,
): AnswerSigner {
  return async ({ status, body: packet }) => {
    const nonce = randomBytes(macKeyBytes);
    const sentAtMs = clock();
    const mac = answerMac(key, { requestNonce, nonce, sentAtMs, status, packet });
    return { [macHeader]: formatMacFields({ nonce, sentAtMs, mac }) };
  };
}
