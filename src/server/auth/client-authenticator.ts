/**
 * How a client proves itself to the issuer: one interface, one file a method. A proof says which client calls; a condition (such as
 * `ip`) is never enough alone and is combined with a proof by the client's policy. Nothing here knows HTTP statuses.
 */
import type { AnswerSigner } from '../../protocol/answer-signer.js';
import type { HeaderFields } from '../../protocol/header-fields.js';
import type { NonceClaim } from '../../protocol/replay-store.js';
import type { LoginAccount } from '../domain/issuer.js';
import type { Known } from '../domain/ports.js';
import type { PresentedCertificate } from '../domain/presented-certificate.js';
import type { AuthMethod, CredentialRecord } from '../domain/records.js';

export type { LoginAccount };

/** What a method may look at. */
export interface AuthenticationRequest {
  /** As sent. */
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  /** The issuer's own origin as configured, then `target`. */
  readonly targetUri: string;
  readonly headers: HeaderFields;
  /** Address of the client, forwarded ones resolved; `undefined` when it cannot be told. */
  readonly address: string | undefined;
  /** What the client showed in its side of TLS, judged but not yet matched with a client. */
  readonly certificate: PresentedCertificate | undefined;
  /** The body as sent, at most 64 KiB; read once however often it is asked for. Throws what reading a body throws. */
  body(): Known<Uint8Array>;
}

/** The exact reason of a failure: for the audit log, never for the caller. */
export type FailureReason =
  | 'credentials_missing'
  | 'credentials_malformed'
  | 'credentials_repeated'
  | 'credentials_conflict' // header and certificate prove two clients
  | 'client_unknown'
  | 'client_disabled'
  | 'credential_unknown'
  | 'credential_retired'
  | 'secret_wrong'
  | 'signature_wrong'
  | 'signature_incomplete' // a component or parameter that must be signed is not
  | 'algorithm_wrong'
  | 'digest_wrong'
  | 'request_wrong' // the proof is for another request
  | 'ciphertext_wrong'
  | 'time_wrong' // outside the window
  | 'challenge_wrong' // not made here, or for another client or purpose
  | 'challenge_expired'
  | 'replayed'
  | 'sent_before_start' // sent before the store of nonces was there
  | 'certificate_unknown'
  | 'certificate_revoked'
  | 'certificate_untrusted'
  | 'certificate_self_signed'
  | 'certificate_expired'
  | 'certificate_not_yet_valid'
  | 'certificate_wrong_purpose'
  | 'certificate_malformed'
  | 'address_denied'
  | 'auth_method_not_allowed'
  | 'rate_limited';

/** What a proof that holds says. */
export interface Proof {
  readonly ok: true;
  readonly client: string;
  readonly credential: CredentialRecord;
  readonly account: LoginAccount;
  /** Claimed by the registry after everything else was found good. */
  readonly claim?: NonceClaim | undefined;
  /** base64url SHA-256 of the certificate that the proof was made with. */
  readonly certificateThumbprint?: string | undefined;
  /** RFC 7638 thumbprint of the asymmetric key that the proof was made with. */
  readonly keyThumbprint?: string | undefined;
  /** Signs the answer, where the method has signed answers. */
  readonly signAnswer?: AnswerSigner | undefined;
}

/** Outcome of checking one proof. `account` is a stand-in where there is none, so that what follows takes the same work. */
export type AuthenticationResult =
  | Proof
  | {
      readonly ok: false;
      /** Claimed, not proved. */
      readonly client: string | undefined;
      readonly reason: FailureReason;
      readonly account: LoginAccount;
      /** Claimed although it is refused: the proof is genuine and would hold later, when somebody could send it again. */
      readonly claim?: NonceClaim | undefined;
      /** Signs the refusal, where the method has signed answers; there for unknown clients too, so that all look alike. */
      readonly signAnswer?: AnswerSigner | undefined;
    };

/** A method that proves which client calls. */
export interface ClientAuthenticator {
  /** Its name in policies, identifiers and discovery. */
  readonly method: AuthMethod;
  /** Whether the proof stands in the headers of the request, or in the connection that it came over. */
  readonly kind: 'header' | 'connection';
  /** Whether `request` carries a proof of this method, valid or not. */
  recognises(request: AuthenticationRequest): boolean;
  /** Checks the proof, with the same work for a client that is not there. Throws only for broken machinery and unreadable bodies. */
  authenticate(request: AuthenticationRequest): Known<AuthenticationResult>;
  /** Signs a refusal for which the proof was not looked at, where the method has signed answers; `undefined` where the proof is none. */
  refusalSigner?(request: AuthenticationRequest): Promise<AnswerSigner | undefined>;
}

/** A method that only narrows a proof. */
export interface ClientCondition {
  readonly method: string;
  holds(request: AuthenticationRequest, account: LoginAccount): boolean;
}
