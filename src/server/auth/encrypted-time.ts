/**
 * `encrypted_time`: the time of day, encrypted to the issuer's public key, with a MAC of the client over it and the request inside. Whatever is
 * wrong with a ciphertext, the caller sees one and the same refusal, so that nothing can be learned by altering one.
 */
import { constants, type KeyObject, privateDecrypt } from 'node:crypto';
import { encodeBase64url, encodeUtf8, equalBytes, isName } from '../../core/index.js';
import {
  encryptedTimeHeader,
  encryptedTimeLabel,
  encryptedTimeWindowMs,
  macOf,
  type ReadEncryptedTime,
  readEncryptedTime,
} from '../../protocol/encrypted-time.js';
import { singleField } from '../../protocol/header-fields.js';
import { parseDictionary } from '../../protocol/http-signature/index.js';
import { requestHash } from '../../protocol/request-hash.js';
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

const method = 'encrypted_time';
/** Live credentials that every MAC is computed with; fewer are filled up with one that nobody has. */
const comparedCredentials = 2;

type Tools = Pick<AuthenticatorTools, 'issuer' | 'clock' | 'timeKey'>;

/** The authenticator over the issuer's credentials and its time key. */
export function createEncryptedTime(tools: Tools): ClientAuthenticator {
  return {
    method,
    kind: 'header',
    recognises: ({ headers }) => headers.has(encryptedTimeHeader),
    authenticate: (request) => authenticate(tools, request),
  };
}

async function authenticate(tools: Tools, request: AuthenticationRequest): Promise<AuthenticationResult> {
  const proof = readProof(request, tools.timeKey.kid);
  if (proof === undefined) return { ok: false, client: undefined, reason: 'credentials_malformed', account: standInAccount };
  const { client, ciphertext } = proof;
  const found = await tools.issuer.credentialsForLogin(client);
  const account = found ?? standInAccount;
  const fail = (reason: FailureReason): AuthenticationResult => ({ ok: false, client, reason, account });
  const time = decrypt(tools.timeKey.decryptionKey, ciphertext);
  const credential = await matchingCredential(tools, account, client, time ?? standInTime);
  if (found === undefined) return fail('client_unknown');
  if (time === undefined) return fail('ciphertext_wrong');
  if (credential === undefined) return fail('signature_wrong');
  const { sentAtMs, nonce } = time;
  const { method: requestMethod, targetUri } = request;
  const hash = requestHash({ method: requestMethod, targetUri, body: await request.body() });
  if (!equalBytes(hash, time.requestHash)) return fail('request_wrong');
  const claim = {
    scope: `${method}:${client}`,
    nonce: encodeBase64url(nonce),
    sentAtMs,
    windowMs: encryptedTimeWindowMs,
    staleAtMs: sentAtMs + encryptedTimeWindowMs,
  };
  const nowMs = tools.clock();
  if (Math.abs(sentAtMs - nowMs) >= encryptedTimeWindowMs) {
    return { ...fail('time_wrong'), claim: claimOfRefused(claim, nowMs) };
  }
  return { ok: true, client, credential, account, claim };
}

/** Client and ciphertext of the one header; `undefined` unless it is for our key and in the one form. */
function readProof(
  { headers }: AuthenticationRequest,
  kid: string,
): { readonly client: string; readonly ciphertext: Uint8Array } | undefined {
  try {
    const members = parseDictionary(singleField(headers, encryptedTimeHeader) ?? '');
    const [client, ciphertext] = [members.get('client'), members.get('ct')];
    if (members.size !== 3 || members.get('kid') !== kid || typeof client !== 'string' || !isName(client)) return undefined;
    return ciphertext instanceof Uint8Array ? { client, ciphertext } : undefined;
  } catch {
    return undefined;
  }
}

/** What is in `ciphertext`; `undefined` for anything that is not what a client would have encrypted. */
function decrypt(key: KeyObject, ciphertext: Uint8Array): ReadEncryptedTime | undefined {
  try {
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    const options = { key, padding, oaepHash: 'sha256', oaepLabel: Buffer.from(encryptedTimeLabel) };
    return readEncryptedTime(new Uint8Array(privateDecrypt(options, ciphertext)));
  } catch {
    return undefined;
  }
}

const standInTime: ReadEncryptedTime = Object.freeze({
  sentAtMs: 0,
  nonce: new Uint8Array(16),
  requestHash: new Uint8Array(32),
  signed: new Uint8Array(57),
  mac: new Uint8Array(32),
});
const standInSecret = encodeUtf8(`mcs_${'A'.repeat(43)}`);

/** The live credential whose secret made the MAC. All are compared, in constant time, at least two. */
async function matchingCredential({ issuer }: Tools, account: LoginAccount, client: string, { signed, mac }: ReadEncryptedTime) {
  const compared = account.live.filter((credential) => credential.authMethod === method);
  while (compared.length < comparedCredentials) compared.push(standInCredential);
  let matched: (typeof compared)[number] | undefined;
  for (const credential of compared) {
    const secret = await issuer.credentialSecret(credential.id);
    const isEqual = equalBytes(macOf(signed, client, secret ?? standInSecret), mac);
    if (isEqual && secret !== undefined) matched = credential;
  }
  return matched;
}
