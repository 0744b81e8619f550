/**
 * How a client proves itself to the issuer: one interface, one file a method. A proof says which client calls; a condition (such as
 * `ip`) is never enough alone and is combined with a proof by the client's policy. Nothing here knows HTTP statuses.
 */
import type { Issuer } from '../domain/issuer.js';

/** What a method may look at. */
export interface AuthenticationRequest {
  /** Value of the one `Authorization` header. */
  readonly authorization: string | undefined;
  /** Address of the client, forwarded ones resolved; `undefined` when it cannot be told. */
  readonly address: string | undefined;
}

/** What the issuer keeps about a client that logs in. */
export type LoginAccount = NonNullable<Awaited<ReturnType<Issuer['credentialsForLogin']>>>;

/** The exact reason of a failure: for the audit log, never for the caller. */
export type FailureReason =
  | 'credentials_missing'
  | 'credentials_malformed'
  | 'credentials_repeated'
  | 'client_unknown'
  | 'client_disabled'
  | 'secret_wrong'
  | 'address_denied'
  | 'auth_method_not_allowed'
  | 'rate_limited';

/** Outcome of checking one proof. `account` is a stand-in where there is none, so that what follows takes the same work. */
export type AuthenticationResult =
  | { readonly ok: true; readonly client: string; readonly credentialId: string; readonly account: LoginAccount }
  | {
      readonly ok: false;
      /** Claimed, not proved. */
      readonly client: string | undefined;
      readonly reason: FailureReason;
      readonly account: LoginAccount;
    };

/** A method that proves which client calls. */
export interface ClientAuthenticator {
  /** Its name in policies, identifiers and discovery. */
  readonly method: string;
  /** Whether `request` carries a proof of this method, valid or not. */
  recognises(request: AuthenticationRequest): boolean;
  /** Checks the proof, with the same work for a client that is not there. Throws only for broken machinery. */
  authenticate(request: AuthenticationRequest): Promise<AuthenticationResult>;
}

/** A method that only narrows a proof. */
export interface ClientCondition {
  readonly method: string;
  holds(request: AuthenticationRequest, account: LoginAccount): boolean;
}
