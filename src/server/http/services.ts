/** What the handlers stand on: made once by `createApp`, handed to every call. */
import type { PublicJwk } from '../../protocol/http-signature/index.js';
import type { ClientLogin } from '../auth/registry.js';
import type { Issuer } from '../domain/issuer.js';
import type { IssuerVerifiers } from './issuer-verifiers.js';

export interface Services {
  readonly issuer: Issuer;
  readonly clientLogin: ClientLogin;
  /** Public keys of the issuer. */
  readonly jwks: readonly PublicJwk[];
  readonly verifiers: IssuerVerifiers;
  /** Base URL that clients reach the issuer by, without a slash at its end. */
  readonly issuerUrl: () => string;
  /** Throws when the issuer cannot work now. */
  readonly checkReady: () => Promise<void>;
  /** The OpenAPI document. */
  readonly describeApi: () => Record<string, unknown>;
}
