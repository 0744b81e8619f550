/** Every auth method of the issuer, in one list. A new one is a file beside this and a line below. */
import type { KeyObject } from 'node:crypto';
import type { Clock, RandomBytes } from '../../core/index.js';
import type { PublicJwk } from '../../protocol/http-signature/index.js';
import type { Issuer } from '../domain/issuer.js';
import { createChallengeResponse } from './challenge-response.js';
import type { ClientAuthenticator } from './client-authenticator.js';
import { createClientSecretBasic } from './client-secret-basic.js';
import { createEncryptedTime } from './encrypted-time.js';
import { createHttpSig } from './http-sig.js';
import { createSelfSignedTlsClientAuth } from './self-signed-tls-client-auth.js';
import { createSharedKeyHmac } from './shared-key-hmac.js';
import { createTlsClientAuth } from './tls-client-auth.js';

/** What the methods stand on. */
export interface AuthenticatorTools {
  readonly issuer: Pick<
    Issuer,
    'credentialsForLogin' | 'credential' | 'credentialByBinding' | 'credentialSecret' | 'certificate'
  >;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** The issuer's URL, which proofs name as the server that they are for. */
  readonly serverName: () => string;
  /** Ed25519 key that signs answers. */
  readonly answerKey: { readonly pkcs8: Uint8Array; readonly jwk: PublicJwk; readonly kid: string };
  /** RSA key that `encrypted_time` is encrypted to. */
  readonly timeKey: { readonly decryptionKey: KeyObject; readonly jwk: PublicJwk; readonly kid: string };
  /** 32 bytes, the same in every process of one installation. */
  readonly challengeKey: Uint8Array;
}

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
