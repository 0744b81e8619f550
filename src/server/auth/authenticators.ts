/** Every auth method of the issuer, in one list. A new one is a file beside this and a line below. */
import type { AuthenticatorTools } from './authenticator-tools.js';
import { createChallengeResponse } from './challenge-response.js';
import type { ClientAuthenticator } from './client-authenticator.js';
import { createClientSecretBasic } from './client-secret-basic.js';
import { createEncryptedTime } from './encrypted-time.js';
import { createHttpSig } from './http-sig.js';
import { createSelfSignedTlsClientAuth } from './self-signed-tls-client-auth.js';
import { createSharedKeyHmac } from './shared-key-hmac.js';
import { createTlsClientAuth } from './tls-client-auth.js';

/** Every auth method, ready to check proofs. */
export function createAuthenticators(tools: AuthenticatorTools): readonly ClientAuthenticator[] {
  return [
    createClientSecretBasic(tools.issuer),
    createHttpSig(tools),
    createChallengeResponse(tools),
    createEncryptedTime(tools),
    createSharedKeyHmac(tools),
    createTlsClientAuth(tools.issuer),
    createSelfSignedTlsClientAuth(tools.issuer),
  ];
}
