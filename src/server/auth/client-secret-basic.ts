/**
 * `client_secret_basic`: name and secret of the client in an `Authorization: Basic` header. Secrets are made by the issuer and have
 * 256 bits, so a plain SHA-256 is stored; a slow hash would only help who wants to keep the processor busy.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { decodeBase64url, isName } from '../../core/index.js';
import { singleField } from '../../protocol/header-fields.js';
import type { Issuer } from '../domain/issuer.js';
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

async function authenticate(
  issuer: Pick<Issuer, 'credentialsForLogin'>,
  { headers }: AuthenticationRequest,
): Promise<AuthenticationResult> {
  const parsed = parseBasicCredentials(singleField(headers, 'authorization') ?? '');
  const { id, secret } = parsed ?? noCredentials;
  const client = isName(id) ? id : undefined;
  const found = client === undefined ? undefined : await issuer.credentialsForLogin(client);
  const account = found ?? standInAccount;
  const matched = matchingCredential(account.live, secret);
  if (parsed === undefined) return { ok: false, client, reason: 'credentials_malformed', account };
  if (client === undefined || found === undefined) return { ok: false, client, reason: 'client_unknown', account };
  if (matched === undefined) return { ok: false, client, reason: 'secret_wrong', account };
  return { ok: true, client, credential: matched, account };
}

/** The live credential of this method whose hash is that of `secret`. All are compared, in constant time, at least two. */
function matchingCredential(live: readonly CredentialRecord[], secret: string): CredentialRecord | undefined {
  const presented = createHash('sha256').update(secret, 'utf8').digest();
  const compared = live.filter((credential) => credential.authMethod === method);
  while (compared.length < comparedCredentials) compared.push(standInCredential);
  let matched: CredentialRecord | undefined;
  for (const credential of compared) {
    const hash = credential.secretHash ?? standInCredential.secretHash ?? '';
    const isEqual = timingSafeEqual(decodeBase64url(hash), presented);
    if (isEqual && credential !== standInCredential && credential.secretHash !== null) matched = credential;
  }
  return matched;
}
