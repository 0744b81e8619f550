/** What the handlers stand on: made once by `createApp`, handed to every call. */
import type { ChallengeRequest, ChallengeResponse } from '../../protocol/challenge.js';
import type { Enrol } from '../auth/enrolments.js';
import type { ClientLogin } from '../auth/registry.js';
import type { Issuer } from '../domain/issuer.js';
import type { IssuerVerifiers } from './issuer-verifiers.js';

/** A public key as JWK with `kid`, `use` and `alg`. */
export type PublishedKey = Readonly<Record<string, string>>;

export interface Services {
  readonly issuer: Issuer;
  readonly clientLogin: ClientLogin;
  /** Public keys of the issuer. */
  readonly jwks: readonly PublishedKey[];
  readonly makeChallenge: (request: ChallengeRequest) => Promise<ChallengeResponse>;
  readonly enrol: Enrol;
  readonly verifiers: IssuerVerifiers;
  /** Base URL that clients reach the issuer by, without a slash at its end. */
  readonly issuerUrl: () => string;
  /** URL of the listener for clients with a certificate alone; `undefined` where there is none. */
  readonly mtlsUrl: () => string | undefined;
  /** Throws when the issuer cannot work now. */
  readonly checkReady: () => Promise<void>;
  /** The OpenAPI document. */
  readonly describeApi: () => Record<string, unknown>;
}
