/** What the auth methods stand on; each takes the part that it needs. */
import type { KeyObject } from 'node:crypto';
import type { Clock, RandomBytes } from '../../core/index.js';
import type { PublicJwk } from '../../protocol/http-signature/index.js';
import type { Issuer } from '../domain/issuer.js';

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
