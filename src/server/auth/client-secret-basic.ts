/**
 * `client_secret_basic`: name and secret of the client in an `Authorization: Basic` header. Secrets are made by the issuer and have
 * 256 bits, so a plain SHA-256 is stored; a slow hash would only help who wants to keep the processor busy.
 */
import { decodeBase64url, encodeUtf8, equalBytes, isName, sha256, whenKnown } from '../../core/index.js';
import { singleField } from '../../protocol/header-fields.js';
import type { Issuer } from '../domain/issuer.js';
import type { Known } from '../domain/ports.js';
import type { CredentialRecord } from '../domain/records.js';
import { type BasicCredentials, isBasicScheme, parseBasicCredentials } from './basic-credentials.js';
import type { AuthenticationRequest, AuthenticationResult, ClientAuthenticator } from './client-authenticator.js';
import { standInAccount, standInCredential } from './stand-in.js';

const method = 'client_secret_basic';
/** Live credentials that every login is compared with; fewer are filled up with ones that no secret matches. */
const comparedCredentials = 2;
const noCredentials: BasicCredentials = { id: '', secret: '' };

/** The authenticator over the issuer's credentials. */
export function createClientSecretBasic(issuer: Pick<Issuer, 'credentialsForLogin'>): ClientAuthenticator {
  return {
    method,
    kind: 'header',
    recognises: ({ headers }) => (headers.get('authorization') ?? []).some(isBasicScheme),
    authenticate: (request) => authenticate(issuer, request),
  };
}

function authenticate(
  issuer: Pick<Issuer, 'credentialsForLogin'>,
  { headers }: AuthenticationRequest,
): Known<AuthenticationResult> {
  const parsed = parseBasicCredentials(singleField(headers, 'authorization') ?? '');
  const { id, secret } = parsed ?? noCredentials;
  const client = isName(id) ? id : undefined;
  return whenKnown(client === undefined ? undefined : issuer.credentialsForLogin(client), (found): AuthenticationResult => {
    const account = found ?? standInAccount;
    const matched = matchingCredential(account.live, secret);
    if (parsed === undefined) return { ok: false, client, reason: 'credentials_malformed', account };
    if (client === undefined || found === undefined) return { ok: false, client, reason: 'client_unknown', account };
    if (matched === undefined) return { ok: false, client, reason: 'secret_wrong', account };
    return { ok: true, client, credential: matched, account };
  });
}

/** The live credential of this method whose hash is that of `secret`. All are compared, in constant time, at least two. */
function matchingCredential(live: readonly CredentialRecord[], secret: string): CredentialRecord | undefined {
  const presented = sha256(encodeUtf8(secret));
  let matched: CredentialRecord | undefined;
  let compared = 0;
  for (const credential of live) {
    if (credential.authMethod !== method) continue;
    compared++;
    if (equalBytes(hashOf(credential), presented) && credential.secretHash !== null) matched = credential;
  }
  for (; compared < comparedCredentials; compared++) equalBytes(hashOf(standInCredential), presented);
  return matched;
}

/** Read once while a record is held, which the store lets go of with every change. */
const hashes = new WeakMap<CredentialRecord, Uint8Array>();

function hashOf(credential: CredentialRecord): Uint8Array {
  const known = hashes.get(credential);
  if (known !== undefined) return known;
  const hash = decodeBase64url(credential.secretHash ?? standInCredential.secretHash ?? '');
  hashes.set(credential, hash);
  return hash;
}
